//! When stake begins to count and when it may leave, as at Walrus.

use crate::domain::money::epoch::Epoch;

/// When a request about stake comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StakeMoment {
    /// The epoch in which it comes.
    pub epoch: Epoch,
    /// Whether the votes of that epoch are closed: then the weights of the next epoch are fixed already.
    pub voting_ended: bool,
}

/// The first epoch for which stake counts: the next one, or the one after it once votes are closed.
#[must_use]
pub const fn active_from(moment: StakeMoment) -> Epoch {
    if moment.voting_ended { moment.epoch.next().next() } else { moment.epoch.next() }
}

/// The epoch at whose beginning stake is paid back, or nothing where it returns at once because it doesn't count yet and no
/// weight rests on it.
///
/// Stake whose provider takes part in the next epoch, fixed when votes closed, stays for that one too.
#[must_use]
pub const fn withdrawn_at(moment: StakeMoment, active: Epoch, provider_stays: bool) -> Option<Epoch> {
    if active.0 > moment.epoch.0 {
        let counted = moment.voting_ended && active.0 == moment.epoch.0 + 1;
        return if counted { Some(active.next()) } else { None };
    }
    if provider_stays && moment.voting_ended { Some(moment.epoch.next().next()) } else { Some(moment.epoch.next()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stake_counts_from_the_next_epoch_and_from_the_one_after_once_votes_are_closed() {
        let at = |voting_ended| StakeMoment { epoch: Epoch(5), voting_ended };
        assert_eq!(active_from(at(false)), Epoch(6));
        assert_eq!(active_from(at(true)), Epoch(7));
    }

    #[test]
    fn stake_leaves_when_no_weight_rests_on_it() {
        let at = |voting_ended| StakeMoment { epoch: Epoch(5), voting_ended };
        assert_eq!(withdrawn_at(at(false), Epoch(2), true), Some(Epoch(6)));
        assert_eq!(withdrawn_at(at(true), Epoch(2), true), Some(Epoch(7)), "the next epoch counts on it");
        assert_eq!(withdrawn_at(at(true), Epoch(2), false), Some(Epoch(6)), "its provider leaves");
        assert_eq!(withdrawn_at(at(false), Epoch(6), true), None, "it doesn't count yet");
        assert_eq!(withdrawn_at(at(true), Epoch(6), true), Some(Epoch(7)), "the next epoch counts on it");
        assert_eq!(withdrawn_at(at(true), Epoch(7), true), None);
    }
}
