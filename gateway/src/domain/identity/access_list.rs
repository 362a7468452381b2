//! Access control lists (ACLs) of buckets and objects.

use serde::{Deserialize, Serialize};

/// The list of a bucket or an object. The owner is not on it as such: owners are known from elsewhere, and only what the
/// list grants, to owners too, is written here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessList {
    /// In the order they were given.
    pub grants: Vec<Grant>,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The grantee.
    pub to: Grantee,
    /// What.
    pub right: Right,
}

/// Who is granted something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grantee {
    /// An account, by its canonical id.
    Account(String),
    /// Anybody at all.
    Everybody,
    /// Anybody with an account.
    Authenticated,
    /// What delivers logs.
    LogDelivery,
}

/// What is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Listing a bucket, reading an object.
    Read,
    /// Writing into a bucket; nothing on an object.
    Write,
    /// Reading the list itself.
    ReadAcp,
    /// Replacing the list itself.
    WriteAcp,
    /// All of them.
    FullControl,
}

impl AccessList {
    /// The most lines of a list.
    pub const GRANTS_MAX: usize = 100;

    /// The list of what is private: all rights to one.
    #[must_use]
    pub fn private(owner: &str) -> Self {
        Self { grants: vec![Grant { to: Grantee::Account(owner.to_owned()), right: Right::FullControl }] }
    }

    /// Whether it grants anything to everybody, or to everybody with an account: Amazon calls both public.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.grants.iter().any(|grant| matches!(grant.to, Grantee::Everybody | Grantee::Authenticated))
    }

    /// Whether it grants something to anybody but this one.
    #[must_use]
    pub fn reaches_beyond(&self, owner: &str) -> bool {
        self.grants.iter().any(|grant| !matches!(&grant.to, Grantee::Account(id) if id == owner))
    }
}

impl Right {
    /// Whether having this right is having that one.
    #[must_use]
    pub fn covers(self, wanted: Self) -> bool {
        self == wanted || self == Self::FullControl
    }
}
