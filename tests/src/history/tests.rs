//! Broken promises are found and named; the one pass and the search of every order agree.

use std::cell::Cell;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::search::has_an_order;
use super::{Effect, Ending, Operation, Value, check_history};

/// An operation of a client on the one key, from and to an instant.
fn operation(client: u64, name: &'static str, effect: Effect, invoked: u64, ending: Ending) -> Operation {
    Operation { client, name, key: "b/k".into(), effect, invoked: Duration::from_millis(invoked), ending }
}

fn done(client: u64, name: &'static str, effect: Effect, (invoked, returned): (u64, u64)) -> Operation {
    operation(client, name, effect, invoked, Ending::Done(Duration::from_millis(returned)))
}

fn put(client: u64, value: Value, from_to: (u64, u64)) -> Operation {
    done(client, "PUT", Effect::Write(Some(value)), from_to)
}

fn delete(client: u64, from_to: (u64, u64)) -> Operation {
    done(client, "DELETE", Effect::Write(None), from_to)
}

fn get(client: u64, value: Option<Value>, from_to: (u64, u64)) -> Operation {
    done(client, "GET", Effect::Read(value), from_to)
}

fn create(client: u64, value: Value, from_to: (u64, u64)) -> Operation {
    done(client, "PUT (if none)", Effect::Swap { from: None, to: value }, from_to)
}

/// The message must hold each of these.
fn must_say(operations: &[Operation], texts: &[&str]) {
    let said = check_history(operations).expect_err("it is a violation").to_string();
    for text in texts {
        assert!(said.contains(text), "{text:?} is not in: {said}");
    }
    assert!(!has_an_order(operations), "the search found an order: {said}");
}

#[test]
fn what_keeps_the_promises_passes() {
    let overlapping = [put(1, 10, (0, 9)), put(2, 20, (1, 8)), get(3, Some(20), (2, 3)), get(3, Some(10), (4, 5))];
    check_history(&overlapping).unwrap();
    let deleted = [put(1, 10, (0, 1)), delete(2, (2, 9)), get(3, Some(10), (3, 4)), get(3, None, (5, 6))];
    check_history(&deleted).unwrap();
    let handed_on = [create(1, 10, (0, 1)), delete(1, (2, 3)), create(2, 20, (4, 5)), get(1, Some(20), (6, 7))];
    check_history(&handed_on).unwrap();
}

#[test]
fn a_write_of_unknown_outcome_may_come_late_or_never() {
    let unknown = operation(1, "PUT", Effect::Write(Some(10)), 0, Ending::Unknown);
    let never = [unknown.clone(), get(2, None, (5, 6)), put(2, 20, (7, 8)), get(2, Some(20), (9, 10))];
    check_history(&never).unwrap();
    let late = [unknown.clone(), get(2, None, (5, 6)), get(2, Some(10), (7, 8))];
    check_history(&late).unwrap();
    let dead = operation(1, "PUT", Effect::Write(Some(10)), 0, Ending::UnknownUntil(Duration::from_millis(6)));
    check_history(&[dead.clone(), get(2, None, (5, 6)), get(2, Some(10), (7, 8))]).unwrap();
    must_say(
        &[dead, get(2, None, (7, 8)), get(2, Some(10), (9, 10))],
        &["client 2's GET", "comes from client 1's PUT"],
    );
    let gone_again = [unknown, get(2, Some(10), (5, 6)), get(2, None, (7, 8))];
    must_say(&gone_again, &["client 2's GET", "the key can hold value 10: client 1's PUT"]);
}

#[test]
fn a_lost_write_is_found() {
    must_say(
        &[put(1, 10, (0, 1)), put(2, 20, (2, 3)), get(3, Some(10), (4, 5))],
        &["client 3's GET", "value 10 comes from client 1's PUT", "the key can hold value 20: client 2's PUT"],
    );
    must_say(&[put(1, 10, (0, 1)), get(3, None, (4, 5))], &["client 3's GET", "can hold value 10: client 1's PUT"]);
}

#[test]
fn a_stale_read_is_found() {
    let operations = [
        put(1, 10, (0, 1)),
        put(2, 20, (2, 9)),
        get(3, Some(20), (3, 4)),
        get(4, Some(10), (5, 6)), // the other reader was further already
    ];
    must_say(&operations, &["client 4's GET", "comes from client 1's PUT", "client 2's PUT"]);
}

#[test]
fn a_value_never_written_is_found() {
    must_say(&[put(1, 10, (0, 1)), get(2, Some(30), (2, 3))], &["client 2's GET", "nobody wrote value 30"]);
    let refused = operation(1, "PUT", Effect::Write(Some(30)), 0, Ending::Refused(Duration::from_millis(1)));
    must_say(&[refused, get(2, Some(30), (2, 3))], &["the write of value 30 was refused: client 1's PUT"]);
}

#[test]
fn a_value_read_before_its_write_began_is_found() {
    must_say(&[get(2, Some(10), (0, 1)), put(1, 10, (2, 3))], &["client 2's GET", "began later: client 1's PUT"]);
}

#[test]
fn a_resurrected_delete_is_found() {
    must_say(
        &[put(1, 10, (0, 1)), delete(2, (2, 3)), get(3, Some(10), (4, 5))],
        &["client 3's GET", "comes from client 1's PUT", "can hold nothing: client 2's DELETE"],
    );
}

#[test]
fn two_winners_of_one_condition_are_found() {
    must_say(
        &[create(1, 10, (0, 5)), create(2, 20, (1, 6))],
        &["client 1's PUT (if none)", "client 2's PUT (if none)"],
    );
    let replace = |client, to| done(client, "PUT (if match)", Effect::Swap { from: Some(5), to }, (2, 9));
    must_say(&[put(3, 5, (0, 1)), replace(1, 10), replace(2, 20)], &["client 1's PUT (if", "client 2's PUT (if"]);
}

#[test]
fn a_condition_that_was_refused_for_nothing_is_found() {
    let refused = done(2, "PUT (if none)", Effect::ReadOther(None), (2, 3));
    must_say(std::slice::from_ref(&refused), &["client 2's PUT (if none)", "the key can hold nothing"]);
    check_history(&[put(1, 10, (0, 1)), refused]).unwrap();
}

#[test]
fn a_value_that_was_taken_twice_is_found() {
    let take = |client, from_to| done(client, "RENAME (source)", Effect::Take(10), from_to);
    check_history(&[put(1, 10, (0, 1)), take(2, (2, 4)), get(3, None, (5, 6))]).unwrap();
    must_say(
        &[put(1, 10, (0, 1)), take(2, (2, 9)), take(3, (3, 8))],
        &["client 2's RENAME (source)", "found value 10 and left nothing", "can hold nothing"],
    );
}

#[test]
fn an_offset_that_was_refused_for_nothing_is_found() {
    let refused = |value| done(2, "APPEND (offset)", Effect::ReadNot(value), (2, 3));
    check_history(&[refused(Some(10))]).unwrap();
    check_history(&[put(1, 10, (0, 1)), refused(None)]).unwrap();
    must_say(&[put(1, 10, (0, 1)), refused(Some(10))], &["client 2's APPEND (offset)", "did not find value 10"]);
    must_say(&[refused(None)], &["did not find nothing"]);
}

/// Writes of unknown outcome stay under way to the end, and must not multiply what is possible.
#[test]
fn thousands_of_operations_on_one_key_are_decided() {
    let mut operations = Vec::new();
    for turn in 0..2_500_u64 {
        let start = turn * 10;
        if turn.is_multiple_of(100) {
            let lost = operation(9, "PUT", Effect::Write(Some(1_000_000 + turn)), start, Ending::Unknown);
            operations.push(lost);
        }
        operations.push(put(1, turn + 1, (start, start + 6)));
        operations.push(delete(2, (start + 1, start + 8)));
        operations.push(get(3, Some(turn + 1), (start + 2, start + 7)));
        operations.push(get(4, None, (start + 3, start + 9)));
    }
    check_history(&operations).unwrap();
}

/// What an operation of a random history is made of.
#[derive(Clone, Debug)]
struct Draft {
    kind: u8,
    before: u64,
    after: u64,
    /// Whether its outcome is unknown: whether it happened, and whether it can happen late.
    unknown: Option<(bool, bool)>,
    /// What is read instead of the truth.
    wrong: Option<Option<Value>>,
}

fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    let unknown = prop::option::weighted(0.25, any::<(bool, bool)>());
    let wrong = prop::option::weighted(0.25, prop::option::of(1..10_u64));
    let draft = (0..9_u8, 0..40_u64, 0..40_u64, unknown, wrong);
    let draft = draft.prop_map(|(kind, before, after, unknown, wrong)| Draft { kind, before, after, unknown, wrong });
    prop::collection::vec(draft, 1..10)
}

/// A history of a store that does one thing every ten instants, and sometimes says something wrong.
fn history(drafts: &[Draft]) -> Vec<Operation> {
    let mut state: Option<Value> = None;
    let mut operations = Vec::new();
    for ((at, value), draft) in (10..).step_by(10).zip(1..).zip(drafts) {
        let said = draft.wrong.unwrap_or(state);
        let effect = match draft.kind {
            0 | 1 => Effect::Write(Some(value)),
            2 => Effect::Write(None),
            3 | 4 => Effect::Swap { from: said, to: value },
            5 if said.is_some() => Effect::ReadOther(None),
            6 => said.map_or(Effect::ReadNot(Some(value)), Effect::Take),
            7 => Effect::ReadNot(draft.wrong.unwrap_or(if state.is_some() { None } else { Some(value) })),
            _ => Effect::Read(said),
        };
        let happened = draft.unknown.is_none_or(|(happened, _)| happened);
        state = effect.written().filter(|_| happened).unwrap_or(state);
        let end = Duration::from_millis(at + draft.after);
        let ending = match draft.unknown {
            None => Ending::Done(end),
            Some((_, true)) => Ending::Unknown,
            Some((_, false)) => Ending::UnknownUntil(end),
        };
        operations.push(operation(value, "operation", effect, at.saturating_sub(draft.before), ending));
    }
    operations
}

#[test]
fn the_pass_and_the_search_agree_about_random_histories() {
    let cases = 10_000;
    let wrong = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let compared = runner.run(&drafts(), |drafts| {
        let operations = history(&drafts);
        let (passes, has_order) = (check_history(&operations).is_ok(), has_an_order(&operations));
        prop_assert_eq!(passes, has_order, "{:#?}", operations);
        wrong.set(wrong.get() + u32::from(!passes));
        Ok(())
    });
    compared.unwrap();
    assert!((cases / 10..cases * 9 / 10).contains(&wrong.get()), "{} of {cases} were violations", wrong.get());
}
