//! Which backends a placement rule admits, and why not the others.

use std::fmt;

use crate::domain::PlacementRule;
use crate::placement::candidate::{Candidate, WriteHealth};

/// Why a rule does not admit a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleRefusal {
    /// The backend, its provider or its zone is excluded by this name.
    Excluded(String),
    /// Its zone is none of those named; empty when it has none.
    Zone(String),
    /// Its zone does not begin as the residency says.
    Residency(String),
    /// Its provider is none of those named.
    Provider(String),
}

impl fmt::Display for RuleRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excluded(name) => write!(f, "{name} is excluded"),
            Self::Zone(zone) if zone.is_empty() => f.write_str("it has no zone"),
            Self::Zone(zone) => write!(f, "zone {zone} is not among the rule's"),
            Self::Residency(zone) if zone.is_empty() => f.write_str("it has no zone, so its residency is unknown"),
            Self::Residency(zone) => write!(f, "zone {zone} is outside the residency"),
            Self::Provider(provider) => write!(f, "provider {provider} is not among the rule's"),
        }
    }
}

/// Why a rule does not admit a backend; none when it does. Its health does not matter here.
#[must_use]
pub fn refusal(rule: &PlacementRule, candidate: &Candidate<'_>) -> Option<RuleRefusal> {
    let (provider, zone) = (candidate.domains.provider, candidate.domains.zone);
    let excluded = [candidate.name, provider, zone].into_iter().find(|name| rule.exclude.contains(*name));
    if let Some(name) = excluded {
        return Some(RuleRefusal::Excluded(name.to_owned()));
    }
    if !rule.zones.is_empty() && !rule.zones.contains(zone) {
        return Some(RuleRefusal::Zone(zone.to_owned()));
    }
    let resident = rule.residency.as_deref().is_none_or(|start| zone.starts_with(start));
    if !resident {
        return Some(RuleRefusal::Residency(zone.to_owned()));
    }
    let other = !rule.providers.is_empty() && !rule.providers.contains(provider);
    other.then(|| RuleRefusal::Provider(provider.to_owned()))
}

/// Whether all of these rules admit a backend.
#[must_use]
pub fn admitted<'a>(rules: impl IntoIterator<Item = &'a PlacementRule>, candidate: &Candidate<'_>) -> bool {
    rules.into_iter().all(|rule| refusal(rule, candidate).is_none())
}

/// Lets those take nothing that some of these rules do not admit.
pub fn bar_outside<'a>(candidates: &mut [Candidate<'_>], rules: impl IntoIterator<Item = &'a PlacementRule>) {
    for rule in rules {
        let outside = candidates.iter_mut().filter(|candidate| refusal(rule, candidate).is_some());
        outside.for_each(|candidate| candidate.write_health = WriteHealth::Barred);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::candidate::FailureDomains;
    use crate::placement::tests::{blob, candidate, in_zone, scheme};
    use crate::placement::{choose, tests::rule};

    fn of<'a>(name: &'a str, provider: &'a str, zone: &'a str) -> Candidate<'a> {
        Candidate { domains: FailureDomains { provider, zone, ..FailureDomains::default() }, ..candidate(name) }
    }

    #[test]
    fn each_limit_refuses_for_its_own_reason() {
        let backend = of("b1", "ovh", "eu-west");
        for (text, refused) in [
            ("", None),
            ("zones=eu-west,eu-north", None),
            ("zones=eu-north", Some("zone eu-west is not among the rule's")),
            ("zones=eu", Some("zone eu-west is not among the rule's")),
            ("providers=ovh", None),
            ("providers=aws", Some("provider ovh is not among the rule's")),
            ("exclude=b1", Some("b1 is excluded")),
            ("exclude=ovh", Some("ovh is excluded")),
            ("exclude=eu-west", Some("eu-west is excluded")),
            ("exclude=b", None),
            ("residency=eu-", None),
            ("residency=us-", Some("zone eu-west is outside the residency")),
            ("zones=eu-west providers=ovh exclude=b2 residency=eu", None),
            ("zones=eu-west providers=aws", Some("provider ovh is not among the rule's")),
        ] {
            let found = refusal(&rule(text), &backend).map(|refusal| refusal.to_string());
            assert_eq!(found.as_deref(), refused, "{text}");
        }
        let nowhere = of("b2", "b2", "");
        assert_eq!(refusal(&rule("zones=eu"), &nowhere).expect("refused").to_string(), "it has no zone");
        assert!(refusal(&rule("residency=eu"), &nowhere).is_some(), "nobody said where it stands");
    }

    #[test]
    fn what_is_outside_takes_nothing_and_several_rules_must_all_admit() {
        let zones = ["a", "a", "b", "b", "c", "c"];
        let names = ["b1", "b2", "b3", "b4", "b5", "b6"];
        let mut all: Vec<_> = names.iter().zip(zones).map(|(name, zone)| in_zone(name, zone)).collect();
        let (first, second) = (rule("zones=a,b"), rule("exclude=b1"));
        assert_eq!(all.iter().filter(|one| admitted([&first, &second], one)).count(), 3);
        bar_outside(&mut all, [&first, &second]);
        let choice = choose(&all, scheme("rs-2-1"), &blob(1)).expect("three are left");
        let mut chosen = choice.chosen;
        chosen.sort_unstable();
        assert_eq!((chosen, choice.spares), (vec![1, 2, 3], vec![]), "and no spare outside the rule");
        assert!(choose(&all, scheme("rs-4-2"), &blob(1)).is_err());
    }
}
