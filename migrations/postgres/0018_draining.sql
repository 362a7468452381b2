-- Backends that are being drained. Same name, number, tables and columns as migrations/sqlite/0018_draining.sql.

-- When an operator asked for it, in microseconds since 1970, and how many slivers were there then; NULL while nobody did. New slivers go
-- elsewhere and those that are there are moved.
ALTER TABLE backend ADD COLUMN drain_began BIGINT;
ALTER TABLE backend ADD COLUMN drain_slivers BIGINT;
