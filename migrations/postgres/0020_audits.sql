-- Audits of providers. Same name, number, tables and columns as migrations/sqlite/0020_audits.sql.

-- Numbers of blobs without order or gaps that matter: one that is drawn at random names a blob, or none when its blob is gone, so a
-- sample costs the same however many there are. NULL until a blob that is older than this was numbered.
ALTER TABLE blob ADD COLUMN serial BIGINT;
-- A gateway of a release before this one numbers its blobs by the default.
CREATE SEQUENCE blob_serial_seq;
ALTER TABLE blob ALTER COLUMN serial SET DEFAULT nextval('blob_serial_seq');
CREATE UNIQUE INDEX blob_serial ON blob (serial) WHERE serial IS NOT NULL;

-- Epochs of audits. `secret` decides what is asked for; its hash is shown to nodes when the epoch begins (`commitment`), itself when it
-- is over (`revealed_at`). `serials`: the highest number of a blob when it began. `rechecked_at`: a share of its verdicts was judged again.
CREATE TABLE audit_epoch (
    number       BIGINT  PRIMARY KEY CHECK (number > 0),
    secret       BYTEA   NOT NULL CHECK (length(secret) = 32),
    commitment   BYTEA   NOT NULL CHECK (length(commitment) = 32),
    serials      BIGINT  NOT NULL CHECK (serials >= 0),
    begun_at     BIGINT  NOT NULL,
    ends_at      BIGINT  NOT NULL CHECK (ends_at > begun_at),
    revealed_at  BIGINT,
    rechecked_at BIGINT
);

-- What an epoch asks of one backend, and how far that is. `nonce` is the backend's part in the choice, zeros of one that is no node;
-- `nonce_signature` the node's over it. `due`: samples in the whole epoch; `drawn`: numbers drawn so far; `found`: those that named a sliver
-- of the backend; `bytes`: what the answers came to.
CREATE TABLE audit_share (
    epoch           BIGINT  NOT NULL,
    backend         TEXT    NOT NULL,
    nonce           BYTEA   NOT NULL CHECK (length(nonce) = 32),
    nonce_signature BYTEA,
    due             BIGINT  NOT NULL CHECK (due >= 0),
    drawn           BIGINT  NOT NULL CHECK (drawn >= 0),
    found           BIGINT  NOT NULL CHECK (found >= 0),
    bytes           BIGINT  NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (epoch, backend)
);

-- What audits came to. `evidence` is JSON from which the judgement can be repeated; it goes first, and is empty then. `is_reported`: the node knows it.
-- `recheck`: what judging the evidence again came to; empty before that.
CREATE TABLE verdict (
    id           BYTEA   PRIMARY KEY CHECK (length(id) = 16),
    backend      TEXT    NOT NULL,
    epoch        BIGINT  NOT NULL,
    blob_id      BYTEA   NOT NULL CHECK (length(blob_id) = 16),
    sliver_index BIGINT  NOT NULL,
    attempt      BIGINT  NOT NULL,
    method       TEXT    NOT NULL,
    verdict      TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    evidence     TEXT    NOT NULL,
    judged_at    BIGINT  NOT NULL,
    is_reported  BOOLEAN NOT NULL,
    recheck      TEXT    NOT NULL
);
CREATE INDEX verdict_backend ON verdict (backend, judged_at);
CREATE INDEX verdict_age ON verdict (judged_at);
CREATE INDEX verdict_epoch ON verdict (epoch, id);
CREATE INDEX verdict_unreported ON verdict (backend, judged_at) WHERE NOT is_reported;

-- Slivers whose backend was reached and gave no data: asked again at `due_at`, about the same bytes.
CREATE TABLE contained_audit (
    backend      TEXT    NOT NULL,
    blob_id      BYTEA   NOT NULL CHECK (length(blob_id) = 16),
    sliver_index BIGINT  NOT NULL,
    attempt      BIGINT  NOT NULL,
    epoch        BIGINT  NOT NULL,
    draw         BIGINT  NOT NULL,
    tries        BIGINT  NOT NULL CHECK (tries > 0),
    due_at       BIGINT  NOT NULL,
    PRIMARY KEY (backend, blob_id, sliver_index)
);
CREATE INDEX contained_audit_due ON contained_audit (due_at);

-- What is thought of a backend, in millionths: decaying sums of good and bad outcomes of audits of its data, of answers without a clear
-- meaning, and of being there at all. `suspended_at`: since when nothing new goes there and what is there is moved off, and why.
CREATE TABLE reputation (
    backend      TEXT    PRIMARY KEY,
    kept_good    BIGINT  NOT NULL,
    kept_bad     BIGINT  NOT NULL,
    clear_good   BIGINT  NOT NULL,
    clear_bad    BIGINT  NOT NULL,
    online_good  BIGINT  NOT NULL,
    online_bad   BIGINT  NOT NULL,
    audits       BIGINT  NOT NULL,
    suspended_at BIGINT,
    reason       TEXT    NOT NULL
);
