-- Which transaction made a change, so that segments of the journal end where transactions do. Same name, number, tables and columns as
-- migrations/sqlite/0036_journal_transactions.sql.

-- The number that the server gave the transaction. 0: recorded before there was this column.
ALTER TABLE journal_outbox ADD COLUMN transaction_id BIGINT NOT NULL DEFAULT 0;

-- A transaction that is too large for one segment: the last segment holds a part of it, and the next one holds more. NULL: it is whole.
ALTER TABLE journal_end ADD COLUMN unfinished BIGINT;

-- As in 0028, with the transaction.
CREATE OR REPLACE FUNCTION journal_add(relation TEXT, removed JSON, written JSON) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF COALESCE(current_setting('haulout.unjournaled', TRUE), '') <> 'on' AND (removed IS NOT NULL OR written IS NOT NULL) THEN
        INSERT INTO journal_outbox (relation, removed, written, recorded_at, transaction_id) VALUES (
            relation, COALESCE(removed::TEXT, '[]'), COALESCE(written::TEXT, '[]'),
            CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT), txid_current()
        );
    END IF;
END
$$;
