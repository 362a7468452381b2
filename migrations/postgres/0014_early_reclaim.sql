-- Deletion before the end of the grace, and queues without scans. Same name, number, tables and columns as
-- migrations/sqlite/0014_early_reclaim.sql.

-- A number of `version_seq` after which every read of this gateway began that is under way or will be; NULL until it says so,
-- and for a release before this one. While space is short, what was dead before the lowest of them goes before its grace is over.
ALTER TABLE incarnation ADD COLUMN oldest_read BIGINT;

-- Tokens that expired, without reading the others.
CREATE INDEX commit_token_age ON commit_token (created_at);

-- The messages of one target that are due, without reading those of the others: a target that is away must hold up no other.
CREATE INDEX event_due_of_target ON event (target, not_before);
DROP INDEX event_due;
