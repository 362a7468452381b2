//! What clients did and were answered, and whether a store that keeps its promises can have answered so.
//!
//! The keys of the registers are judged by the checker of histories, which knows nothing of this gateway: each key is a register with conditional writes. Versions that
//! are kept are judged one by one: what was acknowledged is there with its bytes until its deletion is asked for, and not after that was acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use harness::{Effect, Ending, Operation, check_history};

use crate::domain::{ETag, VersionId};
use crate::tests::simulation::request::{Condition, Place, Reply, Request, key_name};
use crate::tests::simulation::world::{BUCKETS, Value, tag};

/// Keys of each bucket that are registers.
pub(super) const REGISTERS: usize = 4;

/// Keys of the versioned bucket of which single versions are deleted.
pub(super) const KEYS_OF_VERSIONS: [usize; 2] = [4, 5];

/// How many of the last values conditions are about: most of those before were replaced.
const LAST_VALUES: u64 = 12;

/// The bucket that keeps versions.
pub(super) const VERSIONED: usize = 1;

/// What is known of a version that was acknowledged.
#[derive(Clone, Copy, Debug)]
struct KnownVersion {
    place: Place,
    value: Value,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lives,
    /// Its deletion was asked for.
    Deleting,
    /// Its deletion was acknowledged.
    Gone,
}

/// One request and how it ended.
pub(super) struct Ended {
    pub(super) client: u64,
    pub(super) request: Request,
    pub(super) invoked: Duration,
    /// What a copy found at its source.
    pub(super) found: Option<ETag>,
    pub(super) ending: Ending,
    /// None when nobody was there to answer, or to be answered.
    pub(super) reply: Option<Reply>,
}

/// The account of all clients.
#[derive(Default)]
pub(super) struct Account {
    seed: u64,
    values: Value,
    tags: HashMap<ETag, Value>,
    uploads: BTreeSet<Value>,
    operations: Vec<Operation>,
    versions: BTreeMap<VersionId, KnownVersion>,
    /// Requests that were answered.
    pub(super) answered: u64,
}

impl Account {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// A value that nobody has written, for an upload: an object of parts has another tag than its copies.
    pub(super) fn new_upload(&mut self) -> Value {
        let value = self.new_value();
        self.uploads.insert(value);
        value
    }

    /// A value that nobody has written.
    pub(super) fn new_value(&mut self) -> Value {
        self.values += 1;
        for is_upload in [false, true] {
            self.tags.insert(tag(self.seed, self.values, is_upload), self.values);
        }
        self.values
    }

    /// One of the values that were written last, perhaps, with its tag.
    pub(super) fn old_value(&self, nth: usize) -> Option<(Value, ETag)> {
        let value = self.values.checked_sub(nth as u64 % LAST_VALUES)?;
        let has_one_tag = value > 0 && !self.uploads.contains(&value);
        has_one_tag.then(|| (value, tag(self.seed, value, false)))
    }

    /// A version that was acknowledged of one of the keys whose versions are deleted.
    pub(super) fn some_version(&self, nth: usize) -> Option<(Place, VersionId)> {
        let mut known = self.versions.iter().filter(|(_, known)| KEYS_OF_VERSIONS.contains(&known.place.key));
        let count = known.clone().count();
        known.nth(nth.checked_rem(count)?).map(|(id, known)| (known.place, *id))
    }

    /// A request is about to be sent.
    pub(super) fn begins(&mut self, request: &Request) {
        if let Request::DeleteVersion(_, id) = request
            && let Some(known) = self.versions.get_mut(id).filter(|known| known.fate == Fate::Lives)
        {
            known.fate = Fate::Deleting;
        }
    }

    /// Takes down how a request ended.
    pub(super) fn take_down(&mut self, ended: &Ended) -> Result<(), String> {
        self.answered += u64::from(ended.reply.is_some());
        if let Some(Reply::Wrong(what)) = &ended.reply {
            return Err(format!("{:?}: {what}", ended.request));
        }
        match ended.request {
            Request::Put(place, value, condition) => self.written(ended, place, value, condition),
            Request::Upload(place, value) => self.written(ended, place, value, Condition::None),
            Request::Get(place) => match ended.reply {
                Some(Reply::Read(value)) => self.add(ended, "GET", place, Effect::Read(Some(value))),
                Some(Reply::Absent) => self.add(ended, "GET", place, Effect::Read(None)),
                _ => {}
            },
            Request::Delete(place) => self.wrote(ended, "DELETE", place, Effect::Write(None)),
            Request::Copy(from, to) => self.copied(ended, from, to)?,
            Request::List(bucket) => self.listed(ended, bucket)?,
            Request::GetVersion(_, id) => return self.read_version(ended, id),
            Request::DeleteVersion(_, id) => {
                if let (Some(Reply::Done), Some(known)) = (&ended.reply, self.versions.get_mut(&id)) {
                    known.fate = Fate::Gone;
                }
            }
            Request::Abort(..) => {}
        }
        Ok(())
    }

    fn written(&mut self, ended: &Ended, place: Place, value: Value, condition: Condition) {
        if let Some(Reply::Written(Some(id))) = ended.reply {
            self.versions.insert(id, KnownVersion { place, value, fate: Fate::Lives });
        }
        let from = match condition {
            Condition::None => return self.wrote(ended, "PUT", place, Effect::Write(Some(value))),
            Condition::Absent => None,
            Condition::Holds(from, _) => Some(from),
        };
        match &ended.reply {
            // Which is a read: the condition does not hold.
            Some(Reply::Unmet) => self.add(ended, "PUT (condition)", place, Effect::ReadOther(from)),
            Some(Reply::Absent) => self.add(ended, "PUT (condition)", place, Effect::Read(None)),
            _ => self.wrote(ended, "PUT (condition)", place, Effect::Swap { from, to: value }),
        }
    }

    fn copied(&mut self, ended: &Ended, from: Place, to: Place) -> Result<(), String> {
        let Some(found) = ended.found else {
            if ended.reply == Some(Reply::Absent) {
                self.add(ended, "COPY (source)", from, Effect::Read(None));
            }
            return Ok(());
        };
        let value = self.value_of(&found)?;
        if let Some(Reply::Written(name)) = &ended.reply {
            self.add(ended, "COPY (source)", from, Effect::Read(Some(value)));
            if let Some(id) = name {
                self.versions.insert(*id, KnownVersion { place: to, value, fate: Fate::Lives });
            }
        }
        self.wrote(ended, "COPY (target)", to, Effect::Write(Some(value)));
        Ok(())
    }

    fn listed(&mut self, ended: &Ended, bucket: usize) -> Result<(), String> {
        let Some(Reply::Listed(entries)) = &ended.reply else { return Ok(()) };
        if !entries.is_sorted_by(|(one, _), (other, _)| one < other) {
            return Err(format!("keys are listed out of order: {entries:?}"));
        }
        for key in 0..REGISTERS {
            let name = key_name(key);
            let entry = entries.iter().find(|(listed, _)| *listed == name);
            let value = entry.map(|(_, tag)| self.value_of(tag)).transpose()?;
            self.add(ended, "LIST", Place { bucket, key }, Effect::Read(value));
        }
        Ok(())
    }

    fn read_version(&mut self, ended: &Ended, id: VersionId) -> Result<(), String> {
        let Some(known) = self.versions.get(&id) else { return Ok(()) };
        match &ended.reply {
            Some(Reply::Read(value)) if *value != known.value => {
                Err(format!("version {id:?} was written with value {} and read with {value}", known.value))
            }
            Some(Reply::Absent) if known.fate == Fate::Lives => Err(format!(
                "version {id:?} of {:?} was acknowledged with value {} and is not there",
                known.place, known.value
            )),
            _ => Ok(()),
        }
    }

    /// A write that was acknowledged, refused, or of which nobody knows.
    fn wrote(&mut self, ended: &Ended, name: &'static str, place: Place, effect: Effect) {
        let Ended { client, invoked, ending, .. } = *ended;
        let ending = match (&ended.reply, ending) {
            (Some(Reply::Refused), Ending::Done(at)) => Ending::Refused(at),
            (Some(Reply::Unknown), Ending::Done(_)) => Ending::Unknown,
            (_, ending) => ending,
        };
        self.push(Operation { client, name, key: register(place), effect, invoked, ending }, place);
    }

    fn add(&mut self, ended: &Ended, name: &'static str, place: Place, effect: Effect) {
        let Ended { client, invoked, ending, .. } = *ended;
        self.push(Operation { client, name, key: register(place), effect, invoked, ending }, place);
    }

    fn push(&mut self, operation: Operation, place: Place) {
        if place.key < REGISTERS {
            self.operations.push(operation);
        }
    }

    fn value_of(&self, tag: &ETag) -> Result<Value, String> {
        self.tags.get(tag).copied().ok_or_else(|| format!("the tag {tag} is that of no value"))
    }

    /// What has to be read at the end: every register, every list, every version that was not asked to be deleted.
    pub(super) fn last_requests(&self) -> Vec<Request> {
        let places = (0..BUCKETS.len()).flat_map(|bucket| (0..REGISTERS).map(move |key| Place { bucket, key }));
        let lists = (0..BUCKETS.len()).map(Request::List);
        let versions = self.versions.iter().filter(|(_, known)| known.fate == Fate::Lives);
        let versions = versions.map(|(id, known)| Request::GetVersion(known.place, *id));
        places.map(Request::Get).chain(lists).chain(versions).collect()
    }

    /// Whether some order of all operations explains every answer.
    pub(super) fn judge(&self) -> Result<(), String> {
        check_history(&self.operations).map_err(|error| error.to_string())
    }
}

fn register(place: Place) -> String {
    format!("{}/{}", BUCKETS[place.bucket], key_name(place.key))
}
