-- Versioning, object lock and quotas. Same name, number, tables and columns as migrations/sqlite/0003_versions.sql.

-- What a commit must know of its bucket, read under the bucket's lock. `versioning`: 0 never, 1 enabled, 2 suspended.
-- `is_locked`: object lock is on, which cannot be undone. `lock_*`: the retention of versions that bring none; mode 1 is
-- governance, 2 compliance; days or years, never both. `has_quota`: the bucket or its owner has a row in `quota`, so that
-- commits into all other buckets need not look.
ALTER TABLE bucket ADD COLUMN versioning BIGINT NOT NULL DEFAULT 0 CHECK (versioning BETWEEN 0 AND 2);
ALTER TABLE bucket ADD COLUMN is_locked  BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE bucket ADD COLUMN lock_mode  BIGINT CHECK (lock_mode BETWEEN 1 AND 2);
ALTER TABLE bucket ADD COLUMN lock_days  BIGINT CHECK (lock_days > 0);
ALTER TABLE bucket ADD COLUMN lock_years BIGINT CHECK (lock_years > 0);
ALTER TABLE bucket ADD COLUMN has_quota  BOOLEAN NOT NULL DEFAULT FALSE;

-- What keeps a version: retention (mode and end) and legal hold; NULL when it was never set.
ALTER TABLE version ADD COLUMN lock_mode    BIGINT CHECK (lock_mode BETWEEN 1 AND 2);
ALTER TABLE version ADD COLUMN retain_until BIGINT ;
ALTER TABLE version ADD COLUMN legal_hold   BOOLEAN;
-- Versions by the id clients use. Null versions are not in it, so that writes into buckets that never had versions are spared
-- a page. Unique, because a version id is drawn once.
CREATE UNIQUE INDEX version_by_id ON version (version_id) WHERE NOT is_null;
-- A key's null version when it is not the current one. Unique: were there two, nobody could say which one is meant.
CREATE UNIQUE INDEX version_old_null ON version (bucket_id, key) WHERE is_null AND NOT is_current;

-- The lock an upload asked for, which its version will have.
ALTER TABLE upload ADD COLUMN lock_mode    BIGINT CHECK (lock_mode BETWEEN 1 AND 2);
ALTER TABLE upload ADD COLUMN retain_until BIGINT ;
ALTER TABLE upload ADD COLUMN legal_hold   BOOLEAN;

-- The name of the version that an upload became.
ALTER TABLE completed_upload ADD COLUMN is_null BOOLEAN NOT NULL DEFAULT TRUE;

-- Quotas with their running sums: bytes of content of all versions and parts, number of versions that are no delete markers. A row
-- is there only while there is a quota. `scope` is `bucket` or `user`, `id` that of the bucket or account.
CREATE TABLE quota (
    scope       TEXT COLLATE "C" NOT NULL CHECK (scope IN ('bucket', 'user')),
    id          BIGINT NOT NULL,
    bytes_max   BIGINT CHECK (bytes_max >= 0),
    objects_max BIGINT CHECK (objects_max >= 0),
    bytes       BIGINT NOT NULL,
    objects     BIGINT NOT NULL,
    PRIMARY KEY (scope, id)
);
