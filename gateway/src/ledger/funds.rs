//! Whether a bucket's funds and limit allow what its epoch is going to cost.

use crate::domain::money::frost::Frost;

/// What a decision about the funds of a bucket goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funds {
    /// What the epoch costs if the bucket stays as it is until its end.
    pub projected: Frost,
    /// What is reserved for it.
    pub hold: Frost,
    /// What its payer has besides.
    pub free: Frost,
    /// What earlier epochs cost that are not settled yet: the hold and what is free pay for it first.
    pub billed: Frost,
    /// What earlier epochs cost and its payer could not pay.
    pub unpaid: Frost,
    /// The most that an epoch may cost.
    pub limit: Option<Frost>,
}

/// Why nothing more may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// The payer has too little.
    Funds {
        /// How much is missing until the end of the epoch.
        missing: Frost,
    },
    /// The bucket's spend limit is reached.
    Limit {
        /// By how much it is exceeded.
        exceeded: Frost,
        /// The limit.
        limit: Frost,
    },
}

impl Funds {
    /// Whether the bucket may take something that costs `more` until the end of the epoch.
    ///
    /// # Errors
    /// Why not.
    pub fn allow(&self, more: Frost) -> Result<(), Shortfall> {
        let cost = sum(self.projected, more);
        if let Some(limit) = self.limit.filter(|limit| cost > *limit) {
            return Err(Shortfall::Limit { exceeded: cost.saturating_sub(limit), limit });
        }
        let (needed, there) = (sum(cost, self.unpaid), self.there());
        if needed > there {
            return Err(Shortfall::Funds { missing: needed.saturating_sub(there) });
        }
        Ok(())
    }

    /// What there is to pay for the epoch.
    fn there(&self) -> Frost {
        sum(self.hold, self.free).saturating_sub(self.billed)
    }

    /// How many percent of the limit, or of the funds where there is none, the epoch is going to cost; of a limit alone where money is only
    /// computed.
    #[must_use]
    pub fn percent(&self, is_charged: bool) -> u64 {
        let of_funds = is_charged.then(|| self.there());
        let least = [self.limit, of_funds].into_iter().flatten().min();
        match least {
            None => 0,
            Some(_) if self.projected.is_zero() => 0,
            Some(Frost::ZERO) => 100,
            Some(most) => {
                let percent = u128::from(self.projected.0) * 100 / u128::from(most.0);
                u64::try_from(percent).unwrap_or(u64::MAX)
            }
        }
    }

    /// The hold that is wanted, if another than there is: a quarter more than the epoch is going to cost, so that it grows in few steps, and
    /// no more than there is.
    #[must_use]
    pub fn wanted_hold(&self) -> Option<Frost> {
        if self.projected <= self.hold {
            return None;
        }
        let wanted = sum(self.projected, Frost(self.projected.0 / 4)).min(sum(self.hold, self.free));
        (wanted > self.hold).then_some(wanted)
    }
}

/// The percentages at which an alert is due, once each in an epoch.
const ALERTS: [u64; 3] = [80, 90, 100];

/// The alert that is due at `percent`, if it is a higher one than that of `alerted`.
#[must_use]
pub fn alert_due(percent: u64, alerted: u64) -> Option<u64> {
    ALERTS.into_iter().filter(|level| percent >= *level && *level > alerted).max()
}

fn sum(one: Frost, other: Frost) -> Frost {
    one.checked_add(other).unwrap_or(Frost::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn funds(projected: u64, hold: u64, free: u64) -> Funds {
        Funds { projected: Frost(projected), hold: Frost(hold), free: Frost(free), ..Funds::default() }
    }

    #[test]
    fn what_is_reserved_and_free_pays() {
        assert_eq!(funds(10, 10, 0).allow(Frost(0)), Ok(()));
        assert_eq!(funds(10, 10, 5).allow(Frost(6)), Err(Shortfall::Funds { missing: Frost(1) }));
        let owes = Funds { unpaid: Frost(3), ..funds(10, 10, 2) };
        assert_eq!(owes.allow(Frost(0)), Err(Shortfall::Funds { missing: Frost(1) }));
        let billed = Funds { billed: Frost(4), ..funds(1, 5, 1) };
        assert_eq!(billed.allow(Frost(1)), Ok(()), "the hold of an epoch that is over pays that one first");
        assert_eq!(billed.allow(Frost(2)), Err(Shortfall::Funds { missing: Frost(1) }));
        assert_eq!(billed.percent(true), 50);
        let limited = Funds { limit: Some(Frost(12)), ..funds(10, 10, 50) };
        assert_eq!(limited.allow(Frost(2)), Ok(()));
        assert_eq!(limited.allow(Frost(5)), Err(Shortfall::Limit { exceeded: Frost(3), limit: Frost(12) }));
    }

    #[test]
    fn holds_grow_in_steps_and_never_beyond_what_is_there() {
        assert_eq!(funds(100, 0, 1_000).wanted_hold(), Some(Frost(125)));
        assert_eq!(funds(125, 125, 875).wanted_hold(), None);
        assert_eq!(funds(126, 125, 10).wanted_hold(), Some(Frost(135)));
        assert_eq!(funds(126, 125, 0).wanted_hold(), None, "there is no more");
        assert_eq!(funds(0, 0, 0).wanted_hold(), None);
    }

    #[test]
    fn alerts_come_once_each() {
        let limited = |projected| Funds { limit: Some(Frost(200)), ..funds(projected, 0, 0) };
        assert_eq!(limited(159).percent(false), 79);
        assert_eq!((limited(160).percent(false), limited(160).percent(true)), (80, 100));
        assert_eq!(funds(5, 0, 0).percent(false), 0, "nothing is limited");
        assert_eq!(funds(0, 0, 0).percent(true), 0, "nothing is spent");
        assert_eq!(
            [(79, 0), (80, 0), (85, 80), (95, 80), (300, 90), (300, 100)].map(|(p, a)| alert_due(p, a)),
            [None, Some(80), None, Some(90), Some(100), None]
        );
    }
}
