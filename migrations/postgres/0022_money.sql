-- Epochs, exact meters, and what buckets owe. Same name, number, tables and columns as migrations/sqlite/0022_money.sql.

-- What an hour's encoded bytes came to in time. `moment_high` * 2^32 + `moment_low` is the sum over all that came (and, negative, that
-- went) of encoded bytes times the microseconds since the hour began: with it bytes times time is exact to the microsecond. In one column it
-- would not fit 64 bits. `encoded_bytes_written`: of what came, that which clients sent, and not what was copied or moved inside.
-- Gateways of an earlier release count what they write as there since the hour began, and not as written.
ALTER TABLE meter ADD COLUMN moment_high BIGINT NOT NULL DEFAULT 0;
ALTER TABLE meter ADD COLUMN moment_low BIGINT NOT NULL DEFAULT 0;
ALTER TABLE meter ADD COLUMN encoded_bytes_written BIGINT NOT NULL DEFAULT 0;

-- Epochs of money, without gaps: each begins where the one before ended, by the database's clock. `mode`: 0 tracked, 1 charged, 2 off.
-- Prices are FROST. `state`: open; charging (buckets up to `charged_through` were); charged; settled. `is_caught_up`: it was over when it
-- was begun, because no gateway ran.
CREATE TABLE epoch (
    number             BIGINT PRIMARY KEY CHECK (number > 0),
    begins_at          BIGINT NOT NULL UNIQUE,
    ends_at            BIGINT NOT NULL CHECK (ends_at > begins_at),
    mode               BIGINT NOT NULL CHECK (mode BETWEEN 0 AND 2),
    storage_price      BIGINT NOT NULL CHECK (storage_price >= 0),
    write_price        BIGINT NOT NULL CHECK (write_price >= 0),
    read_request_price BIGINT NOT NULL CHECK (read_request_price >= 0),
    write_request_price BIGINT NOT NULL CHECK (write_request_price >= 0),
    egress_price       BIGINT NOT NULL CHECK (egress_price >= 0),
    state              TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'charging', 'charged', 'settled')),
    charged_through    BIGINT NOT NULL,
    is_caught_up       BOOLEAN NOT NULL
);
CREATE INDEX epoch_unsettled ON epoch (number) WHERE state <> 'settled';

-- Who pays for a bucket, how much, and what was charged: a row comes with the first of these, and stays when the bucket is gone until
-- what it held is charged. `payer`: an account of the ledger; empty for its owner's. `meters` is JSON: sums of meters up to an hour, and what
-- of them was charged. `hold_id`: the pending transfer of `hold_amount` that reserves its funds. `unpaid`: charges that its payer could not
-- pay. `alerted_percent` of the limit or the funds were alerted in `alerted_epoch`.
CREATE TABLE bucket_funds (
    bucket_id       BIGINT PRIMARY KEY,
    name            TEXT COLLATE "C" NOT NULL,
    owner           BIGINT NOT NULL,
    payer           TEXT COLLATE "C" NOT NULL DEFAULT '',
    spend_limit     BIGINT CHECK (spend_limit >= 0),
    is_gone         BOOLEAN NOT NULL DEFAULT FALSE,
    meters          TEXT COLLATE "C" NOT NULL DEFAULT '',
    hold_id         BYTEA   CHECK (length(hold_id) = 16),
    hold_amount     BIGINT NOT NULL DEFAULT 0 CHECK (hold_amount >= 0),
    hold_payer      TEXT COLLATE "C" NOT NULL DEFAULT '',
    hold_epoch      BIGINT NOT NULL DEFAULT 0,
    hold_grown      BIGINT NOT NULL DEFAULT 0,
    unpaid          BIGINT NOT NULL DEFAULT 0 CHECK (unpaid >= 0),
    alerted_epoch   BIGINT NOT NULL DEFAULT 0,
    alerted_percent BIGINT NOT NULL DEFAULT 0
);

-- What each bucket used and owed in each epoch. Without the key an epoch could be charged twice.
CREATE TABLE bill (
    epoch          BIGINT NOT NULL,
    bucket_id      BIGINT NOT NULL,
    bucket         TEXT COLLATE "C" NOT NULL,
    book           BIGINT NOT NULL CHECK (book IN (0, 1)),
    payer          TEXT COLLATE "C" NOT NULL,
    byte_micros    TEXT COLLATE "C" NOT NULL,
    written_bytes  BIGINT NOT NULL,
    requests_read  BIGINT NOT NULL,
    requests_write BIGINT NOT NULL,
    egress_bytes   BIGINT NOT NULL,
    storage        BIGINT NOT NULL CHECK (storage >= 0),
    write          BIGINT NOT NULL CHECK (write >= 0),
    requests       BIGINT NOT NULL CHECK (requests >= 0),
    egress         BIGINT NOT NULL CHECK (egress >= 0),
    unpaid         BIGINT NOT NULL CHECK (unpaid >= 0),
    PRIMARY KEY (epoch, bucket_id)
);
CREATE INDEX bill_bucket ON bill (bucket_id, epoch);

-- What each settled epoch was planned from, byte for byte as it is published, and the number of the ledger's last transfer that belongs to it.
CREATE TABLE settlement (
    epoch   BIGINT PRIMARY KEY,
    inputs  BYTEA NOT NULL,
    through BIGINT NOT NULL
);

-- What settlement carries from one epoch to the next: one row of JSON, changed in the transaction that settles.
CREATE TABLE settlement_state (
    id    BIGINT PRIMARY KEY CHECK (id = 1),
    state TEXT COLLATE "C" NOT NULL
);
