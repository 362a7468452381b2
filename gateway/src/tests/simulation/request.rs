//! What a client asks of a simulated gateway, and what it is answered.

use std::sync::{Arc, Mutex};

use crate::domain::{ETag, ObjectKey, VersionId};
use crate::objects::DataKey;
use crate::tests::simulation::values::Value;

/// Bucket and key, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) bucket: usize,
    pub(super) key: usize,
}

/// On what a write depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    None,
    /// The key holds nothing.
    Absent,
    /// The key holds this value, whose tag is named.
    Holds(Value, ETag),
}

/// The customer's key with which an object is to be enciphered, if it is.
pub(super) type Customer = Option<u8>;

/// Where an append begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offset {
    /// At the end of what the client finds.
    Found,
    /// Behind this value, of so many bytes, at which the client does not look.
    Guessed(Value, u64),
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Put(Place, Value, Condition, Customer),
    /// As the only part of an upload, before which another one came under the same number.
    Upload(Place, Value, Customer),
    /// A part that is given up with its upload.
    Abort(Place, Value),
    Get(Place),
    GetVersion(Place, VersionId),
    Delete(Place),
    DeleteVersion(Place, VersionId),
    Copy(Place, Place, Customer),
    /// A piece more, behind what is found there or behind what is guessed to be there.
    Append(Place, Value, Offset),
    /// From one key to another one of the same bucket.
    Rename(Place, Place),
    List(usize),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It was written, as this version where they are kept.
    Written(Option<VersionId>),
    /// Nothing is to be read there.
    Absent,
    /// What is to be read, and under which tag.
    Read(Value, ETag),
    /// Every key with its tag.
    Listed(Vec<(String, ETag)>),
    /// It was done, and there is nothing to say.
    Done,
    /// The condition does not hold: the key holds something else.
    Unmet,
    /// The key holds something of another size.
    WrongOffset,
    /// Nothing can be appended to what a customer's key enciphers.
    Enciphered,
    /// It lost against others and has certainly not been done.
    Refused,
    /// Nobody knows.
    Unknown,
    /// Something that must not be.
    Wrong(String),
}

/// What a request found that looks before it changes anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sight {
    /// It has not looked yet.
    #[default]
    None,
    Nothing,
    Object(ETag),
}

/// Where a request that is under way says what it found.
pub(super) type Found = Arc<Mutex<Sight>>;

/// Keys of customers.
pub(super) const CUSTOMERS: u8 = 2;

/// A customer's key.
pub(super) fn data_key(customer: u8) -> DataKey {
    DataKey::new([customer + 1; 32])
}

/// The name of a key.
pub(super) fn key(number: usize) -> ObjectKey {
    ObjectKey::new(key_name(number)).unwrap()
}

pub(super) fn key_name(number: usize) -> String {
    format!("key-{number}")
}
