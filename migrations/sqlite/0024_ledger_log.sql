-- The published log of the ledger. Same name, number, tables and columns as migrations/postgres/0024_ledger_log.sql.

-- Under which name the log is published, and its secrets, sealed by the cluster key: the seed that signs checkpoints and the key that
-- salts names. They stay when cluster keys are replaced: with another key the same names would be published as others.
CREATE TABLE ledger_log (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    origin TEXT    NOT NULL,
    sealed BLOB    NOT NULL
) STRICT;

-- The leaves, as they are hashed, from 0 without gaps. Without the triggers a change would be noticed only by whoever verifies.
CREATE TABLE ledger_leaf (
    number INTEGER PRIMARY KEY CHECK (number >= 0),
    leaf   TEXT    NOT NULL
) STRICT;
CREATE TRIGGER ledger_leaf_unchanged BEFORE UPDATE ON ledger_leaf
BEGIN SELECT RAISE(ABORT, 'leaves of the ledger''s log are never changed'); END;
CREATE TRIGGER ledger_leaf_stays BEFORE DELETE ON ledger_leaf
BEGIN SELECT RAISE(ABORT, 'leaves of the ledger''s log are never removed'); END;

-- What was signed at the end of each epoch, and from what the epoch was settled. `through`: the ledger's transfers up to this number
-- are in the tree; `transfers`: how many they are; `frontier`: the tree's complete subtrees, largest first. Cosignatures are added to `note`.
-- Without the key an epoch could be published twice.
CREATE TABLE ledger_checkpoint (
    size      INTEGER PRIMARY KEY CHECK (size > 0),
    epoch     INTEGER NOT NULL UNIQUE CHECK (epoch > 0),
    through   INTEGER NOT NULL CHECK (through >= 0),
    transfers INTEGER NOT NULL CHECK (transfers >= 0),
    frontier  BLOB    NOT NULL CHECK (length(frontier) % 32 = 0),
    inputs    BLOB    NOT NULL,
    note      TEXT    NOT NULL,
    signed_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER ledger_checkpoint_stays BEFORE DELETE ON ledger_checkpoint
BEGIN SELECT RAISE(ABORT, 'checkpoints of the ledger''s log are never removed'); END;
