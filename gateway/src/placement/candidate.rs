//! What placement knows of a backend.

use codec::Scheme;

/// A backend that may take slivers.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its name, by which blobs are spread over backends.
    pub name: &'a str,
    /// What it shares with others.
    pub domains: FailureDomains<'a>,
    /// Its share of new slivers in relation to the others', in hundredths. Never 0.
    pub weight: u32,
    /// Its health, judged by the last writes.
    pub write_health: WriteHealth,
}

/// What fails together: everything of one provider, everything in one zone, everything that nobody knows yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureDomains<'a> {
    /// Who answers for the backend. Two slivers of a blob never have one provider.
    pub provider: &'a str,
    /// Where it stands; empty when nobody said so, which is a zone of its own. At most m slivers of a blob are in one zone while there is a
    /// choice.
    pub zone: &'a str,
    /// The network of its public address, which counts as its zone where nobody named one: see [`network_of`](crate::placement::network_of).
    /// Empty for what has no public address.
    pub network: &'a str,
    /// It has shown too little so far: all that is like this counts as one domain. None for what is trusted.
    pub vetting: Option<Vetting>,
}

/// How far backends are relied on that have not passed their audits yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vetting {
    /// Percent of a blob's slivers that all of them have together: one sliver at least, and never more than may be lost, while there is a
    /// choice.
    pub slivers_percent: u8,
}

impl Vetting {
    /// The most slivers of one blob that such backends have together.
    #[must_use]
    pub fn slivers_max(self, scheme: Scheme) -> usize {
        let share = scheme.n().saturating_mul(self.slivers_percent.into()) / 100;
        share.max(1).min(scheme.m())
    }
}

impl<'a> FailureDomains<'a> {
    /// Where it stands: its zone, or else its network. Empty when neither is known, and then nobody else stands there.
    #[must_use]
    pub fn place(&self) -> &'a str {
        if self.zone.is_empty() { self.network } else { self.zone }
    }
}

/// The write health of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WriteHealth {
    /// It takes writes.
    Good,
    /// It was away in many audits: used only when those before are not enough for every sliver.
    Unreliable,
    /// It failed a write lately: used only when the good ones are not enough for every sliver.
    Degraded,
    /// It timed out lately: waiting for it again would stall every write, so it is left out.
    Unresponsive,
    /// What it holds is in doubt, it leaves the cluster, prices are below the floor that it signed, or it answers no audits: it takes nothing, whatever
    /// is missing.
    Barred,
}

impl WriteHealth {
    /// Whether slivers may be rebuilt there now.
    #[must_use]
    pub fn takes_repair(self) -> bool {
        self <= Self::Unreliable
    }
}
