//! Exact shares of large numbers: a product that no `u128` holds is divided before it is cut.

/// `floor(amount * numerator / denominator)`. Zero if the denominator is zero, `u128::MAX` if no `u128` holds the result.
#[must_use]
pub fn share_down(amount: u128, numerator: u128, denominator: u128) -> u128 {
    divide(amount, numerator, denominator).0
}

/// `ceil(amount * numerator / denominator)`, with the same limits.
#[must_use]
pub fn share_up(amount: u128, numerator: u128, denominator: u128) -> u128 {
    let (quotient, rest) = divide(amount, numerator, denominator);
    quotient.saturating_add(u128::from(rest > 0))
}

/// Quotient and rest of a product of 256 bits.
fn divide(a: u128, b: u128, divisor: u128) -> (u128, u128) {
    if divisor == 0 {
        return (0, 0);
    }
    if let Some(product) = a.checked_mul(b) {
        return (product / divisor, product % divisor);
    }
    let (high, low) = product(a, b);
    if high >= divisor {
        return (u128::MAX, 0);
    }
    // Long division, bit by bit: the rest stays below the divisor, so that one subtraction is enough for each bit.
    let (mut quotient, mut rest) = (0, high);
    for bit in (0..128).rev() {
        let carry = rest >> 127;
        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if carry == 1 || rest >= divisor {
            rest = rest.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    (quotient, rest)
}

/// The product, as its upper and its lower 128 bits.
const fn product(a: u128, b: u128) -> (u128, u128) {
    const HALF: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & HALF, b >> 64, b & HALF);
    let low = a0 * b0;
    let middle = a1 * b0 + (low >> 64);
    let (cross, carry) = middle.overflowing_add(a0 * b1);
    let high = a1 * b1 + (cross >> 64) + ((carry as u128) << 64);
    (high, (cross << 64) | (low & HALF))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_numbers_are_rounded_as_they_say() {
        assert_eq!((share_down(10, 1, 3), share_up(10, 1, 3)), (3, 4));
        assert_eq!((share_down(9, 1, 3), share_up(9, 1, 3)), (3, 3));
        assert_eq!((share_down(9, 1, 0), share_up(9, 1, 0)), (0, 0));
        assert_eq!(share_down(u128::MAX, u128::MAX, u128::MAX), u128::MAX);
        assert_eq!(share_down(u128::MAX, 2, 1), u128::MAX, "too much stops");
        assert_eq!(product(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
    }

    proptest! {
        /// Quotient and rest give the product back, in 256 bits.
        #[test]
        fn nothing_is_lost(a: u128, b: u128, divisor in 1u128..) {
            let (high, low) = product(a, b);
            prop_assume!(high < divisor);
            let (quotient, rest) = divide(a, b, divisor);
            prop_assert!(rest < divisor);
            let (back_high, back_low) = product(quotient, divisor);
            let (back_low, carry) = back_low.overflowing_add(rest);
            prop_assert_eq!((back_high + u128::from(carry), back_low), (high, low));
        }

        /// Shares of a whole never come to more than the whole.
        #[test]
        fn shares_sum_to_at_most_the_whole(amount: u64, parts in proptest::collection::vec(0u128..1 << 100, 1..50)) {
            let whole: u128 = parts.iter().sum();
            let shares: Vec<u128> = parts.iter().map(|part| share_down(u128::from(amount), *part, whole)).collect();
            let sum: u128 = shares.iter().sum();
            prop_assert!(sum <= u128::from(amount));
            prop_assert!(whole == 0 || sum + parts.len() as u128 > u128::from(amount));
        }
    }
}
