-- Moving slivers between backends, and invitations of storage nodes. Same name, number, tables and columns as
-- migrations/postgres/0025_providers.sql.

-- The backend that replaces this one, which is being drained: what it holds goes there, and once nothing is left it leaves the cluster. NULL
-- for a plain drain.
ALTER TABLE backend ADD COLUMN successor TEXT;

-- A rebalance that is under way, one row or none: when it began, in microseconds since 1970, and what it was to move then.
CREATE TABLE rebalance (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    began_at INTEGER NOT NULL,
    slivers  INTEGER NOT NULL CHECK (slivers >= 0),
    bytes    INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

-- Invitations of storage nodes. `secret_hash`: BLAKE3 of the secret in the token, which is kept nowhere. `quota_bytes`: what the node is
-- asked to give. Times in microseconds since 1970; `used_at` is NULL and `node_key` empty until a node has come
-- with it.
CREATE TABLE invitation (
    secret_hash BLOB    PRIMARY KEY CHECK (length(secret_hash) = 32),
    quota_bytes INTEGER NOT NULL CHECK (quota_bytes > 0),
    created_at  INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    used_at     INTEGER,
    node_key    TEXT    NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX invitation_end ON invitation (ends_at);
