//! Users and their access keys.

use super::{MetadataStore, Result};
use crate::domain::{CanonicalId, User, UserId};

/// What came of adding a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddUser {
    /// The new user.
    Added(User),
    /// Somebody has the name or the canonical id.
    NameTaken,
}

/// What came of adding an access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddAccessKey {
    /// It can be used.
    Added,
    /// Somebody has a key of this id.
    IdTaken,
    /// There is no such user.
    NoSuchUser,
}

/// What came of removing a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoveUser {
    /// The user and all keys are gone.
    Removed,
    /// There is no such user.
    NoSuchUser,
    /// The user's buckets must go first.
    OwnsBuckets,
}

impl MetadataStore {
    /// Adds a user.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn add_user(&self, name: &str, canonical: &CanonicalId, root: bool) -> Result<AddUser> {
        todo!()
    }

    /// Gives a user an access key; the secret half comes sealed by the cluster key.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn add_access_key(&self, user: UserId, id: &str, sealed_secret: &[u8]) -> Result<AddAccessKey> {
        todo!()
    }

    /// Takes an access key away and answers whether it was there.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn remove_access_key(&self, id: &str) -> Result<bool> {
        todo!()
    }

    /// Every user with the ids of the user's access keys, by name.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn users(&self) -> Result<Vec<(User, Vec<String>)>> {
        todo!()
    }

    /// Removes a user and the user's keys.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn remove_user(&self, name: &str) -> Result<RemoveUser> {
        todo!()
    }

    /// Whose access key this is, and its sealed secret. Not cached here.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn access_key(&self, id: &str) -> Result<Option<(User, Vec<u8>)>> {
        todo!()
    }

    /// A user by number.
    ///
    /// # Errors
    /// See [`super::MetadataError`].
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        todo!()
    }
}
