-- Versioning, object lock and quotas. Same name, number, tables and columns as migrations/postgres/0003_versions.sql.

-- What a commit must know of its bucket, read under the bucket's lock. `versioning`: 0 never, 1 enabled, 2 suspended.
-- `is_locked`: object lock is on, which cannot be undone. `lock_*`: the retention of versions that bring none; mode 1 is
-- governance, 2 compliance; days or years, never both. `has_quota`: the bucket or its owner has a row in `quota`, so that
-- commits into all other buckets need not look.
ALTER TABLE bucket ADD COLUMN versioning INTEGER NOT NULL DEFAULT 0 CHECK (versioning BETWEEN 0 AND 2);
ALTER TABLE bucket ADD COLUMN is_locked  INTEGER NOT NULL DEFAULT 0 CHECK (is_locked IN (0, 1));
ALTER TABLE bucket ADD COLUMN lock_mode  INTEGER CHECK (lock_mode BETWEEN 1 AND 2);
ALTER TABLE bucket ADD COLUMN lock_days  INTEGER CHECK (lock_days > 0);
ALTER TABLE bucket ADD COLUMN lock_years INTEGER CHECK (lock_years > 0);
ALTER TABLE bucket ADD COLUMN has_quota  INTEGER NOT NULL DEFAULT 0 CHECK (has_quota IN (0, 1));

-- What keeps a version: retention (mode and end) and legal hold; NULL when it was never set.
ALTER TABLE version ADD COLUMN lock_mode    INTEGER CHECK (lock_mode BETWEEN 1 AND 2);
ALTER TABLE version ADD COLUMN retain_until INTEGER;
ALTER TABLE version ADD COLUMN legal_hold   INTEGER CHECK (legal_hold IN (0, 1));
-- Versions by the id clients use. Null versions are not in it, so that writes into buckets that never had versions are spared
-- a page. Unique, because a version id is drawn once.
CREATE UNIQUE INDEX version_by_id ON version (version_id) WHERE NOT is_null;
-- A key's null version when it is not the current one. Unique: were there two, nobody could say which one is meant.
CREATE UNIQUE INDEX version_old_null ON version (bucket_id, key) WHERE is_null AND NOT is_current;

-- The lock an upload asked for, which its version will have.
ALTER TABLE upload ADD COLUMN lock_mode    INTEGER CHECK (lock_mode BETWEEN 1 AND 2);
ALTER TABLE upload ADD COLUMN retain_until INTEGER;
ALTER TABLE upload ADD COLUMN legal_hold   INTEGER CHECK (legal_hold IN (0, 1));

-- The name of the version that an upload became.
ALTER TABLE completed_upload ADD COLUMN is_null INTEGER NOT NULL DEFAULT 1 CHECK (is_null IN (0, 1));

-- Quotas with their running sums: bytes of content of all versions and parts, number of versions that are no delete markers. A row
-- is there only while there is a quota. `scope` is `bucket` or `user`, `id` that of the bucket or account.
CREATE TABLE quota (
    scope       TEXT    NOT NULL CHECK (scope IN ('bucket', 'user')),
    id          INTEGER NOT NULL,
    bytes_max   INTEGER CHECK (bytes_max >= 0),
    objects_max INTEGER CHECK (objects_max >= 0),
    bytes       INTEGER NOT NULL,
    objects     INTEGER NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;
