-- The ledger: accounts and immutable transfers. Same name, number, tables and columns as migrations/sqlite/0021_ledger.sql.
-- Amounts are FROST. Books: 0 is tracked, 1 is charged; accounts of different books never meet.

-- The sums of each account. Without the checks an account could give what it has not, or reserve the same money twice; without the
-- trigger its past could vanish. `is_limited`: its debits must not exceed its credits.
CREATE TABLE ledger_account (
    book            BIGINT  NOT NULL CHECK (book IN (0, 1)),
    name            TEXT COLLATE "C" NOT NULL,
    is_limited      BOOLEAN NOT NULL,
    debits_pending  BIGINT  NOT NULL CHECK (debits_pending >= 0),
    debits_posted   BIGINT  NOT NULL CHECK (debits_posted >= 0),
    credits_pending BIGINT  NOT NULL CHECK (credits_pending >= 0),
    credits_posted  BIGINT  NOT NULL CHECK (credits_posted >= 0),
    PRIMARY KEY (book, name),
    CHECK (NOT is_limited OR debits_pending <= credits_posted - debits_posted)
);

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER ledger_account_stays BEFORE DELETE ON ledger_account FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_account_whole BEFORE TRUNCATE ON ledger_account FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- Transfers in their order, without gaps. `phase`: 0 posted, 1 pending, 2 posts, 3 voids or 4 expires the pending transfer `pending_id`,
-- which without its index could be resolved twice. `reference` is an operator's, and without its index money could enter twice.
CREATE TABLE ledger_transfer (
    seq            BIGINT  PRIMARY KEY CHECK (seq > 0),
    id             BYTEA   NOT NULL UNIQUE CHECK (length(id) = 16),
    book           BIGINT  NOT NULL CHECK (book IN (0, 1)),
    debit          TEXT COLLATE "C" NOT NULL,
    credit         TEXT COLLATE "C" NOT NULL CHECK (credit <> debit),
    amount         BIGINT  NOT NULL CHECK (amount > 0),
    code           TEXT COLLATE "C" NOT NULL,
    epoch          BIGINT  NOT NULL CHECK (epoch >= 0),
    cause          TEXT COLLATE "C" NOT NULL,
    phase          BIGINT  NOT NULL CHECK (phase BETWEEN 0 AND 4),
    pending_id     BYTEA   UNIQUE CHECK ((pending_id IS NOT NULL) = (phase >= 2)),
    timeout_micros BIGINT  CHECK (timeout_micros IS NULL OR (timeout_micros > 0 AND phase = 1)),
    reference      TEXT COLLATE "C",
    recorded_at    BIGINT  NOT NULL
);
CREATE UNIQUE INDEX ledger_transfer_reference ON ledger_transfer (book, reference) WHERE reference IS NOT NULL;
CREATE INDEX ledger_transfer_debit ON ledger_transfer (book, debit, seq);
CREATE INDEX ledger_transfer_credit ON ledger_transfer (book, credit, seq);
CREATE INDEX ledger_transfer_epoch ON ledger_transfer (epoch, seq);
CREATE TRIGGER ledger_transfer_unchanged BEFORE UPDATE OR DELETE ON ledger_transfer
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_transfer_whole BEFORE TRUNCATE ON ledger_transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- Where the ledger ends: one row, which whoever appends holds alone, so that numbers have no gaps and times never go back.
CREATE TABLE ledger_end (
    id      BIGINT  PRIMARY KEY CHECK (id = 1),
    seq     BIGINT  NOT NULL CHECK (seq >= 0),
    last_at BIGINT  NOT NULL
);
INSERT INTO ledger_end (id, seq, last_at) VALUES (1, 0, 0);
