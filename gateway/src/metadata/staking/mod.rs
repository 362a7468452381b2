//! Rows of stake and votes: who takes stake, who staked what, what pools are worth, and who voted for what.

pub(super) mod decisions;
pub(super) mod moment;
pub(super) mod pools;
pub(super) mod price_floors;
pub(super) mod proposals;
pub(super) mod providers;
pub(super) mod settled_stakes;
pub(super) mod stake_rows;
pub(super) mod stakes;
pub(super) mod votes;
pub(super) mod voting;
