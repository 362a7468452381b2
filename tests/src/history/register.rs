//! Whether what happened to one key can be put in one order: each operation takes effect at an instant between its
//! invocation and its return, and each read sees the last write before it.
//!
//! One pass over all invocations and returns, with what is possible at each moment: what the key holds, and which of the
//! operations under way have taken effect. An operation is given its place as late as possible: when it returns, or when one
//! that returns needs it. With a handful of operations under way at a time this is linear in the history. It is exact, which
//! zones of unique values are not here: all deletions write the same nothing, and conditional writes read and write at once.

use std::collections::HashSet;

use super::operation::{Operation, Value};

/// More possibilities than that at one moment are not decided.
const POSSIBILITIES_MAX: usize = 1 << 20;

/// Where no order explains what was seen.
pub(super) struct Violation<'a> {
    /// The first whose return no order explains.
    pub unexplained: &'a Operation,
    /// What the key can hold at that moment.
    pub states: Vec<Option<Value>>,
    /// What was under way beside it.
    pub under_way: Vec<&'a Operation>,
}

/// Why there is no verdict that all is well.
pub(super) enum Failure<'a> {
    /// It is not.
    Violation(Violation<'a>),
    /// Too much happened to this key at one time to know.
    Undecided,
}

/// One way in which things may have gone: what the key holds, and which places' operations have taken effect.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Possibility {
    state: Option<Value>,
    done: u128,
}

/// What happens to an operation at an instant, in this order where instants are the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Invoked,
    Returned,
    /// It takes no effect any more.
    Expired,
}

/// The moment between two events.
struct Moment<'a> {
    /// Operations under way, each in a place that is its bit; unknown ones stay for ever.
    places: Vec<Option<&'a Operation>>,
    possibilities: HashSet<Possibility>,
}

/// Looks for an order of the operations on one key.
pub(super) fn check<'a>(operations: &[&'a Operation]) -> Result<(), Failure<'a>> {
    let mut events = Vec::with_capacity(2 * operations.len());
    for operation in operations.iter().filter(|operation| operation.may_have_happened()) {
        events.push((operation.invoked, Event::Invoked, *operation));
        events.extend(operation.returned().map(|returned| (returned, Event::Returned, *operation)));
        events.extend(operation.expires().map(|expires| (expires, Event::Expired, *operation)));
    }
    // What touches overlaps: invocations come first.
    events.sort_by_key(|(instant, event, _)| (*instant, *event));
    let mut moment = Moment { places: Vec::new(), possibilities: HashSet::new() };
    moment.possibilities.insert(Possibility { state: None, done: 0 });
    for (_, event, operation) in events {
        match event {
            Event::Invoked => moment.invoked(operation)?,
            Event::Returned => moment.returned(operation)?,
            Event::Expired => moment.expired(operation)?,
        }
    }
    Ok(())
}

impl<'a> Moment<'a> {
    fn invoked(&mut self, operation: &'a Operation) -> Result<(), Failure<'a>> {
        let place = self.places.iter().position(Option::is_none).unwrap_or(self.places.len());
        if place >= 128 {
            return Err(Failure::Undecided);
        }
        self.places.resize(self.places.len().max(place + 1), None);
        self.places[place] = Some(operation);
        let possibilities = std::mem::take(&mut self.possibilities);
        self.possibilities = possibilities.into_iter().map(|possibility| self.with_reads(possibility)).collect();
        Ok(())
    }

    /// Keeps the possibilities in which it has taken effect.
    fn returned(&mut self, operation: &'a Operation) -> Result<(), Failure<'a>> {
        let place = self.place_of(operation);
        let kept = self.having(place)?;
        if kept.is_empty() {
            return Err(Failure::Violation(self.violation(operation)));
        }
        self.places[place] = None;
        self.possibilities = self.without_dominated(kept);
        Ok(())
    }

    /// Now it has taken effect or it never will. What saw it, if anything did, may still come.
    fn expired(&mut self, operation: &'a Operation) -> Result<(), Failure<'a>> {
        let place = self.place_of(operation);
        let mut kept = self.having(place)?;
        kept.extend(self.possibilities.iter().map(|it| Possibility { done: it.done & !(1 << place), ..*it }));
        self.places[place] = None;
        self.possibilities = self.without_dominated(kept);
        Ok(())
    }

    fn place_of(&self, operation: &Operation) -> usize {
        let same = |other: &Option<&Operation>| other.is_some_and(|other| std::ptr::eq(other, operation));
        self.places.iter().position(same).expect("what ends was invoked")
    }

    /// The possibilities in which the operation in a place has taken effect; its bit is cleared.
    fn having(&self, place: usize) -> Result<HashSet<Possibility>, Failure<'a>> {
        let bit = 1 << place;
        let mut kept = HashSet::new();
        let mut seen = HashSet::new();
        let mut left: Vec<_> = self.possibilities.iter().map(|possibility| (*possibility, false)).collect();
        while let Some((possibility, unobserved)) = left.pop() {
            if possibility.done & bit != 0 && !unobserved {
                kept.insert(Possibility { done: possibility.done & !bit, ..possibility });
            } else if seen.insert((possibility, unobserved)) {
                left.extend(self.next(possibility, unobserved, place));
            }
            if seen.len() > POSSIBILITIES_MAX {
                return Err(Failure::Undecided);
            }
        }
        Ok(kept)
    }

    /// What each write under way makes of a possibility. One of unknown outcome needs no place unless something observes it
    /// at once, for then only that may follow; or unless it is the one in the `wanted` place.
    fn next(
        &self,
        before: Possibility,
        unobserved: bool,
        wanted: usize,
    ) -> impl Iterator<Item = (Possibility, bool)> + '_ {
        let writes = self.places.iter().enumerate().filter_map(|(place, it)| Some((place, (*it)?)));
        writes.filter_map(move |(place, operation)| {
            let bit = 1 << place;
            let observes = operation.effect.observes_and_writes();
            if before.done & bit != 0 || !operation.effect.writes() || (unobserved && !observes) {
                return None;
            }
            let state = operation.effect.after(before.state)?;
            let written = Possibility { state, done: before.done | bit };
            let after = self.with_reads(written);
            Some((after, place != wanted && operation.returned().is_none() && after == written))
        })
    }

    /// With all the reads under way that see what the key holds: that only relieves them.
    fn with_reads(&self, possibility: Possibility) -> Possibility {
        let see = |(place, it): (usize, &Option<&Operation>)| {
            let effect = (*it)?.effect;
            (!effect.writes() && effect.after(possibility.state).is_some()).then_some(1 << place)
        };
        let seen = self.places.iter().enumerate().filter_map(see).fold(0, |all: u128, bit: u128| all | bit);
        Possibility { done: possibility.done | seen, ..possibility }
    }

    /// Without those that another one surpasses: the same, with fewer writes of unknown outcome used up.
    fn without_dominated(&self, all: HashSet<Possibility>) -> HashSet<Possibility> {
        let optional = |(place, it): (usize, &Option<&Operation>)| {
            it.is_some_and(|operation| operation.returned().is_none()).then_some(1 << place)
        };
        let optional = self.places.iter().enumerate().filter_map(optional).fold(0, |all: u128, bit: u128| all | bit);
        let surpasses = |one: &Possibility, other: &Possibility| {
            let same = one.state == other.state && (one.done ^ other.done) & !optional == 0;
            same && one != other && one.done & !other.done == 0
        };
        all.iter().filter(|one| !all.iter().any(|other| surpasses(other, one))).copied().collect()
    }

    fn violation(&self, unexplained: &'a Operation) -> Violation<'a> {
        let mut states: Vec<_> = self.possibilities.iter().map(|possibility| possibility.state).collect();
        states.sort_unstable();
        states.dedup();
        let beside = |operation: &&Operation| !std::ptr::eq(*operation, unexplained);
        let under_way = self.places.iter().flatten().copied().filter(beside).collect();
        Violation { unexplained, states, under_way }
    }
}
