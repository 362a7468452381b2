//! What placement knows of a backend.

/// A backend that may take slivers.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its name, by which blobs are spread over backends.
    pub name: &'a str,
    /// What it shares with others.
    pub domains: FailureDomains<'a>,
    /// Its share of new slivers in relation to the others'. Never 0.
    pub weight: u32,
    /// Its health, judged by the last writes.
    pub write_health: WriteHealth,
}

/// What fails together: everything of one provider, everything in one zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureDomains<'a> {
    /// Who answers for the backend. Two slivers of a blob never have one provider.
    pub provider: &'a str,
    /// Where it stands; empty when nobody said so, which is a zone of its own. At most m slivers of a blob are in one zone while there is a
    /// choice.
    pub zone: &'a str,
}

/// The write health of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WriteHealth {
    /// It takes writes.
    Good,
    /// It failed a write lately: used only when the good ones are not enough for every sliver.
    Degraded,
    /// It timed out lately: waiting for it again would stall every write, so it is left out.
    Unresponsive,
    /// What it holds is in doubt, or it leaves the cluster: it takes nothing, whatever is missing.
    Barred,
}
