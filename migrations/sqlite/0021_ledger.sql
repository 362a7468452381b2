-- The ledger: accounts and immutable transfers. Same name, number, tables and columns as migrations/postgres/0021_ledger.sql.
-- Amounts are FROST. Books: 0 is tracked, 1 is charged; accounts of different books never meet.

-- The sums of each account. Without the checks an account could give what it has not, or reserve the same money twice; without the
-- trigger its past could vanish. `is_limited`: its debits must not exceed its credits.
CREATE TABLE ledger_account (
    book            INTEGER NOT NULL CHECK (book IN (0, 1)),
    name            TEXT    NOT NULL,
    is_limited      INTEGER NOT NULL CHECK (is_limited IN (0, 1)),
    debits_pending  INTEGER NOT NULL CHECK (debits_pending >= 0),
    debits_posted   INTEGER NOT NULL CHECK (debits_posted >= 0),
    credits_pending INTEGER NOT NULL CHECK (credits_pending >= 0),
    credits_posted  INTEGER NOT NULL CHECK (credits_posted >= 0),
    PRIMARY KEY (book, name),
    CHECK (NOT is_limited OR debits_pending <= credits_posted - debits_posted)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER ledger_account_stays BEFORE DELETE ON ledger_account
BEGIN SELECT RAISE(ABORT, 'accounts of the ledger are never removed'); END;

-- Transfers in their order, without gaps. `phase`: 0 posted, 1 pending, 2 posts, 3 voids or 4 expires the pending transfer `pending_id`,
-- which without its index could be resolved twice. `reference` is an operator's, and without its index money could enter twice.
CREATE TABLE ledger_transfer (
    seq            INTEGER PRIMARY KEY CHECK (seq > 0),
    id             BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    book           INTEGER NOT NULL CHECK (book IN (0, 1)),
    debit          TEXT    NOT NULL,
    credit         TEXT    NOT NULL CHECK (credit <> debit),
    amount         INTEGER NOT NULL CHECK (amount > 0),
    code           TEXT    NOT NULL,
    epoch          INTEGER NOT NULL CHECK (epoch >= 0),
    cause          TEXT    NOT NULL,
    phase          INTEGER NOT NULL CHECK (phase BETWEEN 0 AND 4),
    pending_id     BLOB    UNIQUE CHECK ((pending_id IS NOT NULL) = (phase >= 2)),
    timeout_micros INTEGER CHECK (timeout_micros IS NULL OR (timeout_micros > 0 AND phase = 1)),
    reference      TEXT,
    recorded_at    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ledger_transfer_reference ON ledger_transfer (book, reference) WHERE reference IS NOT NULL;
CREATE INDEX ledger_transfer_debit ON ledger_transfer (book, debit, seq);
CREATE INDEX ledger_transfer_credit ON ledger_transfer (book, credit, seq);
CREATE INDEX ledger_transfer_epoch ON ledger_transfer (epoch, seq);
CREATE TRIGGER ledger_transfer_unchanged BEFORE UPDATE ON ledger_transfer
BEGIN SELECT RAISE(ABORT, 'transfers are never changed'); END;
CREATE TRIGGER ledger_transfer_stays BEFORE DELETE ON ledger_transfer
BEGIN SELECT RAISE(ABORT, 'transfers are never removed'); END;

-- Where the ledger ends: one row, which whoever appends holds alone, so that numbers have no gaps and times never go back.
CREATE TABLE ledger_end (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    seq     INTEGER NOT NULL CHECK (seq >= 0),
    last_at INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_end (id, seq, last_at) VALUES (1, 0, 0);
