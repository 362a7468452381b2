-- Stake, votes, and what settlement needs to know of losses and of what was held. Same name, number, tables and columns as
-- migrations/postgres/0026_staking.sql. Amounts are FROST; shares are decimal digits, since they may not fit 64 bits.

-- Providers that take stake and vote. `owner`: the staker whose stake in the pool is the provider's own. `account_id`: whose buckets are the
-- provider's own, audits of which do not vet it. `node_key`: the key that the node is known by; empty for a backend of the operator.
CREATE TABLE staking_provider (
    provider      TEXT    PRIMARY KEY,
    owner         TEXT    NOT NULL CHECK (owner <> ''),
    account_id    INTEGER,
    node_key      TEXT    NOT NULL,
    registered_in INTEGER NOT NULL CHECK (registered_in >= 0)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER staking_provider_same BEFORE UPDATE ON staking_provider
WHEN NEW.provider <> OLD.provider OR NEW.owner <> OLD.owner OR NEW.node_key <> OLD.node_key
BEGIN SELECT RAISE(ABORT, 'a registered provider keeps its owner and its key'); END;
CREATE TRIGGER staking_provider_stays BEFORE DELETE ON staking_provider
BEGIN SELECT RAISE(ABORT, 'registered providers are never removed'); END;

-- Commissions of providers, in hundredths of a percent, by the epoch from which they are in force.
CREATE TABLE provider_commission (
    provider     TEXT    NOT NULL,
    in_force     INTEGER NOT NULL CHECK (in_force >= 0),
    basis_points INTEGER NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
    PRIMARY KEY (provider, in_force)
) STRICT, WITHOUT ROWID;

-- Pools as the last settled epoch left them. Stake that is not active yet is in the ledger's account of the pool and not here. A pool that
-- nobody holds shares of is empty.
CREATE TABLE stake_pool (
    provider  TEXT    PRIMARY KEY,
    wal       INTEGER NOT NULL CHECK (wal >= 0),
    shares    TEXT    NOT NULL CHECK (length(shares) BETWEEN 1 AND 31),
    rewards   INTEGER NOT NULL CHECK (rewards >= 0),
    positions INTEGER NOT NULL CHECK (positions >= 0),
    CHECK (positions > 0 OR (wal = 0 AND rewards = 0 AND shares = '0'))
) STRICT, WITHOUT ROWID;

-- The exchange rate of each pool at the end of each epoch, at which stake came and went.
CREATE TABLE stake_rate (
    provider TEXT    NOT NULL,
    epoch    INTEGER NOT NULL CHECK (epoch > 0),
    wal      INTEGER NOT NULL CHECK (wal >= 0),
    shares   TEXT    NOT NULL,
    PRIMARY KEY (provider, epoch)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER stake_rate_unchanged BEFORE UPDATE ON stake_rate
BEGIN SELECT RAISE(ABORT, 'exchange rates are never changed'); END;
CREATE TRIGGER stake_rate_stays BEFORE DELETE ON stake_rate
BEGIN SELECT RAISE(ABORT, 'exchange rates are never removed'); END;

-- Stakes. `arriving` until the settlement of the epoch before `active_from`, then `active` with shares, and `paid` when it left. `leaves_at`: the
-- epoch at whose beginning it is to be paid back. `reference` is an operator's; without its uniqueness money could be staked twice. The trigger
-- keeps a stake from being activated or paid twice.
CREATE TABLE stake (
    id          TEXT    PRIMARY KEY,
    reference   TEXT    NOT NULL UNIQUE,
    staker      TEXT    NOT NULL CHECK (staker <> ''),
    provider    TEXT    NOT NULL,
    principal   INTEGER NOT NULL CHECK (principal > 0),
    is_own      INTEGER NOT NULL CHECK (is_own IN (0, 1)),
    staked_in   INTEGER NOT NULL CHECK (staked_in > 0),
    active_from INTEGER NOT NULL CHECK (active_from > staked_in),
    leaves_at   INTEGER CHECK (leaves_at > staked_in),
    state       TEXT    NOT NULL CHECK (state IN ('arriving', 'active', 'paid')),
    shares      TEXT    NOT NULL CHECK (length(shares) BETWEEN 1 AND 31),
    paid        INTEGER CHECK (paid >= 0),
    CHECK (state <> 'arriving' OR shares = '0'),
    CHECK ((state = 'paid') = (paid IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX stake_moving ON stake (active_from, id) WHERE state = 'arriving';
CREATE INDEX stake_leaving ON stake (leaves_at, id) WHERE state = 'active' AND leaves_at IS NOT NULL;
CREATE INDEX stake_own ON stake (id) WHERE state = 'active' AND is_own;
CREATE INDEX stake_provider ON stake (provider, id);
CREATE INDEX stake_staker ON stake (staker, id);
CREATE TRIGGER stake_goes_on BEFORE UPDATE ON stake
WHEN NEW.id <> OLD.id OR NEW.reference <> OLD.reference OR NEW.staker <> OLD.staker OR NEW.provider <> OLD.provider
    OR NEW.principal <> OLD.principal OR NEW.is_own <> OLD.is_own OR NEW.staked_in <> OLD.staked_in
    OR NEW.active_from <> OLD.active_from OR (OLD.leaves_at IS NOT NULL AND NEW.leaves_at IS NOT OLD.leaves_at)
    OR OLD.state = 'paid' OR (OLD.state = 'active' AND NEW.state = 'arriving')
    OR (OLD.state = 'active' AND (length(NEW.shares) > length(OLD.shares)
        OR (length(NEW.shares) = length(OLD.shares) AND NEW.shares > OLD.shares)))
BEGIN SELECT RAISE(ABORT, 'a stake is activated once, paid once, and never another'); END;
CREATE TRIGGER stake_stays BEFORE DELETE ON stake
BEGIN SELECT RAISE(ABORT, 'stakes are never removed'); END;

-- Proposals to change a parameter. `voting_until`: the last epoch in which votes count; `in_force`: the epoch from whose beginning the value
-- holds. What votes came to is noted once: stake for it, against it, and all that could vote, and `quorum_bp` of it that had to.
CREATE TABLE proposal (
    number       INTEGER PRIMARY KEY CHECK (number > 0),
    parameter    TEXT    NOT NULL,
    value        INTEGER NOT NULL CHECK (value >= 0),
    proposed_in  INTEGER NOT NULL CHECK (proposed_in > 0),
    voting_until INTEGER NOT NULL CHECK (voting_until > proposed_in),
    in_force     INTEGER NOT NULL CHECK (in_force >= voting_until + 2),
    outcome      TEXT    NOT NULL CHECK (outcome IN ('open', 'passed', 'rejected', 'no-quorum')),
    quorum_bp    INTEGER CHECK (quorum_bp BETWEEN 0 AND 10000),
    yes          INTEGER CHECK (yes >= 0),
    no           INTEGER CHECK (no >= 0),
    total        INTEGER CHECK (total >= 0),
    CHECK ((outcome = 'open') = (quorum_bp IS NULL) AND (outcome = 'open') = (yes IS NULL)
        AND (outcome = 'open') = (no IS NULL) AND (outcome = 'open') = (total IS NULL))
) STRICT;
CREATE INDEX proposal_open ON proposal (number) WHERE outcome = 'open';
CREATE TRIGGER proposal_decided_once BEFORE UPDATE ON proposal
WHEN OLD.outcome <> 'open' OR NEW.number <> OLD.number OR NEW.parameter <> OLD.parameter OR NEW.value <> OLD.value
    OR NEW.proposed_in <> OLD.proposed_in OR NEW.voting_until <> OLD.voting_until OR NEW.in_force <> OLD.in_force
BEGIN SELECT RAISE(ABORT, 'a proposal is decided once and never changed'); END;
CREATE TRIGGER proposal_stays BEFORE DELETE ON proposal
BEGIN SELECT RAISE(ABORT, 'proposals are never removed'); END;

-- Votes of providers in their order: for prices where `proposal` is NULL, else on a proposal. `epoch`: the one in which it was cast; it counts
-- at the end of that one and of later ones, until the provider casts another. A vote that is changed is another row.
CREATE TABLE vote (
    seq           INTEGER PRIMARY KEY CHECK (seq > 0),
    provider      TEXT    NOT NULL,
    epoch         INTEGER NOT NULL CHECK (epoch > 0),
    proposal      INTEGER,
    storage_price INTEGER CHECK (storage_price >= 0),
    write_price   INTEGER CHECK (write_price >= 0),
    is_yes        INTEGER CHECK (is_yes IN (0, 1)),
    cast_at       INTEGER NOT NULL,
    CHECK ((proposal IS NULL) = (is_yes IS NULL) AND (proposal IS NULL) = (storage_price IS NOT NULL)
        AND (proposal IS NULL) = (write_price IS NOT NULL))
) STRICT;
CREATE INDEX vote_provider ON vote (provider, proposal, seq);
CREATE INDEX vote_epoch ON vote (epoch, seq);
CREATE TRIGGER vote_unchanged BEFORE UPDATE ON vote
BEGIN SELECT RAISE(ABORT, 'votes are never changed'); END;
CREATE TRIGGER vote_stays BEFORE DELETE ON vote
BEGIN SELECT RAISE(ABORT, 'votes are never removed'); END;

-- What each provider asked for when the prices of `epoch` were decided, and the stake behind it.
CREATE TABLE counted_vote (
    epoch         INTEGER NOT NULL CHECK (epoch > 0),
    provider      TEXT    NOT NULL,
    storage_price INTEGER NOT NULL CHECK (storage_price >= 0),
    write_price   INTEGER NOT NULL CHECK (write_price >= 0),
    stake         INTEGER NOT NULL CHECK (stake > 0),
    PRIMARY KEY (epoch, provider)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER counted_vote_unchanged BEFORE UPDATE ON counted_vote
BEGIN SELECT RAISE(ABORT, 'counted votes are never changed'); END;
CREATE TRIGGER counted_vote_stays BEFORE DELETE ON counted_vote
BEGIN SELECT RAISE(ABORT, 'counted votes are never removed'); END;

-- The share of new slivers of each provider by stake and capacity, in millionths; no row at all where nobody has staked.
CREATE TABLE placement_weight (
    provider TEXT    PRIMARY KEY,
    weight   INTEGER NOT NULL CHECK (weight BETWEEN 0 AND 1000000)
) STRICT, WITHOUT ROWID;

-- What providers held when they were looked at, from which the area under the curve is taken. `trash_bytes` and `free_bytes` are their own
-- word, 0 and NULL of those that give none.
CREATE TABLE held_sample (
    provider    TEXT    NOT NULL,
    taken_at    INTEGER NOT NULL,
    held_bytes  INTEGER NOT NULL CHECK (held_bytes >= 0),
    trash_bytes INTEGER NOT NULL CHECK (trash_bytes >= 0),
    free_bytes  INTEGER CHECK (free_bytes >= 0),
    PRIMARY KEY (provider, taken_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_sample_age ON held_sample (taken_at);

-- Slivers that were rebuilt: who had lost them (empty where nobody ever had them), since when that was known, and who has them now.
CREATE TABLE rebuilt_sliver (
    blob_id      BLOB    NOT NULL CHECK (length(blob_id) = 16),
    sliver_index INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    lost_by      TEXT    NOT NULL,
    rebuilt_by   TEXT    NOT NULL,
    bytes        INTEGER NOT NULL CHECK (bytes >= 0),
    lost_at      INTEGER NOT NULL,
    rebuilt_at   INTEGER NOT NULL,
    PRIMARY KEY (blob_id, sliver_index, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX rebuilt_sliver_age ON rebuilt_sliver (rebuilt_at);

-- When it was found first; NULL where a gateway of an earlier release found it.
ALTER TABLE finding ADD COLUMN first_found_at INTEGER;
