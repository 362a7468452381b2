//! What usage costs.

use super::frost::Frost;

/// Encoded bytes of one unit of sale.
pub const MIB: u64 = 1 << 20;

/// The prices of one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// For each encoded MiB that is kept for a whole epoch.
    pub storage: Frost,
    /// For each encoded MiB that comes.
    pub write: Frost,
    /// For a thousand requests that change nothing.
    pub requests_read: Frost,
    /// For a thousand requests that change something or list.
    pub requests_write: Frost,
    /// For each MiB of response bodies.
    pub egress: Frost,
}

/// What one bucket used in one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Encoded bytes times the microseconds for which they were kept.
    pub byte_micros: u128,
    /// Encoded bytes that came.
    pub written_bytes: u64,
    /// Requests that change nothing.
    pub requests_read: u64,
    /// Requests that change something or list.
    pub requests_write: u64,
    /// Bytes of response bodies.
    pub egress_bytes: u64,
}

/// What one bucket owes for one epoch. Each part is rounded up, once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charges {
    /// For keeping.
    pub storage: Frost,
    /// For writing.
    pub write: Frost,
    /// For requests.
    pub requests: Frost,
    /// For response bodies.
    pub egress: Frost,
}

impl Charges {
    /// All of it, at most [`Frost::MAX`].
    #[must_use]
    pub fn total(&self) -> Frost {
        [self.storage, self.write, self.requests, self.egress].into_iter().sum()
    }
}

/// What `usage` costs in an epoch of `epoch_micros`.
#[must_use]
pub fn charges(usage: &Usage, prices: &Prices, epoch_micros: u64) -> Charges {
    let mib = u128::from(MIB);
    let requests = u128::from(usage.requests_read) * u128::from(prices.requests_read.0)
        + u128::from(usage.requests_write) * u128::from(prices.requests_write.0);
    Charges {
        storage: times(usage.byte_micros, prices.storage, mib * u128::from(epoch_micros.max(1))),
        write: times(u128::from(usage.written_bytes), prices.write, mib),
        requests: capped(requests.div_ceil(1000)),
        egress: times(u128::from(usage.egress_bytes), prices.egress, mib),
    }
}

/// `ceil(amount * price / unit)`. Amounts beyond 2^64 units, which no storage has, stop at [`Frost::MAX`].
fn times(amount: u128, price: Frost, unit: u128) -> Frost {
    let (whole, rest) = (amount / unit, amount % unit);
    let price = u128::from(price.0);
    // Apart, so that the product of what is whole and of what is not both fit.
    let part = rest.checked_mul(price).map_or(price, |product| product.div_ceil(unit));
    whole.checked_mul(price).and_then(|sum| sum.checked_add(part)).map_or(Frost::MAX, capped)
}

fn capped(amount: u128) -> Frost {
    u64::try_from(amount).map_or(Frost::MAX, |amount| Frost(amount).min(Frost::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALRUS: Prices = Prices {
        storage: Frost(2_100),
        write: Frost(0),
        requests_read: Frost(0),
        requests_write: Frost(0),
        egress: Frost(0),
    };

    #[test]
    fn whole_units_cost_what_walrus_says() {
        let usage = Usage { byte_micros: 63 * 1_048_576 * 14 * 86_400_000_000, ..Usage::default() };
        assert_eq!(charges(&usage, &WALRUS, 14 * 86_400_000_000).total(), Frost(132_300));
    }

    #[test]
    fn half_an_epoch_costs_half_and_rounding_goes_up_once() {
        let epoch = 1_000_000;
        let half = Usage { byte_micros: 1_048_576 * 500_000, ..Usage::default() };
        assert_eq!(charges(&half, &WALRUS, epoch).storage, Frost(1_050));
        let a_byte = Usage { byte_micros: 1, ..Usage::default() };
        assert_eq!(charges(&a_byte, &WALRUS, epoch).storage, Frost(1));
        assert_eq!(charges(&Usage::default(), &WALRUS, epoch).storage, Frost(0));
    }

    #[test]
    fn nothing_overflows() {
        let all = Usage {
            byte_micros: u128::MAX,
            written_bytes: u64::MAX,
            requests_read: u64::MAX,
            requests_write: u64::MAX,
            egress_bytes: u64::MAX,
        };
        let dear = Prices {
            storage: Frost::MAX,
            write: Frost::MAX,
            requests_read: Frost::MAX,
            requests_write: Frost::MAX,
            egress: Frost::MAX,
        };
        assert_eq!(charges(&all, &dear, 1).total(), Frost::MAX);
    }
}
