//! The moment at which stake and votes are asked for.

use crate::admin::Admin;
use crate::admin::error::{AdminError, Result};
use crate::domain::money::mode::MoneyMode;
use crate::metadata::{MoneyEpoch, VotingMoment};
use crate::staking::StakeMoment;

/// How often a request is decided again because an epoch ended meanwhile.
pub(super) const TRIES: usize = 5;

/// The epoch that is under way, in which money must be charged.
pub(super) async fn now(admin: &Admin) -> Result<(MoneyEpoch, VotingMoment)> {
    let none = || AdminError::refused("no epoch has begun: start `haulout serve` first");
    let (epoch, now) = admin.metadata.money_epoch().await?.ok_or_else(none)?;
    if epoch.mode != MoneyMode::On {
        return Err(AdminError::refused(format!(
            "money is not charged in epoch {}, whose mode is {:?}: stake and votes need mode = \"on\" in [money], and the \
             epoch that begins after that",
            epoch.number,
            epoch.mode.as_str()
        )));
    }
    let moment = VotingMoment::of(&epoch, now.0);
    Ok((epoch, moment))
}

/// The same in the words of the rules.
pub(super) fn stake_moment(moment: VotingMoment) -> StakeMoment {
    StakeMoment { epoch: moment.epoch, voting_ended: moment.is_over }
}

/// Why it did not work however often it was tried.
pub(super) fn too_late() -> AdminError {
    AdminError::Unavailable("epochs end faster than this is decided: try again".to_owned())
}

/// Who takes neither stake nor votes.
pub(super) fn not_registered(provider: &str) -> AdminError {
    AdminError::refused(format!(
        "provider {provider:?} is not registered: `haulout provider register {provider}` does that"
    ))
}
