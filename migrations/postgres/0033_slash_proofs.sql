-- What proves a slash. Same name, number, tables and columns as migrations/sqlite/0033_slash_proofs.sql.

-- The epoch whose settlement slashed for this verdict: the published inputs name it as evidence for ever, so it is never removed.
ALTER TABLE verdict ADD COLUMN slashed_in BIGINT CHECK (slashed_in > 0);
-- What was slashed so far, as far as it is still there.
UPDATE verdict SET slashed_in = (
    SELECT e.number FROM epoch e WHERE e.begins_at <= verdict.judged_at AND verdict.judged_at < e.ends_at AND e.state = 'settled'
) WHERE verdict = 'wrong' AND method = 'challenge' AND evidence LIKE '%"signature":"%';
