-- What the key of an upload held when the upload began. Same name, number, table and column as
-- migrations/sqlite/0017_uploads_begun_over.sql.

-- The id of the version that was current, a delete marker's included; empty where there was none. A conditional Complete is refused
-- when it is another one by then. NULL in uploads that an earlier release began: they are not held to it.
ALTER TABLE upload ADD COLUMN begun_over BYTEA;
