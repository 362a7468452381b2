//! What buckets and providers come to, as metrics of a bounded number of names: the rest is summed under one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::money::account::LedgerAccount;
use crate::metadata::{BucketCost, MetadataStore, MoneyEpoch, Result};

/// The name of all that have none of their own; no bucket and no backend can have it.
const OTHER: &str = "(other)";

/// What is shown of a bucket, or of all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct BucketSums {
    bytes: u64,
    frost: u64,
    unpaid: u64,
    hold: u64,
}

/// What is shown of a provider, or of all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ProviderSums {
    bytes: u64,
    earned: u64,
    verdicts: BTreeMap<String, u64>,
}

/// Sums under names: the first that come get names of their own, which they keep until the process ends, and the rest is one.
#[derive(Debug)]
struct Named<T> {
    most: usize,
    sums: BTreeMap<String, T>,
}

impl<T: Default> Named<T> {
    fn new(most: usize) -> Self {
        Self { most, sums: BTreeMap::new() }
    }

    fn of(&mut self, name: &str) -> &mut T {
        let own = self.sums.keys().filter(|known| *known != OTHER).count();
        let name = if self.sums.contains_key(name) || own < self.most { name } else { OTHER };
        self.sums.entry(name.to_owned()).or_default()
    }

    /// All names at zero: what is gone is shown as nothing, and not as it was.
    fn clear(&mut self) {
        self.sums.values_mut().for_each(|sum| *sum = T::default());
    }
}

/// The metrics of money.
#[derive(Debug)]
pub(in crate::workers) struct MoneyMetrics {
    buckets: Mutex<Named<BucketSums>>,
    providers: Mutex<Named<ProviderSums>>,
}

impl MoneyMetrics {
    /// With so many names of buckets and providers.
    pub(in crate::workers) fn new(buckets: usize, providers: usize) -> Self {
        Self { buckets: Mutex::new(Named::new(buckets)), providers: Mutex::new(Named::new(providers)) }
    }

    /// Adds a page of a round.
    pub(in crate::workers) fn add(&self, costs: &[BucketCost]) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for cost in costs {
            let sums = buckets.of(&cost.name);
            sums.bytes = sums.bytes.saturating_add(cost.bytes);
            sums.frost = sums.frost.saturating_add(cost.so_far.total().0);
            sums.unpaid = sums.unpaid.saturating_add(cost.funds.unpaid.0);
            sums.hold = sums.hold.saturating_add(cost.funds.hold.0);
        }
    }

    /// Shows what a round came to, and begins the next.
    pub(in crate::workers) async fn show(&self, metadata: &MetadataStore, epoch: &MoneyEpoch) -> Result<()> {
        self.show_buckets();
        let held = metadata.provider_bytes().await?;
        let verdicts = metadata.verdict_counts(epoch.begins_at, epoch.ends_at).await?;
        let mut earned = Vec::new();
        for (name, _) in &held {
            if let Some(book) = epoch.mode.book() {
                let balance = metadata.balance(book, &LedgerAccount::Provider(name.clone())).await?;
                earned.push((name, balance.credits_posted.0));
            }
        }
        let mut providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        providers.clear();
        for (name, bytes) in &held {
            let sums = providers.of(name);
            sums.bytes = sums.bytes.saturating_add(*bytes);
        }
        for (name, amount) in earned {
            let sums = providers.of(name);
            sums.earned = sums.earned.saturating_add(amount);
        }
        for (name, verdict, count) in verdicts {
            let sum = providers.of(&name).verdicts.entry(verdict).or_default();
            *sum = sum.saturating_add(count);
        }
        for (name, sums) in &providers.sums {
            let provider = || name.clone();
            metrics::gauge!("haulout_provider_bytes", "provider" => provider()).set(number(sums.bytes));
            metrics::gauge!("haulout_provider_earned_frost", "provider" => provider()).set(number(sums.earned));
            for verdict in ["passed", "wrong", "missing", "contained", "offline", "void"] {
                let count = sums.verdicts.get(verdict).copied().unwrap_or(0);
                metrics::gauge!("haulout_provider_epoch_verdicts", "provider" => provider(), "verdict" => verdict)
                    .set(number(count));
            }
        }
        Ok(())
    }

    fn show_buckets(&self) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, sums) in &buckets.sums {
            let bucket = || name.clone();
            metrics::gauge!("haulout_bucket_bytes", "bucket" => bucket()).set(number(sums.bytes));
            metrics::gauge!("haulout_bucket_epoch_frost", "bucket" => bucket()).set(number(sums.frost));
            metrics::gauge!("haulout_bucket_unpaid_frost", "bucket" => bucket()).set(number(sums.unpaid));
            metrics::gauge!("haulout_bucket_hold_frost", "bucket" => bucket()).set(number(sums.hold));
        }
        buckets.clear();
    }
}

/// Exact up to 2^53.
fn number(count: u64) -> f64 {
    let part = |half: u64| f64::from(u32::try_from(half).unwrap_or(u32::MAX));
    part(count >> 32) * 4_294_967_296.0 + part(count & u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_what_is_gone_is_nothing() {
        let mut named: Named<u64> = Named::new(2);
        for (name, add) in [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("a", 5)] {
            *named.of(name) += add;
        }
        let shown: Vec<_> = named.sums.iter().map(|(name, sum)| (name.as_str(), *sum)).collect();
        assert_eq!(shown, [(OTHER, 7), ("a", 6), ("b", 2)]);
        named.clear();
        *named.of("c") += 1;
        assert_eq!(named.sums.values().copied().collect::<Vec<_>>(), [1, 0, 0]);
        let mut none: Named<u64> = Named::new(0);
        *none.of("a") += 1;
        assert_eq!(none.sums.keys().collect::<Vec<_>>(), [OTHER]);
        assert!((number((3 << 32) + 5) - 12_884_901_893.0).abs() < f64::EPSILON);
    }
}
