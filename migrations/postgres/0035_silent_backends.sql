-- Backends that settlements found silent. Same name, number, tables and columns as migrations/sqlite/0035_silent_backends.sql.

-- The epoch whose settlement found that it was silent too often. Nothing new goes there until it answers an audit, which takes this away:
-- otherwise who is silent would go on to be given what it is not there to keep.
ALTER TABLE reputation ADD COLUMN silent_in BIGINT CHECK (silent_in > 0);
