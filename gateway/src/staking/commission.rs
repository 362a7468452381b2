//! The part of a reward that a provider keeps, before the rest goes to its stakers.

use std::collections::BTreeMap;

use crate::domain::money::epoch::Epoch;

use super::parameters::WHOLE_BP;

/// Epochs from the announcement of a commission to its effect, so that stakers can leave before it.
pub const COMMISSION_DELAY_EPOCHS: u64 = 2;

/// The commissions of a provider, in hundredths of a percent, by the epoch from which they are in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommissionSchedule(BTreeMap<Epoch, u64>);

impl CommissionSchedule {
    /// The commission with which a provider registers, in force from the first epoch.
    #[must_use]
    pub fn starting_with(commission_bp: u64) -> Self {
        Self(BTreeMap::from([(Epoch(0), commission_bp.min(WHOLE_BP))]))
    }

    /// Announces a commission; one that was announced in the same epoch is replaced. Returns the epoch of its effect.
    pub fn announce(&mut self, now: Epoch, commission_bp: u64) -> Epoch {
        let effective = Epoch(now.0.saturating_add(COMMISSION_DELAY_EPOCHS));
        self.0.insert(effective, commission_bp.min(WHOLE_BP));
        effective
    }

    /// What is in force in `epoch`.
    #[must_use]
    pub fn at(&self, epoch: Epoch) -> u64 {
        self.0.range(..=epoch).next_back().map_or(0, |(_, commission_bp)| *commission_bp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commission_is_in_force_two_epochs_later() {
        let mut schedule = CommissionSchedule::starting_with(1_000);
        assert_eq!(schedule.announce(Epoch(5), 6_000), Epoch(7));
        assert_eq!([5, 6, 7, 8].map(|epoch| schedule.at(Epoch(epoch))), [1_000, 1_000, 6_000, 6_000]);
        schedule.announce(Epoch(5), 20_000);
        assert_eq!(schedule.at(Epoch(7)), 10_000, "at most all of it");
    }
}
