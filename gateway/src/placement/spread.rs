//! How the slivers of one blob are spread over failure domains.

use codec::Scheme;

use crate::placement::candidate::{Candidate, FailureDomains};

/// The domains that hold slivers of a blob.
#[derive(Debug, Default)]
pub(super) struct Spread<'a> {
    held: Vec<FailureDomains<'a>>,
}

/// What one more sliver in some domains would overstep; the greater, the worse. Nothing is the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Excess {
    /// Backends that nobody knows yet would have more slivers than may be lost.
    vetting_over_m: bool,
    /// Slivers in its place, where these are as many as may be lost already, and one more.
    place: usize,
    /// Backends that nobody knows yet would have more than their share.
    vetting_over_share: bool,
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

    /// The first of these candidates that may take one more sliver. A provider that holds one never may. At most m slivers are in one place,
    /// and at most as many as their share with backends that are being vetted; where that leaves nobody, the least excess there is.
    pub(super) fn pick(
        &self,
        order: impl Iterator<Item = usize>,
        candidates: &[Candidate<'a>],
        scheme: Scheme,
    ) -> Option<usize> {
        let mut least: Option<(usize, Excess)> = None;
        for at in order.filter(|at| !self.has_provider(candidates[*at].domains.provider)) {
            let excess = self.excess(candidates[at].domains, scheme);
            if excess == Excess::default() {
                return Some(at);
            }
            if least.is_none_or(|(_, lowest)| excess < lowest) {
                least = Some((at, excess));
            }
        }
        least.map(|(at, _)| at)
    }

    /// What one more sliver in these domains would overstep.
    pub(super) fn excess(&self, domains: FailureDomains<'_>, scheme: Scheme) -> Excess {
        let in_place = self.in_place(domains.place());
        let place = if in_place >= scheme.m() && !domains.place().is_empty() { in_place + 1 } else { 0 };
        let Some(vetting) = domains.vetting else { return Excess { place, ..Excess::default() } };
        let vetted = self.in_vetting();
        Excess {
            vetting_over_m: vetted >= scheme.m(),
            place,
            vetting_over_share: vetted >= vetting.slivers_max(scheme),
        }
    }

    pub(super) fn has_provider(&self, provider: &str) -> bool {
        self.held.iter().any(|held| held.provider == provider)
    }

    /// Slivers in a place; none in one that nobody named.
    pub(super) fn in_place(&self, place: &str) -> usize {
        if place.is_empty() { 0 } else { self.held.iter().filter(|held| held.place() == place).count() }
    }

    /// Slivers with backends that are being vetted.
    pub(super) fn in_vetting(&self) -> usize {
        self.held.iter().filter(|held| held.vetting.is_some()).count()
    }
}
