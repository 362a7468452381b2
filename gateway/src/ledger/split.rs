//! Splitting an amount by weights, to the last FROST.

use crate::domain::money::frost::Frost;

/// Splits an amount by weights: each gets its share rounded down, and what is left goes, one FROST each, to the largest remainders,
/// of equal ones to the first. The parts sum to the amount exactly; where all weights are zero, nobody gets anything.
#[must_use]
pub fn split(amount: Frost, weights: &[u64]) -> Vec<Frost> {
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum == 0 {
        return vec![Frost::ZERO; weights.len()];
    }
    let mut left = i128::from(amount.0);
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for (at, weight) in weights.iter().enumerate() {
        let product = i128::from(amount.0) * i128::from(*weight);
        let share = product / sum;
        left -= share;
        // At most the amount, because a weight is at most the sum.
        parts.push(Frost(u64::try_from(share).unwrap_or(u64::MAX)));
        remainders.push((product % sum, at));
    }
    // Fewer are left than there are remainders above zero.
    remainders.sort_by(|(a, a_at), (b, b_at)| b.cmp(a).then(a_at.cmp(b_at)));
    for (_, at) in remainders.iter().take(usize::try_from(left).unwrap_or(0)) {
        if let Some(part) = parts.get_mut(*at) {
            part.0 += 1;
        }
    }
    parts
}
