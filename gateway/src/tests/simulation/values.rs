//! What clients write: numbered values, each with bytes of its own by which it is known again.
//!
//! A value is a chain of pieces: the one that a write brought, and those that were appended to it. The value's number is that of its last piece, with
//! which each piece begins, and no two values have the same size: so an append at an offset follows one value and no other.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use md5::{Digest as _, Md5};

use crate::domain::ETag;
use crate::tests::simulation::dice::Dice;

/// What a write brings has a number of its own.
pub(super) type Value = u64;

/// Bytes of a piece, at least.
const SIZES: [u64; 8] = [8, 100, 100, 900, 3_000, 9_000, 40_000, 300_000];

/// The size of a value leaves the rest that its number leaves.
const REMAINDERS: u64 = 1 << 10;

/// How many of the last values conditions are about: most of those before were replaced.
const LAST_VALUES: u64 = 12;

/// The bytes that a write brings, which follow so many others.
pub(super) fn piece(seed: u64, value: Value, offset: u64) -> Bytes {
    let mut dice = Dice::new(seed.rotate_left(32) ^ value);
    let least = *dice.pick(&SIZES);
    let short = value.wrapping_sub(offset + least) % REMAINDERS;
    let mut bytes = vec![0; usize::try_from(least + short).unwrap()];
    for chunk in bytes.chunks_mut(8) {
        let random = dice.roll().to_le_bytes();
        chunk.copy_from_slice(&random[..chunk.len()]);
    }
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    bytes.into()
}

/// The value whose bytes these are. None if they are nobody's, or not all of them.
pub(super) fn value_of(seed: u64, bytes: &[u8]) -> Option<Value> {
    let (mut rest, mut offset, mut last) = (bytes, 0, None);
    while !rest.is_empty() {
        let value = Value::from_le_bytes(rest.get(..8)?.try_into().unwrap());
        let piece = piece(seed, value, offset);
        rest = rest.strip_prefix(&*piece)?;
        offset += piece.len() as u64;
        last = Some(value);
    }
    last
}

/// What is known of one value.
struct Known {
    content: Bytes,
    /// Under which tags it may be stored: one that came in one piece has one, if it was never the part of an upload.
    tags: Vec<ETag>,
}

/// All values of a simulation.
#[derive(Default)]
pub(super) struct Values {
    seed: u64,
    last: Value,
    known: BTreeMap<Value, Known>,
    by_tag: HashMap<ETag, Value>,
}

impl Values {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// A value that nobody has written, in one piece.
    pub(super) fn new_whole(&mut self) -> Value {
        let value = self.new_appended();
        self.follows(value, None);
        value
    }

    /// The same for the only part of an upload: an object of parts has another tag than its copies.
    pub(super) fn new_upload(&mut self) -> Value {
        let value = self.new_whole();
        let md5: [u8; 16] = Md5::digest(&self.known[&value].content).into();
        self.add_tag(value, ETag { md5: Md5::digest(md5).into(), parts: Some(1) });
        value
    }

    /// One that will follow another, as soon as it is known which.
    pub(super) fn new_appended(&mut self) -> Value {
        self.last += 1;
        assert!(self.last < REMAINDERS, "every value has a size of its own");
        self.last
    }

    /// This value is that one with a piece more, or a piece alone.
    pub(super) fn follows(&mut self, value: Value, base: Option<Value>) {
        if self.known.contains_key(&value) {
            return;
        }
        let before = base.map(|base| &self.known[&base]);
        let offset = before.map_or(0, |before| before.content.len() as u64);
        let piece = piece(self.seed, value, offset);
        let md5 = Md5::digest(&piece).into();
        let appended = before.into_iter().flat_map(|before| &before.tags).filter_map(|tag| tag.appended(md5));
        let appended: Vec<_> = appended.collect();
        let content: Bytes = match before {
            Some(before) => [&*before.content, &*piece].concat().into(),
            None => piece,
        };
        // A copy has the tag of its content, whatever its source was made of.
        let whole = ETag::of_content(Md5::digest(&content).into());
        self.known.insert(value, Known { content, tags: Vec::new() });
        appended.into_iter().chain([whole]).for_each(|tag| self.add_tag(value, tag));
    }

    fn add_tag(&mut self, value: Value, tag: ETag) {
        // A chain that begins with one piece may have the same tag by two ways.
        if self.by_tag.insert(tag, value).is_none() {
            self.known.get_mut(&value).unwrap().tags.push(tag);
        }
    }

    /// The value that has this tag.
    pub(super) fn of_tag(&self, tag: &ETag) -> Result<Value, String> {
        self.by_tag.get(tag).copied().ok_or_else(|| format!("the tag {tag} is that of no value"))
    }

    /// Bytes of a value that is known.
    pub(super) fn size(&self, value: Value) -> u64 {
        self.known[&value].content.len() as u64
    }

    /// One of the values that were written last, perhaps.
    pub(super) fn recent(&self, nth: usize) -> Option<Value> {
        let value = self.last.checked_sub(nth as u64 % LAST_VALUES)?;
        self.known.contains_key(&value).then_some(value)
    }

    /// The same with its tag, if it has only one.
    pub(super) fn recent_with_tag(&self, nth: usize) -> Option<(Value, ETag)> {
        let value = self.recent(nth)?;
        match *self.known[&value].tags {
            [tag] => Some((value, tag)),
            _ => None,
        }
    }
}

#[test]
fn a_value_is_known_by_its_bytes_and_by_its_size() {
    let mut values = Values::new(7);
    let (one, other) = (values.new_whole(), values.new_whole());
    let (long, longer) = (values.new_appended(), values.new_appended());
    values.follows(long, Some(one));
    values.follows(longer, Some(long));
    let content = |value: Value| values.known[&value].content.clone();
    for value in [one, other, long, longer] {
        assert_eq!(value_of(7, &content(value)), Some(value));
        assert_eq!(values.size(value) % REMAINDERS, value);
    }
    let joined = |base: Value, last: Value| [&content(base)[..], &content(last)].concat();
    assert_eq!(value_of(7, &joined(one, other)), None, "nobody appended that");
    assert_eq!(value_of(7, &content(longer)[1..]), None);
    let (first, size) = (content(long), content(longer).len() - 1);
    assert_eq!(value_of(7, &content(longer)[..first.len()]), Some(long), "what was there before");
    assert_eq!(value_of(7, &content(longer)[..size]), None);
}
