//! Candidates to place on.

use codec::{BlobId, Scheme};

use crate::domain::PlacementRule;
use crate::placement::{Candidate, FailureDomains, WriteHealth};

/// A healthy backend with a provider of its own, in a zone that nobody named.
pub(super) fn candidate(name: &str) -> Candidate<'_> {
    let domains = FailureDomains { provider: name, ..FailureDomains::default() };
    Candidate { name, domains, weight: 1, write_health: WriteHealth::Good }
}

/// The same in a zone.
pub(super) fn in_zone<'a>(name: &'a str, zone: &'a str) -> Candidate<'a> {
    Candidate { domains: FailureDomains { provider: name, zone, ..FailureDomains::default() }, ..candidate(name) }
}

pub(super) fn scheme(text: &str) -> Scheme {
    text.parse().expect("a scheme")
}

/// A blob for each number.
pub(super) fn blob(number: u32) -> BlobId {
    let mut unique = [0; 12];
    unique[..4].copy_from_slice(&number.to_be_bytes());
    BlobId::new(1, unique)
}

/// A rule by its lists: `zones=a,b exclude=c`.
pub(super) fn rule(text: &str) -> PlacementRule {
    let mut rule = PlacementRule::default();
    for word in text.split_whitespace() {
        let (field, names) = word.split_once('=').expect("field=names");
        let mut names = names.split(',').map(str::to_owned);
        match field {
            "zones" => rule.zones.extend(names),
            "providers" => rule.providers.extend(names),
            "exclude" => rule.exclude.extend(names),
            _ => rule.residency = names.next(),
        }
    }
    rule
}
