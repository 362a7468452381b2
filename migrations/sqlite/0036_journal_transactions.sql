-- Which transaction made a change, so that segments of the journal end where transactions do. Same name, number, tables and columns as
-- migrations/postgres/0036_journal_transactions.sql.

-- The number of the last change before the transaction began. 0: recorded before there was this column.
ALTER TABLE journal_outbox ADD COLUMN transaction_id INTEGER NOT NULL DEFAULT 0;

-- A transaction that is too large for one segment: the last segment holds a part of it, and the next one holds more. NULL: it is whole.
ALTER TABLE journal_end ADD COLUMN unfinished INTEGER;
