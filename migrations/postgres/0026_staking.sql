-- Stake, votes, and what settlement needs to know of losses and of what was held. Same name, number, tables and columns as
-- migrations/sqlite/0026_staking.sql. Amounts are FROST; shares are decimal digits, since they may not fit 64 bits.

CREATE FUNCTION staking_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END
$$;

-- Providers that take stake and vote. `owner`: the staker whose stake in the pool is the provider's own. `account_id`: whose buckets are the
-- provider's own, audits of which do not vet it. `node_key`: the key that the node is known by; empty for a backend of the operator.
CREATE TABLE staking_provider (
    provider      TEXT COLLATE "C" PRIMARY KEY,
    owner         TEXT COLLATE "C" NOT NULL CHECK (owner <> ''),
    account_id    BIGINT,
    node_key      TEXT COLLATE "C" NOT NULL,
    registered_in BIGINT NOT NULL CHECK (registered_in >= 0)
);
CREATE TRIGGER staking_provider_same BEFORE UPDATE ON staking_provider FOR EACH ROW
WHEN (NEW.provider <> OLD.provider OR NEW.owner <> OLD.owner OR NEW.node_key <> OLD.node_key)
EXECUTE FUNCTION staking_refuse('a registered provider keeps its owner and its key');
CREATE TRIGGER staking_provider_stays BEFORE DELETE ON staking_provider FOR EACH ROW EXECUTE FUNCTION staking_refuse('registered providers are never removed');

-- Commissions of providers, in hundredths of a percent, by the epoch from which they are in force.
CREATE TABLE provider_commission (
    provider     TEXT COLLATE "C" NOT NULL,
    in_force     BIGINT NOT NULL CHECK (in_force >= 0),
    basis_points BIGINT NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
    PRIMARY KEY (provider, in_force)
);

-- Pools as the last settled epoch left them. Stake that is not active yet is in the ledger's account of the pool and not here. A pool that
-- nobody holds shares of is empty.
CREATE TABLE stake_pool (
    provider  TEXT COLLATE "C" PRIMARY KEY,
    wal       BIGINT NOT NULL CHECK (wal >= 0),
    shares    TEXT COLLATE "C" NOT NULL CHECK (length(shares) BETWEEN 1 AND 31),
    rewards   BIGINT NOT NULL CHECK (rewards >= 0),
    positions BIGINT NOT NULL CHECK (positions >= 0),
    CHECK (positions > 0 OR (wal = 0 AND rewards = 0 AND shares = '0'))
);

-- The exchange rate of each pool at the end of each epoch, at which stake came and went.
CREATE TABLE stake_rate (
    provider TEXT COLLATE "C" NOT NULL,
    epoch    BIGINT NOT NULL CHECK (epoch > 0),
    wal      BIGINT NOT NULL CHECK (wal >= 0),
    shares   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (provider, epoch)
);
CREATE TRIGGER stake_rate_unchanged BEFORE UPDATE ON stake_rate FOR EACH ROW EXECUTE FUNCTION staking_refuse('exchange rates are never changed');
CREATE TRIGGER stake_rate_stays BEFORE DELETE ON stake_rate FOR EACH ROW EXECUTE FUNCTION staking_refuse('exchange rates are never removed');

-- Stakes. `arriving` until the settlement of the epoch before `active_from`, then `active` with shares, and `paid` when it left. `leaves_at`: the
-- epoch at whose beginning it is to be paid back. `reference` is an operator's; without its uniqueness money could be staked twice. The trigger
-- keeps a stake from being activated or paid twice.
CREATE TABLE stake (
    id          TEXT COLLATE "C" PRIMARY KEY,
    reference   TEXT COLLATE "C" NOT NULL UNIQUE,
    staker      TEXT COLLATE "C" NOT NULL CHECK (staker <> ''),
    provider    TEXT COLLATE "C" NOT NULL,
    principal   BIGINT NOT NULL CHECK (principal > 0),
    is_own      BOOLEAN NOT NULL,
    staked_in   BIGINT NOT NULL CHECK (staked_in > 0),
    active_from BIGINT NOT NULL CHECK (active_from > staked_in),
    leaves_at   BIGINT CHECK (leaves_at > staked_in),
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('arriving', 'active', 'paid')),
    shares      TEXT COLLATE "C" NOT NULL CHECK (length(shares) BETWEEN 1 AND 31),
    paid        BIGINT CHECK (paid >= 0),
    CHECK (state <> 'arriving' OR shares = '0'),
    CHECK ((state = 'paid') = (paid IS NOT NULL))
);
CREATE INDEX stake_moving ON stake (active_from, id) WHERE state = 'arriving';
CREATE INDEX stake_leaving ON stake (leaves_at, id) WHERE state = 'active' AND leaves_at IS NOT NULL;
CREATE INDEX stake_own ON stake (id) WHERE state = 'active' AND is_own;
CREATE INDEX stake_provider ON stake (provider, id);
CREATE INDEX stake_staker ON stake (staker, id);
CREATE TRIGGER stake_goes_on BEFORE UPDATE ON stake FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.reference <> OLD.reference OR NEW.staker <> OLD.staker OR NEW.provider <> OLD.provider
    OR NEW.principal <> OLD.principal OR NEW.is_own <> OLD.is_own OR NEW.staked_in <> OLD.staked_in
    OR NEW.active_from <> OLD.active_from OR (OLD.leaves_at IS NOT NULL AND NEW.leaves_at IS DISTINCT FROM OLD.leaves_at)
    OR OLD.state = 'paid' OR (OLD.state = 'active' AND NEW.state = 'arriving')
    OR (OLD.state = 'active' AND (length(NEW.shares) > length(OLD.shares)
        OR (length(NEW.shares) = length(OLD.shares) AND NEW.shares > OLD.shares))))
EXECUTE FUNCTION staking_refuse('a stake is activated once, paid once, and never another');
CREATE TRIGGER stake_stays BEFORE DELETE ON stake FOR EACH ROW EXECUTE FUNCTION staking_refuse('stakes are never removed');

-- Proposals to change a parameter. `voting_until`: the last epoch in which votes count; `in_force`: the epoch from whose beginning the value
-- holds. What votes came to is noted once: stake for it, against it, and all that could vote, and `quorum_bp` of it that had to.
CREATE TABLE proposal (
    number       BIGINT PRIMARY KEY CHECK (number > 0),
    parameter    TEXT COLLATE "C" NOT NULL,
    value        BIGINT NOT NULL CHECK (value >= 0),
    proposed_in  BIGINT NOT NULL CHECK (proposed_in > 0),
    voting_until BIGINT NOT NULL CHECK (voting_until > proposed_in),
    in_force     BIGINT NOT NULL CHECK (in_force >= voting_until + 2),
    outcome      TEXT COLLATE "C" NOT NULL CHECK (outcome IN ('open', 'passed', 'rejected', 'no-quorum')),
    quorum_bp    BIGINT CHECK (quorum_bp BETWEEN 0 AND 10000),
    yes          BIGINT CHECK (yes >= 0),
    no           BIGINT CHECK (no >= 0),
    total        BIGINT CHECK (total >= 0),
    CHECK ((outcome = 'open') = (quorum_bp IS NULL) AND (outcome = 'open') = (yes IS NULL)
        AND (outcome = 'open') = (no IS NULL) AND (outcome = 'open') = (total IS NULL))
);
CREATE INDEX proposal_open ON proposal (number) WHERE outcome = 'open';
CREATE TRIGGER proposal_decided_once BEFORE UPDATE ON proposal FOR EACH ROW
WHEN (OLD.outcome <> 'open' OR NEW.number <> OLD.number OR NEW.parameter <> OLD.parameter OR NEW.value <> OLD.value
    OR NEW.proposed_in <> OLD.proposed_in OR NEW.voting_until <> OLD.voting_until OR NEW.in_force <> OLD.in_force)
EXECUTE FUNCTION staking_refuse('a proposal is decided once and never changed');
CREATE TRIGGER proposal_stays BEFORE DELETE ON proposal FOR EACH ROW EXECUTE FUNCTION staking_refuse('proposals are never removed');

-- Votes of providers in their order: for prices where `proposal` is NULL, else on a proposal. `epoch`: the one in which it was cast; it counts
-- at the end of that one and of later ones, until the provider casts another. A vote that is changed is another row.
CREATE TABLE vote (
    seq           BIGINT PRIMARY KEY CHECK (seq > 0),
    provider      TEXT COLLATE "C" NOT NULL,
    epoch         BIGINT NOT NULL CHECK (epoch > 0),
    proposal      BIGINT,
    storage_price BIGINT CHECK (storage_price >= 0),
    write_price   BIGINT CHECK (write_price >= 0),
    is_yes        BOOLEAN,
    cast_at       BIGINT NOT NULL,
    CHECK ((proposal IS NULL) = (is_yes IS NULL) AND (proposal IS NULL) = (storage_price IS NOT NULL)
        AND (proposal IS NULL) = (write_price IS NOT NULL))
);
CREATE INDEX vote_provider ON vote (provider, proposal, seq);
CREATE INDEX vote_epoch ON vote (epoch, seq);
CREATE TRIGGER vote_unchanged BEFORE UPDATE ON vote FOR EACH ROW EXECUTE FUNCTION staking_refuse('votes are never changed');
CREATE TRIGGER vote_stays BEFORE DELETE ON vote FOR EACH ROW EXECUTE FUNCTION staking_refuse('votes are never removed');

-- What each provider asked for when the prices of `epoch` were decided, and the stake behind it.
CREATE TABLE counted_vote (
    epoch         BIGINT NOT NULL CHECK (epoch > 0),
    provider      TEXT COLLATE "C" NOT NULL,
    storage_price BIGINT NOT NULL CHECK (storage_price >= 0),
    write_price   BIGINT NOT NULL CHECK (write_price >= 0),
    stake         BIGINT NOT NULL CHECK (stake > 0),
    PRIMARY KEY (epoch, provider)
);
CREATE TRIGGER counted_vote_unchanged BEFORE UPDATE ON counted_vote FOR EACH ROW EXECUTE FUNCTION staking_refuse('counted votes are never changed');
CREATE TRIGGER counted_vote_stays BEFORE DELETE ON counted_vote FOR EACH ROW EXECUTE FUNCTION staking_refuse('counted votes are never removed');

-- The share of new slivers of each provider by stake and capacity, in millionths; no row at all where nobody has staked.
CREATE TABLE placement_weight (
    provider TEXT COLLATE "C" PRIMARY KEY,
    weight   BIGINT NOT NULL CHECK (weight BETWEEN 0 AND 1000000)
);

-- What providers held when they were looked at, from which the area under the curve is taken. `trash_bytes` and `free_bytes` are their own
-- word, 0 and NULL of those that give none.
CREATE TABLE held_sample (
    provider    TEXT COLLATE "C" NOT NULL,
    taken_at    BIGINT NOT NULL,
    held_bytes  BIGINT NOT NULL CHECK (held_bytes >= 0),
    trash_bytes BIGINT NOT NULL CHECK (trash_bytes >= 0),
    free_bytes  BIGINT CHECK (free_bytes >= 0),
    PRIMARY KEY (provider, taken_at)
);
CREATE INDEX held_sample_age ON held_sample (taken_at);

-- Slivers that were rebuilt: who had lost them (empty where nobody ever had them), since when that was known, and who has them now.
CREATE TABLE rebuilt_sliver (
    blob_id      BYTEA    NOT NULL CHECK (length(blob_id) = 16),
    sliver_index BIGINT NOT NULL,
    attempt      BIGINT NOT NULL,
    lost_by      TEXT COLLATE "C" NOT NULL,
    rebuilt_by   TEXT COLLATE "C" NOT NULL,
    bytes        BIGINT NOT NULL CHECK (bytes >= 0),
    lost_at      BIGINT NOT NULL,
    rebuilt_at   BIGINT NOT NULL,
    PRIMARY KEY (blob_id, sliver_index, attempt)
);
CREATE INDEX rebuilt_sliver_age ON rebuilt_sliver (rebuilt_at);

-- When it was found first; NULL where a gateway of an earlier release found it.
ALTER TABLE finding ADD COLUMN first_found_at BIGINT;
