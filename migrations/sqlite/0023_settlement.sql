-- Settled epochs, and what settlement remembers of providers. Same name, number, tables and columns as
-- migrations/postgres/0023_settlement.sql.

-- From what each epoch was settled, byte for byte. `through`: the ledger's last transfer then, with which its section of the published log
-- ends. Without the key an epoch could be settled twice.
CREATE TABLE settlement (
    epoch      INTEGER PRIMARY KEY CHECK (epoch > 0),
    inputs     BLOB    NOT NULL,
    through    INTEGER NOT NULL CHECK (through >= 0),
    settled_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER settlement_unchanged BEFORE UPDATE ON settlement
BEGIN SELECT RAISE(ABORT, 'settlements are never changed'); END;
CREATE TRIGGER settlement_stays BEFORE DELETE ON settlement
BEGIN SELECT RAISE(ABORT, 'settlements are never removed'); END;

-- A provider's account as the last settled epoch left it. `held_bytes`: what it held at its end; `vetting`: audits passed that count;
-- `owed`: what the repair fund could not pay yet. What is held back of its earnings is the balance of its account in the ledger.
CREATE TABLE provider_account (
    provider         TEXT    PRIMARY KEY,
    since_epoch      INTEGER NOT NULL CHECK (since_epoch > 0),
    held_bytes       INTEGER NOT NULL CHECK (held_bytes >= 0),
    vetting          INTEGER NOT NULL CHECK (vetting >= 0),
    is_half_returned INTEGER NOT NULL CHECK (is_half_returned IN (0, 1)),
    owed             INTEGER NOT NULL CHECK (owed >= 0)
) STRICT, WITHOUT ROWID;

-- Periods that could not be judged at the end of their epoch, and what its escrow keeps for them.
CREATE TABLE open_period (
    provider TEXT    NOT NULL,
    epoch    INTEGER NOT NULL CHECK (epoch > 0),
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (provider, epoch)
) STRICT, WITHOUT ROWID;
