-- Repair jobs that wait apart from those that can be claimed. Same name, number, tables and columns as
-- migrations/postgres/0013_repair_queue.sql.

-- It was claimed or put off until `claimed_until`. A release before this one leaves it as it is, so a job that can be claimed by
-- this column may still have to wait by the other.
ALTER TABLE job ADD COLUMN waits INTEGER NOT NULL DEFAULT 0 CHECK (waits IN (0, 1));
UPDATE job SET waits = 1 WHERE claimed_until > 0;
-- The most urgent job that can be claimed, without reading those that wait. Without this one, a million jobs that wait for a
-- backend were read with each claim.
DROP INDEX job_urgency;
CREATE INDEX job_ready ON job (kind, urgency, blob_id) WHERE NOT waits;
-- The jobs whose wait is over, without reading the others.
CREATE INDEX job_waiting ON job (kind, claimed_until) WHERE waits;
