//! How the slivers of one blob are spread over failure domains.

use crate::placement::candidate::{Candidate, FailureDomains};

/// The domains that hold slivers of a blob.
#[derive(Debug, Default)]
pub(super) struct Spread<'a> {
    held: Vec<FailureDomains<'a>>,
}

impl<'a> Spread<'a> {
    /// One more sliver is there.
    pub(super) fn add(&mut self, domains: FailureDomains<'a>) {
        self.held.push(domains);
    }

    /// One that is there will not be.
    pub(super) fn release(&mut self, domains: FailureDomains<'a>) {
        if let Some(at) = self.held.iter().position(|held| *held == domains) {
            self.held.swap_remove(at);
        }
    }

    /// The first of these candidates that may take one more sliver. A provider that holds one never may. At most `zone_max` slivers share a
    /// zone; where that leaves nobody, one more, and so on: the most even spread there is.
    pub(super) fn pick(
        &self,
        order: impl Iterator<Item = usize>,
        candidates: &[Candidate<'a>],
        zone_max: usize,
    ) -> Option<usize> {
        let free = order.filter(|at| !self.has_provider(candidates[*at].domains.provider));
        let mut least: Option<(usize, usize)> = None;
        for at in free {
            let load = self.in_zone(candidates[at].domains.zone);
            if load < zone_max {
                return Some(at);
            }
            if least.is_none_or(|(_, lowest)| load < lowest) {
                least = Some((at, load));
            }
        }
        least.map(|(at, _)| at)
    }

    pub(super) fn has_provider(&self, provider: &str) -> bool {
        self.held.iter().any(|held| held.provider == provider)
    }

    /// Slivers in a zone; none in one that nobody named.
    pub(super) fn in_zone(&self, zone: &str) -> usize {
        if zone.is_empty() { 0 } else { self.held.iter().filter(|held| held.zone == zone).count() }
    }
}
