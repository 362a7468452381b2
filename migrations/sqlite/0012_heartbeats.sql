-- How a rollback of the database or of a backend is noticed. Same name, number, tables and columns as
-- migrations/postgres/0012_heartbeats.sql.

-- The last heartbeat of each backend that was committed. It is written to the backend after that, so the backend shows this one or
-- the one before (NULL when there was none). `maker` is the incarnation that writes it: others leave it time to. Without the check of the nonce's length a damaged row would look like a clone.
CREATE TABLE heartbeat (
    backend        TEXT PRIMARY KEY,
    generation     INTEGER NOT NULL CHECK (generation >= 1),
    counter        INTEGER NOT NULL CHECK (counter >= 1),
    nonce          BLOB NOT NULL CHECK (length(nonce) = 16),
    before_counter INTEGER,
    before_nonce   BLOB CHECK (length(before_nonce) = 16),
    incarnation    INTEGER NOT NULL,
    sequence       INTEGER NOT NULL,
    maker          INTEGER NOT NULL,
    beaten_at      INTEGER NOT NULL,
    CHECK ((before_counter IS NULL) = (before_nonce IS NULL))
) STRICT, WITHOUT ROWID;

-- Backends that an operator must look at, and why (see gateway/src/domain/heartbeat.rs). Stays until the operator confirms.
CREATE TABLE backend_flag (
    backend    TEXT PRIMARY KEY,
    flag       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    flagged_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- An operator took it out of the cluster: its slivers are made again elsewhere. Absence from a gateway's configuration is not that.
ALTER TABLE backend ADD COLUMN removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1));

-- Incarnations up to this one that have no row are dead: an operator confirmed a restored database that had forgotten them.
ALTER TABLE cluster ADD COLUMN forgotten_incarnation INTEGER NOT NULL DEFAULT 0;
