//! The same question answered by trying every order, for histories of a few operations: a second opinion on [`super::register`].

use std::collections::HashSet;

use super::operation::{Operation, Value};

/// Whether an order exists. It tries every operation that no other one must precede, after Wing and Gong, and remembers
/// where that led nowhere, after Lowe.
pub(super) fn has_an_order(operations: &[Operation]) -> bool {
    let operations: Vec<_> = operations.iter().filter(|operation| operation.may_have_happened()).collect();
    goes_on(&operations, 0, None, &mut HashSet::new())
}

fn goes_on(
    operations: &[&Operation],
    done: u32,
    state: Option<Value>,
    seen: &mut HashSet<(u32, Option<Value>)>,
) -> bool {
    let left = || operations.iter().enumerate().filter(|(at, _)| done & (1 << at) == 0);
    if left().all(|(_, operation)| operation.returned().is_none()) {
        return true;
    }
    if !seen.insert((done, state)) {
        return false;
    }
    left().any(|(at, operation)| {
        let precedes = |other: &Operation| other.returned().is_some_and(|returned| returned < operation.invoked);
        let earlier = || operations.iter().enumerate().filter(|(at, _)| done & (1 << at) != 0);
        let is_over = |other: &Operation| operation.expires().is_some_and(|expires| expires < other.invoked);
        let is_next = !left().any(|(_, other)| precedes(other)) && !earlier().any(|(_, other)| is_over(other));
        let after = operation.effect.after(state).filter(|_| is_next);
        after.is_some_and(|after| goes_on(operations, done | (1 << at), after, seen))
    })
}
