-- Settled epochs, and what settlement remembers of providers. Same name, number, tables and columns as
-- migrations/sqlite/0023_settlement.sql.

-- From what each epoch was settled, byte for byte. `through`: the ledger's last transfer then, with which its section of the published log
-- ends. Without the key an epoch could be settled twice.
CREATE TABLE settlement (
    epoch      BIGINT PRIMARY KEY CHECK (epoch > 0),
    inputs     BYTEA  NOT NULL,
    through    BIGINT NOT NULL CHECK (through >= 0),
    settled_at BIGINT NOT NULL
);
CREATE TRIGGER settlement_unchanged BEFORE UPDATE OR DELETE ON settlement FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER settlement_whole BEFORE TRUNCATE ON settlement FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- A provider's account as the last settled epoch left it. `held_bytes`: what it held at its end; `vetting`: audits passed that count;
-- `owed`: what the repair fund could not pay yet. What is held back of its earnings is the balance of its account in the ledger.
CREATE TABLE provider_account (
    provider         TEXT COLLATE "C" PRIMARY KEY,
    since_epoch      BIGINT  NOT NULL CHECK (since_epoch > 0),
    held_bytes       BIGINT  NOT NULL CHECK (held_bytes >= 0),
    vetting          BIGINT  NOT NULL CHECK (vetting >= 0),
    is_half_returned BOOLEAN NOT NULL,
    owed             BIGINT  NOT NULL CHECK (owed >= 0)
);

-- Periods that could not be judged at the end of their epoch, and what its escrow keeps for them.
CREATE TABLE open_period (
    provider TEXT COLLATE "C" NOT NULL,
    epoch    BIGINT NOT NULL CHECK (epoch > 0),
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (provider, epoch)
);
