-- Epochs, exact meters, and what buckets owe. Same name, number, tables and columns as migrations/postgres/0022_money.sql.

-- What an hour's encoded bytes came to in time. `moment_high` * 2^32 + `moment_low` is the sum over all that came (and, negative, that
-- went) of encoded bytes times the microseconds since the hour began: with it bytes times time is exact to the microsecond. In one column it
-- would not fit 64 bits. `encoded_bytes_written`: of what came, that which clients sent, and not what was copied or moved inside.
-- Gateways of an earlier release count what they write as there since the hour began, and not as written.
ALTER TABLE meter ADD COLUMN moment_high INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meter ADD COLUMN moment_low INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meter ADD COLUMN encoded_bytes_written INTEGER NOT NULL DEFAULT 0;

-- Epochs of money, without gaps: each begins where the one before ended, by the database's clock. `mode`: 0 tracked, 1 charged, 2 off.
-- Prices are FROST. `state`: open; charging (buckets up to `charged_through` were); charged; settled. `is_caught_up`: it was over when it
-- was begun, because no gateway ran.
CREATE TABLE epoch (
    number             INTEGER PRIMARY KEY CHECK (number > 0),
    begins_at          INTEGER NOT NULL UNIQUE,
    ends_at            INTEGER NOT NULL CHECK (ends_at > begins_at),
    mode               INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 2),
    storage_price      INTEGER NOT NULL CHECK (storage_price >= 0),
    write_price        INTEGER NOT NULL CHECK (write_price >= 0),
    read_request_price INTEGER NOT NULL CHECK (read_request_price >= 0),
    write_request_price INTEGER NOT NULL CHECK (write_request_price >= 0),
    egress_price       INTEGER NOT NULL CHECK (egress_price >= 0),
    state              TEXT    NOT NULL CHECK (state IN ('open', 'charging', 'charged', 'settled')),
    charged_through    INTEGER NOT NULL,
    is_caught_up       INTEGER NOT NULL CHECK (is_caught_up IN (0, 1))
) STRICT;
CREATE INDEX epoch_unsettled ON epoch (number) WHERE state <> 'settled';

-- Who pays for a bucket, how much, and what was charged: a row comes with the first of these, and stays when the bucket is gone until
-- what it held is charged. `payer`: an account of the ledger; empty for its owner's. `meters` is JSON: sums of meters up to an hour, and what
-- of them was charged. `hold_id`: the pending transfer of `hold_amount` that reserves its funds. `unpaid`: charges that its payer could not
-- pay. `alerted_percent` of the limit or the funds were alerted in `alerted_epoch`.
CREATE TABLE bucket_funds (
    bucket_id       INTEGER PRIMARY KEY,
    name            TEXT    NOT NULL,
    owner           INTEGER NOT NULL,
    payer           TEXT    NOT NULL DEFAULT '',
    spend_limit     INTEGER CHECK (spend_limit >= 0),
    is_gone         INTEGER NOT NULL DEFAULT 0 CHECK (is_gone IN (0, 1)),
    meters          TEXT    NOT NULL DEFAULT '',
    hold_id         BLOB    CHECK (length(hold_id) = 16),
    hold_amount     INTEGER NOT NULL DEFAULT 0 CHECK (hold_amount >= 0),
    hold_payer      TEXT    NOT NULL DEFAULT '',
    hold_epoch      INTEGER NOT NULL DEFAULT 0,
    hold_grown      INTEGER NOT NULL DEFAULT 0,
    unpaid          INTEGER NOT NULL DEFAULT 0 CHECK (unpaid >= 0),
    alerted_epoch   INTEGER NOT NULL DEFAULT 0,
    alerted_percent INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What each bucket used and owed in each epoch. Without the key an epoch could be charged twice.
CREATE TABLE bill (
    epoch          INTEGER NOT NULL,
    bucket_id      INTEGER NOT NULL,
    bucket         TEXT    NOT NULL,
    book           INTEGER NOT NULL CHECK (book IN (0, 1)),
    payer          TEXT    NOT NULL,
    byte_micros    TEXT    NOT NULL,
    written_bytes  INTEGER NOT NULL,
    requests_read  INTEGER NOT NULL,
    requests_write INTEGER NOT NULL,
    egress_bytes   INTEGER NOT NULL,
    storage        INTEGER NOT NULL CHECK (storage >= 0),
    write          INTEGER NOT NULL CHECK (write >= 0),
    requests       INTEGER NOT NULL CHECK (requests >= 0),
    egress         INTEGER NOT NULL CHECK (egress >= 0),
    unpaid         INTEGER NOT NULL CHECK (unpaid >= 0),
    PRIMARY KEY (epoch, bucket_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bill_bucket ON bill (bucket_id, epoch);

-- What each settled epoch was planned from, byte for byte as it is published, and the number of the ledger's last transfer that belongs to it.
CREATE TABLE settlement (
    epoch   INTEGER PRIMARY KEY,
    inputs  BLOB NOT NULL,
    through INTEGER NOT NULL
) STRICT;

-- What settlement carries from one epoch to the next: one row of JSON, changed in the transaction that settles.
CREATE TABLE settlement_state (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL
) STRICT;
