-- The published log of the ledger. Same name, number, tables and columns as migrations/sqlite/0024_ledger_log.sql.

-- Under which name the log is published, and its secrets, sealed by the cluster key: the seed that signs checkpoints and the key that
-- salts names. They stay when cluster keys are replaced: with another key the same names would be published as others.
CREATE TABLE ledger_log (
    id     BIGINT PRIMARY KEY CHECK (id = 1),
    origin TEXT   NOT NULL,
    sealed BYTEA  NOT NULL
);

-- The leaves, as they are hashed, from 0 without gaps. Without the trigger a change would be noticed only by whoever verifies.
CREATE TABLE ledger_leaf (
    number BIGINT PRIMARY KEY CHECK (number >= 0),
    leaf   TEXT   NOT NULL
);

-- What was signed at the end of each epoch, and from what the epoch was settled. `through`: the ledger's transfers up to this number
-- are in the tree; `transfers`: how many they are; `frontier`: the tree's complete subtrees, largest first. Cosignatures are added to `note`.
-- Without the key an epoch could be published twice.
CREATE TABLE ledger_checkpoint (
    size      BIGINT PRIMARY KEY CHECK (size > 0),
    epoch     BIGINT NOT NULL UNIQUE CHECK (epoch > 0),
    through   BIGINT NOT NULL CHECK (through >= 0),
    transfers BIGINT NOT NULL CHECK (transfers >= 0),
    frontier  BYTEA  NOT NULL CHECK (length(frontier) % 32 = 0),
    inputs    BYTEA  NOT NULL,
    note      TEXT   NOT NULL,
    signed_at BIGINT NOT NULL
);

CREATE FUNCTION ledger_log_stays() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'what the ledger''s log says is never changed or removed'; END $$;
CREATE TRIGGER ledger_leaf_stays BEFORE UPDATE OR DELETE ON ledger_leaf
FOR EACH ROW EXECUTE FUNCTION ledger_log_stays();
CREATE TRIGGER ledger_checkpoint_stays BEFORE DELETE ON ledger_checkpoint
FOR EACH ROW EXECUTE FUNCTION ledger_log_stays();
