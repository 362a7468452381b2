//! What clients did and were answered, and whether a store that keeps its promises can have answered so.
//!
//! The keys of the registers are judged by the checker of histories, which knows nothing of this gateway: each key is a register with conditional writes. Versions that
//! are kept are judged one by one: what was acknowledged is there with its bytes until its deletion is asked for, and not after that was acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::{Effect, Ending, Operation, check_history};

use crate::domain::VersionId;
use crate::tests::simulation::request::{Condition, Offset, Place, Reply, Request, Sight, key_name};
use crate::tests::simulation::values::{Value, Values};
use crate::tests::simulation::world::BUCKETS;

/// Keys of each bucket that are registers.
pub(super) const REGISTERS: usize = 4;

/// Keys of the versioned bucket of which single versions are deleted.
pub(super) const KEYS_OF_VERSIONS: [usize; 2] = [4, 5];

/// The bucket that never kept versions, without which nothing can be appended or renamed.
pub(super) const UNVERSIONED: usize = 0;

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
    /// What it found before it changed anything.
    pub(super) found: Sight,
    pub(super) ending: Ending,
    /// None when nobody was there to answer, or to be answered.
    pub(super) reply: Option<Reply>,
}

/// The account of all clients.
pub(super) struct Account {
    pub(super) values: Values,
    operations: Vec<Operation>,
    versions: BTreeMap<VersionId, KnownVersion>,
    /// What was acknowledged last of each key.
    latest: BTreeMap<Place, Value>,
    /// Requests that were answered.
    pub(super) answered: u64,
}

impl Account {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            values: Values::new(seed),
            operations: Vec::new(),
            versions: BTreeMap::new(),
            latest: BTreeMap::new(),
            answered: 0,
        }
    }

    /// A version that was acknowledged of one of the keys whose versions are deleted.
    pub(super) fn some_version(&self, nth: usize) -> Option<(Place, VersionId)> {
        let mut known = self.versions.iter().filter(|(_, known)| KEYS_OF_VERSIONS.contains(&known.place.key));
        let count = known.clone().count();
        known.nth(nth.checked_rem(count)?).map(|(id, known)| (known.place, *id))
    }

    /// What a client may think is there: what was acknowledged last.
    pub(super) fn latest(&self, place: Place) -> Option<Value> {
        self.latest.get(&place).copied()
    }

    /// A request is about to be sent.
    pub(super) fn begins(&mut self, request: &Request) {
        if let Request::Append(_, value, Offset::Guessed(base, _)) = *request {
            self.values.follows(value, Some(base));
        }
        if let Request::DeleteVersion(_, id) = request
            && let Some(known) = self.versions.get_mut(id).filter(|known| known.fate == Fate::Lives)
        {
            known.fate = Fate::Deleting;
        }
    }

    /// What an append will follow, once its client has looked: others may meet it before its client is answered.
    pub(super) fn sees(&mut self, request: &Request, found: Sight) {
        if let Request::Append(_, value, Offset::Found) = *request
            && found != Sight::None
            && let Ok(base) = self.value_seen(found)
        {
            self.values.follows(value, base);
        }
    }

    /// The value that a request found.
    fn value_seen(&self, found: Sight) -> Result<Option<Value>, String> {
        match found {
            Sight::None | Sight::Nothing => Ok(None),
            Sight::Object(tag) => self.values.of_tag(&tag).map(Some),
        }
    }

    /// Takes down how a request ended.
    pub(super) fn take_down(&mut self, ended: &Ended) -> Result<(), String> {
        self.answered += u64::from(ended.reply.is_some());
        match &ended.reply {
            Some(Reply::Wrong(what)) => return Err(format!("{:?}: {what}", ended.request)),
            Some(Reply::Read(value, tag)) if self.values.of_tag(tag)? != *value => {
                return Err(format!("{:?}: value {value} was read under the tag {tag} of another", ended.request));
            }
            _ => {}
        }
        self.sees(&ended.request, ended.found);
        match ended.request {
            Request::Put(place, value, condition, _) => self.written(ended, place, value, condition),
            Request::Upload(place, value, _) => self.written(ended, place, value, Condition::None),
            Request::Get(place) => match ended.reply {
                Some(Reply::Read(value, _)) => self.add(ended, "GET", place, Effect::Read(Some(value))),
                Some(Reply::Absent) => self.add(ended, "GET", place, Effect::Read(None)),
                _ => {}
            },
            Request::Delete(place) => self.wrote(ended, "DELETE", place, Effect::Write(None)),
            Request::Copy(from, to, _) => self.copied(ended, from, to)?,
            Request::Append(place, value, offset) => self.appended(ended, place, value, offset)?,
            Request::Rename(from, to) => self.renamed(ended, from, to)?,
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
        let Some(value) = self.value_seen(ended.found)? else {
            if ended.reply == Some(Reply::Absent) {
                self.add(ended, "COPY (source)", from, Effect::Read(None));
            }
            return Ok(());
        };
        if let Some(Reply::Written(name)) = &ended.reply {
            self.add(ended, "COPY (source)", from, Effect::Read(Some(value)));
            if let Some(id) = name {
                self.versions.insert(*id, KnownVersion { place: to, value, fate: Fate::Lives });
            }
        }
        self.wrote(ended, "COPY (target)", to, Effect::Write(Some(value)));
        Ok(())
    }

    fn appended(&mut self, ended: &Ended, place: Place, value: Value, offset: Offset) -> Result<(), String> {
        let base = match (offset, ended.found) {
            (Offset::Guessed(base, _), _) => Some(base),
            // It was not even sent.
            (Offset::Found, Sight::None) => return Ok(()),
            (Offset::Found, found) => self.value_seen(found)?,
        };
        match &ended.reply {
            // Both are reads: the key holds something else than was to be followed.
            Some(Reply::WrongOffset) => self.add(ended, "APPEND (offset)", place, Effect::ReadNot(base)),
            Some(Reply::Enciphered) => self.add(ended, "APPEND (enciphered)", place, Effect::ReadOther(None)),
            _ => self.wrote(ended, "APPEND", place, Effect::Swap { from: base, to: value }),
        }
        Ok(())
    }

    fn renamed(&mut self, ended: &Ended, from: Place, to: Place) -> Result<(), String> {
        if ended.reply == Some(Reply::Absent) {
            self.add(ended, "RENAME (source)", from, Effect::Read(None));
            return Ok(());
        }
        if let Some(value) = self.value_seen(ended.found)? {
            self.wrote(ended, "RENAME (source)", from, Effect::Take(value));
            self.wrote(ended, "RENAME (target)", to, Effect::Write(Some(value)));
        }
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
            let value = entry.map(|(_, tag)| self.values.of_tag(tag)).transpose()?;
            self.add(ended, "LIST", Place { bucket, key }, Effect::Read(value));
        }
        Ok(())
    }

    fn read_version(&mut self, ended: &Ended, id: VersionId) -> Result<(), String> {
        let Some(known) = self.versions.get(&id) else { return Ok(()) };
        match &ended.reply {
            Some(Reply::Read(value, _)) if *value != known.value => {
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
        if let (Effect::Write(Some(value)) | Effect::Swap { to: value, .. }, Ending::Done(_)) = (effect, ending) {
            self.latest.insert(place, value);
        }
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
