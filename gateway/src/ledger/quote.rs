//! What a write costs before it is made.

use crate::domain::money::price::{Charges, Prices, Usage, charges};

/// What content costs that is written now, with every fee: all of `wanted`, whose `written_bytes` are then kept to the end of the epoch, of
/// which `micros_left` of its `epoch_micros` are left, and for `more` whole epochs after it at the same prices. The byte-time of `wanted`
/// does not count: it follows.
#[must_use]
pub fn quote(wanted: &Usage, micros_left: u64, epoch_micros: u64, more: u64, prices: &Prices) -> Charges {
    let micros = u128::from(micros_left) + u128::from(epoch_micros) * u128::from(more);
    let byte_micros = u128::from(wanted.written_bytes).saturating_mul(micros);
    charges(&Usage { byte_micros, ..*wanted }, prices, epoch_micros)
}

/// The requests that bring content: one, or those of an upload in so many parts, which is created and completed besides.
#[must_use]
pub const fn requests_of_upload(parts: u64) -> u64 {
    if parts == 0 { 1 } else { parts.saturating_add(2) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::frost::Frost;
    use crate::domain::money::price::MIB;

    #[test]
    fn a_quote_is_what_walrus_takes_for_a_whole_epoch() {
        let prices = Prices { storage: Frost(2_100), write: Frost(7), ..Prices::default() };
        let epoch = 14 * 86_400_000_000;
        let wanted = Usage { written_bytes: 63 * MIB, requests_write: 1, ..Usage::default() };
        let whole = quote(&wanted, epoch, epoch, 0, &prices);
        assert_eq!((whole.storage, whole.write), (Frost(132_300), Frost(63 * 7)));
        let rest = quote(&wanted, epoch / 2, epoch, 2, &prices);
        assert_eq!(rest.storage, Frost(132_300 / 2 * 5));
    }

    #[test]
    fn a_quote_has_every_fee_that_a_bill_of_the_same_usage_has() {
        let prices = Prices {
            storage: Frost(2_100),
            write: Frost(7),
            requests_read: Frost(3_000),
            requests_write: Frost(5_000),
            egress: Frost(11),
        };
        let wanted = Usage {
            written_bytes: 4 * MIB,
            requests_read: 2,
            requests_write: requests_of_upload(3) + 1,
            egress_bytes: 9 * MIB,
            ..Usage::default()
        };
        let quoted = quote(&wanted, 1_000, 1_000, 1, &prices);
        assert_eq!((quoted.requests, quoted.egress), (Frost(2 * 3 + 6 * 5), Frost(99)));
        let used = Usage { byte_micros: u128::from(4 * MIB) * 2_000, ..wanted };
        assert_eq!(quoted, charges(&used, &prices, 1_000));
        assert_eq!([0, 1, 10_000].map(requests_of_upload), [1, 3, 10_002]);
    }
}
