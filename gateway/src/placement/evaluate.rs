//! What a placement rule comes to with the backends there are: who qualifies, what new blobs survive, and what to relax.

use std::collections::BTreeSet;

use codec::Scheme;
use serde::{Deserialize, Serialize};

use crate::domain::PlacementRule;
use crate::placement::candidate::{Candidate, WriteHealth};
use crate::placement::choose::zone_at_risk;
use crate::placement::floor::write_floor;
use crate::placement::relax::{Relaxation, relaxations};
use crate::placement::rule::refusal;

/// What a rule comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Distinct providers that qualify: each takes one sliver of a blob at most.
    pub providers: usize,
    /// Every backend, and why it does not qualify.
    pub backends: Vec<BackendVerdict>,
    /// What becomes of new blobs, by the schemes in use.
    pub schemes: Vec<SchemeVerdict>,
    /// The one change of the rule that would help: that reaches the floor of every scheme, or all slivers where the floor is reached. Of
    /// several it is the one that admits the fewest backends more. None when nothing is missing, or no single change is enough.
    pub relax: Option<Relaxation>,
}

/// Whether a backend qualifies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendVerdict {
    /// Its name.
    pub name: String,
    /// Its provider.
    pub provider: String,
    /// Its zone; empty when nobody said so.
    pub zone: String,
    /// The network of its public address, which counts as its zone because nobody named one; empty otherwise.
    #[serde(default)]
    pub network: String,
    /// It has a small share until it has passed its audits.
    #[serde(default)]
    pub vetting: bool,
    /// Why it does not qualify; absent when it does.
    pub refused: Option<String>,
}

/// What becomes of new blobs of a scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemeVerdict {
    /// The scheme, such as `rs-4-2`.
    pub scheme: String,
    /// Slivers of a blob, each for a provider of its own.
    pub slivers: usize,
    /// Providers without which writes are refused.
    pub floor: usize,
    /// Slivers of a new blob that find a place.
    pub placed: usize,
    /// Providers that may be lost without losing a blob; absent when none is written.
    pub may_lose: Option<usize>,
    /// A zone whose loss alone loses blobs, because too few zones qualify.
    pub zone_at_risk: Option<String>,
}

impl Evaluation {
    /// Writes succeed under every scheme.
    #[must_use]
    pub fn meets_floor(&self) -> bool {
        self.schemes.iter().all(|scheme| scheme.placed >= scheme.floor)
    }

    /// Every sliver finds a place under every scheme.
    #[must_use]
    pub fn meets_all(&self) -> bool {
        self.schemes.iter().all(|scheme| scheme.placed == scheme.slivers)
    }
}

/// Evaluates a rule. A backend that is in trouble now qualifies, for it may come back; one that is barred does not.
#[must_use]
pub fn evaluate(rule: &PlacementRule, candidates: &[Candidate<'_>], schemes: &[Scheme]) -> Evaluation {
    let backends: Vec<BackendVerdict> = candidates.iter().map(|candidate| verdict(rule, candidate)).collect();
    let qualified = qualified(rule, candidates);
    let providers = providers(&qualified);
    let schemes: Vec<SchemeVerdict> =
        schemes.iter().map(|scheme| scheme_verdict(*scheme, providers, &qualified)).collect();
    let mut evaluation = Evaluation { providers, backends, schemes, relax: None };
    if !evaluation.meets_all() {
        let needed = |scheme: &SchemeVerdict| match evaluation.meets_floor() {
            true => scheme.slivers,
            false => scheme.floor,
        };
        let goal = evaluation.schemes.iter().map(needed).max().unwrap_or(0);
        evaluation.relax = least_relaxation(rule, candidates, goal);
    }
    evaluation
}

/// The single change that lets at least so many providers qualify and admits the fewest backends.
fn least_relaxation(rule: &PlacementRule, candidates: &[Candidate<'_>], goal: usize) -> Option<Relaxation> {
    let enough = relaxations(rule, candidates).into_iter().filter_map(|relaxation| {
        let admitted = qualified(&relaxation.applied(rule), candidates);
        (providers(&admitted) >= goal).then_some((admitted.len(), relaxation))
    });
    enough.min_by_key(|(admitted, _)| *admitted).map(|(_, relaxation)| relaxation)
}

fn qualified<'a>(rule: &PlacementRule, candidates: &[Candidate<'a>]) -> Vec<Candidate<'a>> {
    let fits = |one: &&Candidate<'_>| one.write_health != WriteHealth::Barred && refusal(rule, one).is_none();
    candidates.iter().filter(fits).copied().collect()
}

fn providers(qualified: &[Candidate<'_>]) -> usize {
    qualified.iter().map(|one| one.domains.provider).collect::<BTreeSet<_>>().len()
}

fn verdict(rule: &PlacementRule, candidate: &Candidate<'_>) -> BackendVerdict {
    let barred = || {
        let barred = candidate.write_health == WriteHealth::Barred;
        barred.then(|| "it takes no new slivers: it leaves the cluster, what it holds is in doubt, or prices are below its floor".to_owned())
    };
    BackendVerdict {
        name: candidate.name.to_owned(),
        provider: candidate.domains.provider.to_owned(),
        zone: candidate.domains.zone.to_owned(),
        network: if candidate.domains.zone.is_empty() { candidate.domains.network.to_owned() } else { String::new() },
        vetting: candidate.domains.vetting.is_some(),
        refused: refusal(rule, candidate).map(|refusal| refusal.to_string()).or_else(barred),
    }
}

fn scheme_verdict(scheme: Scheme, providers: usize, qualified: &[Candidate<'_>]) -> SchemeVerdict {
    let (placed, floor) = (providers.min(scheme.n()), write_floor(scheme));
    SchemeVerdict {
        scheme: scheme.to_string(),
        slivers: scheme.n(),
        floor,
        placed,
        may_lose: (placed >= floor).then(|| placed - scheme.k()),
        zone_at_risk: zone_at_risk(qualified, scheme).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::tests::{in_zone, rule, scheme};

    const NAMES: [&str; 9] = ["b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9"];
    const ZONES: [&str; 9] = ["a", "a", "a", "b", "b", "b", "c", "c", "c"];

    fn committee() -> Vec<Candidate<'static>> {
        NAMES.iter().zip(ZONES).map(|(name, zone)| in_zone(name, zone)).collect()
    }

    fn evaluated(text: &str) -> Evaluation {
        evaluate(&rule(text), &committee(), &[scheme("rs-4-2")])
    }

    #[test]
    fn it_says_what_survives_and_what_to_relax() {
        // Providers, slivers placed, how many may be lost, and the change.
        type Case<'a> = (&'a str, usize, usize, Option<usize>, Option<&'a str>);
        let table: [Case<'_>; 8] = [
            ("", 9, 6, Some(2), None),
            ("zones=a,b", 6, 6, Some(2), None),
            ("zones=a,b exclude=b1", 5, 5, Some(1), Some("do not exclude b1")),
            ("zones=a", 3, 3, None, Some("allow zone b")),
            ("providers=b1,b2,b3,b4", 4, 4, None, Some("allow provider b5")),
            ("providers=b1,b2", 2, 2, None, Some("allow every provider")),
            ("zones=a exclude=b4,b5,b6,b7,b8,b9", 3, 3, None, None),
            ("residency=a", 3, 3, None, Some("ask for no residency")),
        ];
        for (text, providers, placed, may_lose, relax) in table {
            let evaluation = evaluated(text);
            let scheme = &evaluation.schemes[0];
            assert_eq!((evaluation.providers, scheme.placed, scheme.may_lose), (providers, placed, may_lose), "{text}");
            assert_eq!((evaluation.meets_floor(), evaluation.meets_all()), (placed >= 5, placed == 6), "{text}");
            let change = evaluation.relax.as_ref().map(ToString::to_string);
            assert_eq!(change.as_deref(), relax, "{text}");
        }
    }

    #[test]
    fn whoever_does_not_qualify_hears_why() {
        let mut all = committee();
        all[8].write_health = WriteHealth::Barred;
        all[7].write_health = WriteHealth::Unresponsive;
        let evaluation = evaluate(&rule("exclude=b1"), &all, &[scheme("rs-4-2")]);
        let refused: Vec<_> =
            evaluation.backends.iter().filter_map(|one| Some((one.name.as_str(), one.refused.as_deref()?))).collect();
        assert_eq!(refused[0], ("b1", "b1 is excluded"));
        assert!(refused[1].0 == "b9" && refused[1].1.contains("no new slivers"), "{refused:?}");
        assert_eq!((refused.len(), evaluation.providers), (2, 7), "one that is in trouble may come back");
    }

    #[test]
    fn the_most_demanding_scheme_decides_and_a_zone_at_risk_is_named() {
        let schemes = [scheme("rs-2-1"), scheme("rs-4-2")];
        let evaluation = evaluate(&rule("zones=a"), &committee(), &schemes);
        assert_eq!(evaluation.schemes[0].may_lose, Some(1));
        assert_eq!(evaluation.schemes[0].zone_at_risk.as_deref(), Some("a"));
        assert!(!evaluation.meets_floor() && evaluation.relax.is_some());
        assert_eq!(evaluated("zones=a,b").schemes[0].zone_at_risk.as_deref(), Some("a"), "three in each");
        assert_eq!(evaluated("").schemes[0].zone_at_risk, None);
    }

    #[test]
    fn two_backends_of_one_provider_count_once() {
        let mut all = committee();
        all.iter_mut().take(3).for_each(|one| one.domains.provider = "same");
        let evaluation = evaluate(&rule("zones=a,b"), &all, &[scheme("rs-4-2")]);
        assert_eq!((evaluation.providers, evaluation.meets_floor()), (4, false));
    }
}
