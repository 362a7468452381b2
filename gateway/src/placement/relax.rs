//! Single changes of a placement rule that admit more backends.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::PlacementRule;
use crate::placement::candidate::Candidate;

/// One change of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relaxation {
    /// Allow one zone more.
    Zone(String),
    /// Allow one provider more.
    Provider(String),
    /// Do not exclude a name.
    Include(String),
    /// Allow every zone.
    EveryZone,
    /// Allow every provider.
    EveryProvider,
    /// Ask for no residency.
    NoResidency,
}

impl Relaxation {
    /// The rule with the change made.
    #[must_use]
    pub fn applied(&self, rule: &PlacementRule) -> PlacementRule {
        let mut relaxed = rule.clone();
        match self {
            Self::Zone(zone) => {
                relaxed.zones.insert(zone.clone());
            }
            Self::Provider(provider) => {
                relaxed.providers.insert(provider.clone());
            }
            Self::Include(name) => {
                relaxed.exclude.remove(name);
            }
            Self::EveryZone => relaxed.zones.clear(),
            Self::EveryProvider => relaxed.providers.clear(),
            Self::NoResidency => relaxed.residency = None,
        }
        relaxed
    }
}

impl fmt::Display for Relaxation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone(zone) => write!(f, "allow zone {zone}"),
            Self::Provider(provider) => write!(f, "allow provider {provider}"),
            Self::Include(name) => write!(f, "do not exclude {name}"),
            Self::EveryZone => f.write_str("allow every zone"),
            Self::EveryProvider => f.write_str("allow every provider"),
            Self::NoResidency => f.write_str("ask for no residency"),
        }
    }
}

/// Every single change of a rule, those that say the least first.
pub(super) fn relaxations(rule: &PlacementRule, candidates: &[Candidate<'_>]) -> Vec<Relaxation> {
    let mut all: Vec<_> = rule.exclude.iter().cloned().map(Relaxation::Include).collect();
    if !rule.zones.is_empty() {
        let zones: BTreeSet<_> = candidates.iter().map(|one| one.domains.zone).collect();
        let others = zones.into_iter().filter(|zone| !zone.is_empty() && !rule.zones.contains(*zone));
        all.extend(others.map(|zone| Relaxation::Zone(zone.to_owned())));
        all.push(Relaxation::EveryZone);
    }
    if !rule.providers.is_empty() {
        let providers: BTreeSet<_> = candidates.iter().map(|one| one.domains.provider).collect();
        let others = providers.into_iter().filter(|provider| !rule.providers.contains(*provider));
        all.extend(others.map(|provider| Relaxation::Provider(provider.to_owned())));
        all.push(Relaxation::EveryProvider);
    }
    all.extend(rule.residency.as_ref().map(|_| Relaxation::NoResidency));
    all
}
