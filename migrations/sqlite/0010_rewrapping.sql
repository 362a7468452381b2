-- Rotation of the cluster key. Same columns as migrations/postgres/0010_rewrapping.sql.

-- The blob's data key as a later cluster key has wrapped it; NULL until then. `wrapped_key` stays what the headers of the
-- slivers say, because their roots prove the headers: replacing it would make every sliver look forged.
ALTER TABLE blob ADD COLUMN rewrapped_key BLOB CHECK (rewrapped_key IS NULL OR length(rewrapped_key) = 64);
