//! The fewest slivers that may be acknowledged.

use codec::Scheme;

/// The floor of a degraded write: `max(k + 1, k + ceil(m / 2))` slivers durable on distinct failure domains.
///
/// An acknowledgement at `q` slivers survives the loss of `q - k` of them. The normal rule is `q = n`; only when
/// no spare backend is left may a write be acknowledged below it, never below this floor, and never at `k`.
#[must_use]
pub fn write_floor(scheme: Scheme) -> usize {
    let (k, m) = (scheme.k(), scheme.m());
    (k + 1).max(k + m.div_ceil(2)).min(scheme.n())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_never_k_and_grows_with_parity() {
        for (scheme, floor) in
            [("rs-2-1", 3), ("rs-4-2", 5), ("rs-6-3", 8), ("rs-8-4", 10), ("rs-17-3", 19), ("copy-3", 2)]
        {
            let parsed: Scheme = scheme.parse().expect("a scheme");
            assert_eq!(write_floor(parsed), floor, "{scheme}");
        }
    }
}
