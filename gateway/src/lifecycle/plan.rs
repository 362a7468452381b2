//! What is to be done about versions, one after the other in the order of lists: by key, the newest first.

use crate::domain::{ObjectKey, Timestamp, VersionId};
use crate::lifecycle::calendar::Calendar;
use crate::lifecycle::rule::{Configuration, Expiration, LifecycleObject};
use crate::lifecycle::when::When;

/// What is known of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionFact {
    /// Its key.
    pub key: ObjectKey,
    /// Its row's name.
    pub id: VersionId,
    /// It is what the key holds now.
    pub current: bool,
    /// It is a delete marker.
    pub marker: bool,
    /// Bytes of content.
    pub size: u64,
    /// When it was written.
    pub modified_at: Timestamp,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Its storage class; `STANDARD` unless another was asked for.
    pub class: String,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Delete the object, as a DELETE without version would, if this is still its current version.
    Expire(ObjectKey, VersionId),
    /// Delete this version for good, if it is still not the current one.
    Remove(ObjectKey, VersionId),
    /// Delete this delete marker for good, if nothing came after it.
    RemoveMarker(ObjectKey, VersionId),
    /// Move this version's content to a storage class.
    Move(ObjectKey, VersionId, String),
}

/// Plans a walk over a bucket. It remembers only what it must of the key it is in.
#[derive(Clone, Debug)]
pub struct Planner<'a> {
    rules: &'a Configuration,
    calendar: Calendar,
    now: Timestamp,
    key: Option<ObjectKey>,
    /// When the version before was written, which is when the next one stopped being the current one.
    replaced_at: Timestamp,
    /// Versions of the key that are not current, seen so far.
    noncurrent: u32,
    /// The current version is a marker and nothing was seen behind it.
    lone_marker: Option<(VersionId, Timestamp)>,
}

impl<'a> Planner<'a> {
    /// A plan for a bucket with these rules at this time.
    #[must_use]
    pub fn new(rules: &'a Configuration, calendar: Calendar, now: Timestamp) -> Self {
        Self { rules, calendar, now, key: None, replaced_at: now, noncurrent: 0, lone_marker: None }
    }

    /// The next version; what is to be done about it, and about the key before if that has ended.
    pub fn next(&mut self, fact: &VersionFact) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.key.as_ref() != Some(&fact.key) {
            actions.extend(self.end());
            self.key = Some(fact.key.clone());
            self.replaced_at = self.now;
            self.noncurrent = 0;
        } else {
            self.lone_marker = None;
        }
        if fact.current && fact.marker {
            self.lone_marker = Some((fact.id, fact.modified_at));
        } else if fact.current {
            actions.extend(self.current(fact));
        } else {
            actions.extend(self.noncurrent(fact));
            self.noncurrent += 1;
        }
        self.replaced_at = fact.modified_at;
        actions
    }

    /// There are no more versions; what is to be done about the last key.
    pub fn end(&mut self) -> Option<Action> {
        let (id, modified_at) = self.lone_marker.take()?;
        let key = self.key.as_ref()?;
        let goes = self.rules.in_force().filter(|rule| rule.scope.holds_marker(key.as_bytes())).any(|rule| {
            match rule.expiration {
                Some(Expiration::LoneMarkers(goes)) => goes,
                // Days speak of lone markers too, as the documentation of ExpiredObjectDeleteMarker says.
                Some(Expiration::At(when @ When::Days(_))) => self.calendar.due(when, modified_at) <= self.now,
                _ => false,
            }
        });
        goes.then(|| Action::RemoveMarker(key.clone(), id))
    }

    fn current(&self, fact: &VersionFact) -> Option<Action> {
        let object = LifecycleObject { key: fact.key.as_bytes(), size: fact.size, tags: &fact.tags };
        let (mut expires, mut target) = (false, None::<(Timestamp, &str)>);
        for rule in self.rules.in_force().filter(|rule| rule.scope.holds(&object)) {
            if let Some(Expiration::At(when)) = rule.expiration {
                expires |= self.calendar.due(when, fact.modified_at) <= self.now;
            }
            let small = |class: &str| !rule.scope.names_size() && fact.size < self.rules.minimum_size.bytes(class);
            for transition in rule.transitions.iter().filter(|transition| !small(&transition.class)) {
                let due = self.calendar.due(transition.when, fact.modified_at);
                later(&mut target, due, self.now, &transition.class);
            }
        }
        if expires {
            return Some(Action::Expire(fact.key.clone(), fact.id));
        }
        moved(fact, target)
    }

    fn noncurrent(&self, fact: &VersionFact) -> Option<Action> {
        let object = LifecycleObject { key: fact.key.as_bytes(), size: fact.size, tags: &fact.tags };
        let in_scope = |rule: &&crate::lifecycle::Rule| match fact.marker {
            true => rule.scope.holds_marker(fact.key.as_bytes()),
            false => rule.scope.holds(&object),
        };
        let kept = |newer: Option<u32>| newer.is_some_and(|newer| self.noncurrent < newer);
        let due = |days: u32| self.calendar.due(When::Days(days), self.replaced_at);
        let mut target = None::<(Timestamp, &str)>;
        for rule in self.rules.in_force().filter(in_scope) {
            if let Some(expiration) = &rule.noncurrent_expiration
                && !kept(expiration.newer)
                && due(expiration.days) <= self.now
            {
                return Some(Action::Remove(fact.key.clone(), fact.id));
            }
            let small = |class: &str| !rule.scope.names_size() && fact.size < self.rules.minimum_size.bytes(class);
            for transition in rule.noncurrent_transitions.iter().filter(|one| !kept(one.newer) && !small(&one.class)) {
                later(&mut target, due(transition.days), self.now, &transition.class);
            }
        }
        if fact.marker { None } else { moved(fact, target) }
    }
}

/// Of the transitions that are due, the latest says where a version belongs.
fn later<'a>(target: &mut Option<(Timestamp, &'a str)>, due: Timestamp, now: Timestamp, class: &'a str) {
    if due <= now && target.is_none_or(|(other, _)| due >= other) {
        *target = Some((due, class));
    }
}

fn moved(fact: &VersionFact, target: Option<(Timestamp, &str)>) -> Option<Action> {
    let (_, class) = target.filter(|(_, class)| *class != fact.class)?;
    Some(Action::Move(fact.key.clone(), fact.id, class.to_owned()))
}

#[cfg(test)]
mod tests;
