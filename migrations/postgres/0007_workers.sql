-- What background work keeps. Same name, number, tables and columns as migrations/sqlite/0007_workers.sql.

-- How many more slivers a blob may lose before it cannot be read: good slivers less k, when the job was last asked for.
-- Repair goes by it, because the blob that can lose the least must be first.
ALTER TABLE job ADD COLUMN urgency BIGINT NOT NULL DEFAULT 0;
-- The most urgent job of a kind, without reading the others.
CREATE INDEX job_urgency ON job (kind, urgency, blob_id);

-- Slivers that were replaced, until they are deleted from their backends: no blob's row names them any more, and without this
-- one they would be taken for those of a write under way.
CREATE TABLE discard (
    blob_id      BYTEA  NOT NULL CHECK (length(blob_id) = 16),
    sliver_index BIGINT NOT NULL CHECK (sliver_index BETWEEN 0 AND 255),
    attempt      BIGINT NOT NULL,
    backend      TEXT COLLATE "C" NOT NULL,
    not_before   BIGINT NOT NULL,
    PRIMARY KEY (blob_id, sliver_index, attempt, backend)
);
CREATE INDEX discard_due ON discard (not_before);

-- Uploads by age: those that are given up are found without reading the others.
CREATE INDEX upload_age ON upload (created_at);

-- Work that goes round, done by one gateway at a time: who does it, until when, and how far it came (JSON).
CREATE TABLE errand (
    name        TEXT COLLATE "C" PRIMARY KEY,
    holder      BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    progress    TEXT   NOT NULL
);

-- Messages about changes, written in the transaction of the change and deleted once their target has taken them. `seq` comes from
-- `version_seq`: of one key the message with the lower number goes first. `record` is the message (JSON) but for `seq` and
-- `version`, or the whole of it where `is_whole`.
CREATE TABLE event (
    seq        BIGINT  PRIMARY KEY,
    target     TEXT COLLATE "C" NOT NULL,
    bucket_id  BIGINT  NOT NULL,
    key        BYTEA   NOT NULL,
    version    TEXT    NOT NULL,
    record     TEXT    NOT NULL,
    is_whole   BOOLEAN NOT NULL,
    attempts   BIGINT  NOT NULL DEFAULT 0,
    not_before BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL
);
CREATE INDEX event_due ON event (not_before);
-- What must go before a message.
CREATE INDEX event_order ON event (target, bucket_id, key, seq);
