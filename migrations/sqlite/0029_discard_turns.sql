-- Turns of the backends on which replaced slivers wait for their deletion. Same name, number, tables and columns as
-- migrations/postgres/0029_discard_turns.sql.

-- How often it was claimed: the pauses between grow.
ALTER TABLE discard ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
-- What is due on one backend, without reading what waits for others.
CREATE INDEX discard_of_backend ON discard (backend, not_before);
