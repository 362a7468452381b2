//! What a write costs before it is made.

use crate::domain::money::price::{Charges, Prices, Usage, charges};

/// What `encoded` bytes cost that are written now, with all fees but those of later requests: to the end of the epoch, of which `micros_left`
/// of its `epoch_micros` are left, and for `more` whole epochs after it at the same prices.
#[must_use]
pub fn quote(encoded: u64, micros_left: u64, epoch_micros: u64, more: u64, prices: &Prices) -> Charges {
    let micros = u128::from(micros_left) + u128::from(epoch_micros) * u128::from(more);
    let byte_micros = u128::from(encoded).saturating_mul(micros);
    let usage = Usage { byte_micros, written_bytes: encoded, requests_write: 1, ..Usage::default() };
    charges(&usage, prices, epoch_micros)
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
        let whole = quote(63 * MIB, epoch, epoch, 0, &prices);
        assert_eq!((whole.storage, whole.write), (Frost(132_300), Frost(63 * 7)));
        let rest = quote(63 * MIB, epoch / 2, epoch, 2, &prices);
        assert_eq!(rest.storage, Frost(132_300 / 2 * 5));
    }
}
