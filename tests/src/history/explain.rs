//! A violation in words that name the operations.

use super::operation::{Ending, Operation, Value};
use super::register::{Failure, Violation};

/// Operations that are named beside the one that has no place.
const NAMED_MAX: usize = 8;

/// What is wrong with one key, for the reader of a failure.
pub(super) fn explain(key: &str, operations: &[&Operation], failure: &Failure<'_>) -> String {
    match failure {
        Failure::Violation(violation) => explain_violation(operations, violation),
        Failure::Undecided => format!("{key}: too much happened at one time to decide"),
    }
}

fn explain_violation(operations: &[&Operation], violation: &Violation<'_>) -> String {
    let unexplained = violation.unexplained;
    let mut lines = vec![format!("{unexplained}, which no order of all operations explains")];
    if let Some(value) = unexplained.seen() {
        lines.push(origin(operations, unexplained, value));
    }
    for state in &violation.states {
        let writers = match state {
            Some(value) => writers_of(operations, *value),
            None => deletions_before(operations, unexplained),
        };
        let name = state.map_or_else(|| "nothing".to_owned(), |value| format!("value {value}"));
        let by = writers.last().map_or_else(String::new, |writer| format!(": {writer}"));
        lines.push(format!("the key can hold {name}{by}"));
    }
    let under_way = violation.under_way.iter().take(NAMED_MAX);
    lines.extend(under_way.map(|operation| format!("at the same time: {operation}")));
    lines.join("\n    ")
}

/// Where a value that was seen comes from.
fn origin(operations: &[&Operation], unexplained: &Operation, value: Value) -> String {
    let Some(writer) = writers_of(operations, value).last().copied() else {
        return format!("nobody wrote value {value}");
    };
    let began_later = unexplained.returned().is_some_and(|returned| writer.invoked > returned);
    match writer.ending {
        Ending::Refused(_) => format!("the write of value {value} was refused: {writer}"),
        _ if began_later => format!("the write of value {value} began later: {writer}"),
        _ => format!("value {value} comes from {writer}"),
    }
}

fn writers_of<'a>(operations: &[&'a Operation], value: Value) -> Vec<&'a Operation> {
    operations.iter().copied().filter(|operation| operation.effect.written() == Some(Some(value))).collect()
}

fn deletions_before<'a>(operations: &[&'a Operation], before: &Operation) -> Vec<&'a Operation> {
    let earlier = |it: &&Operation| before.returned().is_none_or(|returned| it.invoked <= returned);
    let deletes = |it: &&Operation| it.effect.written() == Some(None) && it.returned().is_some();
    operations.iter().copied().filter(deletes).filter(earlier).collect()
}
