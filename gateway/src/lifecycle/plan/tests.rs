//! Tables: rules and versions in, actions out.

use super::*;
use crate::lifecycle::rule::{
    Filter, MinimumSize, NoncurrentExpiration, NoncurrentTransition, Rule, Scope, Transition,
};

/// A short day, so that ages are whole days.
const DAY: i64 = 10_000_000;
const NOW: Timestamp = Timestamp(1_000 * DAY);

fn rule(scope: Scope) -> Rule {
    Rule {
        id: "r".to_owned(),
        enabled: true,
        scope,
        expiration: None,
        noncurrent_expiration: None,
        transitions: Vec::new(),
        noncurrent_transitions: Vec::new(),
        abort_days: None,
    }
}

fn everything() -> Rule {
    rule(Scope::Filter(Filter::Everything))
}

fn expiring(scope: Scope, days: u32) -> Rule {
    Rule { expiration: Some(Expiration::At(When::Days(days))), ..rule(scope) }
}

fn version(key: &str, number: u8, age_days: i64) -> VersionFact {
    VersionFact {
        key: ObjectKey::new(key.to_owned()).unwrap(),
        id: VersionId([number; 16]),
        current: true,
        marker: false,
        size: 1 << 20,
        modified_at: Timestamp(NOW.0 - age_days * DAY),
        tags: Vec::new(),
        class: "STANDARD".to_owned(),
    }
}

fn old(fact: VersionFact) -> VersionFact {
    VersionFact { current: false, ..fact }
}

fn marker(fact: VersionFact) -> VersionFact {
    VersionFact { marker: true, size: 0, ..fact }
}

/// The actions, shortened: a letter and the number of the version.
fn plan(rules: Vec<Rule>, facts: &[VersionFact]) -> Vec<String> {
    let rules = Configuration { rules, minimum_size: MinimumSize::All128K };
    let mut planner = Planner::new(&rules, Calendar::with_day_seconds(10), NOW);
    let mut actions: Vec<Action> = facts.iter().flat_map(|fact| planner.next(fact)).collect();
    actions.extend(planner.end());
    let short = |action: Action| match action {
        Action::Expire(_, id) => format!("expire {}", id.0[0]),
        Action::Remove(_, id) => format!("remove {}", id.0[0]),
        Action::RemoveMarker(_, id) => format!("marker {}", id.0[0]),
        Action::Move(_, id, class) => format!("move {} {class}", id.0[0]),
    };
    actions.into_iter().map(short).collect()
}

#[test]
fn current_versions_expire_when_their_days_are_over() {
    let prefix = || Scope::Prefix("logs/".to_owned());
    let tag = |value: &str| ("team".to_owned(), value.to_owned());
    let and = || Filter::And {
        prefix: Some("logs/".to_owned()),
        tags: vec![tag("a")],
        greater_than: Some(10),
        less_than: Some(100),
    };
    let tagged = |fact: VersionFact| VersionFact { tags: vec![tag("a"), tag("b")], size: 50, ..fact };
    let table: Vec<(Rule, VersionFact, &[&str])> = vec![
        (expiring(prefix(), 3), version("logs/a", 1, 3), &["expire 1"]),
        (expiring(prefix(), 3), version("logs/a", 1, 2), &[]),
        (expiring(prefix(), 3), version("other", 1, 9), &[]),
        (Rule { enabled: false, ..expiring(prefix(), 3) }, version("logs/a", 1, 9), &[]),
        (expiring(Scope::Filter(and()), 3), tagged(version("logs/a", 1, 3)), &["expire 1"]),
        (expiring(Scope::Filter(and()), 3), VersionFact { size: 10, ..tagged(version("logs/a", 1, 3)) }, &[]),
        (expiring(Scope::Filter(and()), 3), VersionFact { size: 100, ..tagged(version("logs/a", 1, 3)) }, &[]),
        (
            expiring(Scope::Filter(and()), 3),
            VersionFact { tags: vec![tag("b")], ..tagged(version("logs/a", 1, 3)) },
            &[],
        ),
        (expiring(Scope::Filter(Filter::GreaterThan(1 << 20)), 0), version("a", 1, 1), &[]),
        (expiring(Scope::Filter(Filter::LessThan(1 << 21)), 0), version("a", 1, 1), &["expire 1"]),
        (
            Rule { expiration: Some(Expiration::At(When::Date(NOW.0))), ..everything() },
            version("a", 1, 0),
            &["expire 1"],
        ),
        (Rule { expiration: Some(Expiration::At(When::Date(NOW.0 + 1))), ..everything() }, version("a", 1, 9), &[]),
    ];
    for (rule, fact, actions) in table {
        assert_eq!(plan(vec![rule.clone()], std::slice::from_ref(&fact)), actions, "{rule:?} {fact:?}");
    }
}

#[test]
fn noncurrent_versions_count_from_when_they_were_replaced_and_the_newest_may_be_kept() {
    // Written 9, 7, 5, 3 and 1 days ago: replaced 7, 5, 3 and 1 days ago.
    let versions = [
        version("a", 1, 1),
        old(version("a", 2, 3)),
        old(version("a", 3, 5)),
        old(version("a", 4, 7)),
        old(version("a", 5, 9)),
    ];
    let after =
        |days, newer| Rule { noncurrent_expiration: Some(NoncurrentExpiration { days, newer }), ..everything() };
    let table: [(u32, Option<u32>, &[&str]); 5] = [
        (8, None, &[]),
        (5, None, &["remove 4", "remove 5"]),
        (1, None, &["remove 2", "remove 3", "remove 4", "remove 5"]),
        (1, Some(2), &["remove 4", "remove 5"]),
        (6, Some(3), &["remove 5"]),
    ];
    for (days, newer, actions) in table {
        assert_eq!(plan(vec![after(days, newer)], &versions), actions, "{days} {newer:?}");
    }
    let with_marker = [marker(version("a", 1, 1)), old(version("a", 2, 3)), old(marker(version("a", 3, 9)))];
    assert_eq!(plan(vec![after(1, None)], &with_marker), ["remove 2", "remove 3"], "markers are versions too");
}

#[test]
fn a_delete_marker_goes_when_nothing_is_behind_it() {
    let lone = || Rule { expiration: Some(Expiration::LoneMarkers(true)), ..everything() };
    let alone = [marker(version("a", 1, 1)), version("b", 2, 1), marker(version("c", 3, 1))];
    assert_eq!(plan(vec![lone()], &alone), ["marker 1", "marker 3"]);
    let behind = [marker(version("a", 1, 1)), old(version("a", 2, 1)), marker(version("b", 3, 1))];
    assert_eq!(plan(vec![lone()], &behind), ["marker 3"]);
    let days = expiring(Scope::Filter(Filter::Everything), 5);
    assert_eq!(plan(vec![days.clone()], &[marker(version("a", 1, 5))]), ["marker 1"]);
    assert_eq!(plan(vec![days], &[marker(version("a", 1, 4))]), [""; 0]);
    let refused = Rule { expiration: Some(Expiration::LoneMarkers(false)), ..everything() };
    assert_eq!(plan(vec![refused], &[marker(version("a", 1, 5))]), [""; 0]);
    let tagged = expiring(Scope::Filter(Filter::Tag("a".to_owned(), "b".to_owned())), 1);
    assert_eq!(plan(vec![tagged], &[marker(version("a", 1, 5))]), [""; 0], "a marker has no tags");
}

#[test]
fn the_latest_transition_that_is_due_says_where_a_version_belongs() {
    let to = |days, class: &str| Transition { when: When::Days(days), class: class.to_owned() };
    let moving = || Rule { transitions: vec![to(2, "STANDARD_IA"), to(6, "GLACIER")], ..everything() };
    let classed = |class: &str, age| VersionFact { class: class.to_owned(), ..version("a", 1, age) };
    let table: [(&str, i64, &[&str]); 6] = [
        ("STANDARD", 1, &[]),
        ("STANDARD", 2, &["move 1 STANDARD_IA"]),
        ("STANDARD_IA", 5, &[]),
        ("STANDARD_IA", 6, &["move 1 GLACIER"]),
        ("STANDARD", 6, &["move 1 GLACIER"]),
        ("GLACIER", 9, &[]),
    ];
    for (class, age, actions) in table {
        assert_eq!(plan(vec![moving()], &[classed(class, age)]), actions, "{class} {age}");
    }
    let small = VersionFact { size: 1_000, ..version("a", 1, 9) };
    assert_eq!(plan(vec![moving()], std::slice::from_ref(&small)), [""; 0], "128 KiB unless the rule says so");
    let sized = Rule { scope: Scope::Filter(Filter::GreaterThan(500)), ..moving() };
    assert_eq!(plan(vec![sized], &[small]), ["move 1 GLACIER"]);
    let both = vec![moving(), expiring(Scope::Filter(Filter::Everything), 9)];
    assert_eq!(plan(both, &[version("a", 1, 9)]), ["expire 1"], "what expires need not move");
    let old_ones = NoncurrentTransition { days: 1, newer: Some(1), class: "STANDARD_IA".to_owned() };
    let rule = Rule { noncurrent_transitions: vec![old_ones], ..everything() };
    let versions = [version("a", 1, 1), old(version("a", 2, 2)), old(version("a", 3, 3))];
    assert_eq!(plan(vec![rule], &versions), ["move 3 STANDARD_IA"]);
}

#[test]
fn the_earliest_expiry_is_the_one_that_is_told() {
    let rules = Configuration {
        rules: vec![
            expiring(Scope::Prefix("a".to_owned()), 5),
            Rule { id: "first".to_owned(), ..expiring(Scope::Prefix("ab".to_owned()), 3) },
            Rule { id: "up".to_owned(), abort_days: Some(2), ..everything() },
        ],
        minimum_size: MinimumSize::All128K,
    };
    let calendar = Calendar::with_day_seconds(10);
    let expiry = |key: &str| {
        let object = LifecycleObject { key: key.as_bytes(), size: 1, tags: &[] };
        rules.expiry(&object, NOW, calendar).map(|(at, id)| ((at.0 - NOW.0) / DAY, id.to_owned()))
    };
    assert_eq!(expiry("abc"), Some((3, "first".to_owned())));
    assert_eq!(expiry("acc"), Some((5, "r".to_owned())));
    assert_eq!(expiry("b"), None);
    assert_eq!(rules.abort(b"x", NOW, calendar), Some((Timestamp(NOW.0 + 2 * DAY), "up")));
}
