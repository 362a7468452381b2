//! Users and their access keys.

use std::collections::BTreeSet;

use crate::domain::{CanonicalId, Timestamp, User, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::identity::is_taken;

/// The outcome of adding a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddUser {
    /// The new user.
    Added(User),
    /// The name or the canonical id is in use.
    NameTaken,
}

/// The outcome of adding an access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddAccessKey {
    /// It can be used.
    Added,
    /// Somebody has a key of this id.
    IdTaken,
    /// There is no such user.
    NoSuchUser,
}

/// The outcome of removing a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoveUser {
    /// The user and all keys are gone.
    Removed,
    /// There is no such user.
    NoSuchUser,
    /// The user's buckets must go first.
    OwnsBuckets,
}

pub(crate) const COLUMNS: &str = "a.id, a.name, a.canonical_id, a.is_root, a.created_at";

impl MetadataStore {
    /// Adds a user.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn add_user(&self, name: &str, canonical: &CanonicalId, root: bool) -> Result<AddUser> {
        self.change_identity(Add { name: name.to_owned(), canonical: canonical.clone(), root }).await
    }

    /// Gives a user an access key; the secret half comes sealed by the cluster key.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn add_access_key(&self, user: UserId, id: &str, sealed_secret: &[u8]) -> Result<AddAccessKey> {
        self.change_identity(AddKey { user, id: id.to_owned(), sealed_secret: sealed_secret.to_vec() }).await
    }

    /// Takes an access key away and answers whether it was there.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn remove_access_key(&self, id: &str) -> Result<bool> {
        self.change_identity(RemoveKey(id.to_owned())).await
    }

    /// Every user with the ids of the user's access keys, by name.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn users(&self) -> Result<Vec<(User, Vec<String>)>> {
        let text = format!(
            "SELECT {COLUMNS}, COALESCE(k.id, '') FROM account a LEFT JOIN access_key k ON k.account_id = a.id \
             ORDER BY a.name, k.id"
        );
        let mut users = Vec::<(User, Vec<String>)>::new();
        for row in self.database().rows(Statement::new(text)).await? {
            let user = user(&row)?;
            if users.last().is_none_or(|(last, _)| last.id != user.id) {
                users.push((user, Vec::new()));
            }
            let key = row.text(5)?;
            if let Some((_, keys)) = users.last_mut()
                && !key.is_empty()
            {
                keys.push(key.to_owned());
            }
        }
        Ok(users)
    }

    /// Removes a user and the user's keys.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn remove_user(&self, name: &str) -> Result<RemoveUser> {
        self.change_identity(Remove(name.to_owned())).await
    }

    /// Whose access key this is, and its sealed secret. Not cached here.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn access_key(&self, id: &str) -> Result<Option<(User, Vec<u8>)>> {
        let text = format!(
            "SELECT {COLUMNS}, k.sealed_secret FROM access_key k JOIN account a ON a.id = k.account_id WHERE k.id = $1"
        );
        let row = self.database().row(Statement::new(text).bind(id)).await?;
        row.map(|row| Ok((user(&row)?, row.bytes(5)?.to_vec()))).transpose()
    }

    /// A user by canonical id, in lower case.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn user_by_canonical_id(&self, id: &str) -> Result<Option<User>> {
        let text = format!("SELECT {COLUMNS} FROM account a WHERE a.canonical_id = $1");
        self.database().row(Statement::new(text).bind(id)).await?.as_ref().map(user).transpose()
    }

    /// A user by number.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        let text = format!("SELECT {COLUMNS} FROM account a WHERE a.id = $1");
        self.database().row(Statement::new(text).bind(id.0)).await?.as_ref().map(user).transpose()
    }

    /// The users with these numbers, in one query.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn users_by_number(&self, ids: &BTreeSet<UserId>) -> Result<Vec<User>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let head = format!("SELECT {COLUMNS} FROM account a WHERE a.id IN (VALUES ");
        let rows = ids.iter().map(|id| [id.0.into()]).collect();
        self.database().reader().await?.rows_of_rows(&head, rows, ")").await?.iter().map(user).collect()
    }
}

struct Add {
    name: String,
    canonical: CanonicalId,
    root: bool,
}

impl Work for Add {
    type Done = AddUser;

    async fn run(&self, tx: &mut Session) -> Result<AddUser> {
        let text = format!(
            "INSERT INTO account (name, canonical_id, is_root, created_at) VALUES ($1, $2, $3, {}) \
             ON CONFLICT DO NOTHING RETURNING id, name, canonical_id, is_root, created_at",
            tx.dialect().now()
        );
        let statement = Statement::new(text).bind(&*self.name).bind(&*self.canonical.0).bind(self.root);
        let row = tx.row(statement).await?;
        row.map_or(Ok(AddUser::NameTaken), |row| Ok(AddUser::Added(user(&row)?)))
    }
}

struct AddKey {
    user: UserId,
    id: String,
    sealed_secret: Vec<u8>,
}

impl Work for AddKey {
    type Done = AddAccessKey;

    async fn run(&self, tx: &mut Session) -> Result<AddAccessKey> {
        let text = format!("SELECT id FROM account WHERE id = $1{}", tx.dialect().for_share());
        if tx.row(Statement::new(text).bind(self.user.0)).await?.is_none() {
            return Ok(AddAccessKey::NoSuchUser);
        }
        if is_taken(tx, &self.id).await? {
            return Ok(AddAccessKey::IdTaken);
        }
        let text = format!(
            "INSERT INTO access_key (id, account_id, sealed_secret, created_at) VALUES ($1, $2, $3, {}) \
             ON CONFLICT (id) DO NOTHING",
            tx.dialect().now()
        );
        let statement = Statement::new(text).bind(&*self.id).bind(self.user.0).bind(&*self.sealed_secret);
        Ok(if tx.execute(statement).await? == 0 { AddAccessKey::IdTaken } else { AddAccessKey::Added })
    }
}

struct RemoveKey(String);

impl Work for RemoveKey {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        Ok(tx.execute(Statement::new("DELETE FROM access_key WHERE id = $1").bind(&*self.0)).await? > 0)
    }
}

struct Remove(String);

/// What is deleted with an account: its identities, keys, policies and memberships.
const OF_ACCOUNT: [&str; 8] = [
    "DELETE FROM account_policy WHERE account_id = $1",
    "DELETE FROM member_key WHERE holder_id IN (SELECT id FROM holder WHERE account_id = $1)",
    "DELETE FROM inline_policy WHERE holder_id IN (SELECT id FROM holder WHERE account_id = $1)",
    "DELETE FROM attachment WHERE holder_id IN (SELECT id FROM holder WHERE account_id = $1)",
    "DELETE FROM membership WHERE user_id IN (SELECT id FROM holder WHERE account_id = $1)",
    "DELETE FROM managed_policy_version WHERE policy_id IN (SELECT id FROM managed_policy WHERE account_id = $1)",
    "DELETE FROM managed_policy WHERE account_id = $1",
    "DELETE FROM holder WHERE account_id = $1",
];

impl Work for Remove {
    type Done = RemoveUser;

    async fn run(&self, tx: &mut Session) -> Result<RemoveUser> {
        let text = format!("SELECT id FROM account WHERE name = $1{}", tx.dialect().for_update());
        let Some(row) = tx.row(Statement::new(text).bind(&*self.0)).await? else {
            return Ok(RemoveUser::NoSuchUser);
        };
        let id = row.int(0)?;
        let text = "SELECT id FROM bucket WHERE account_id = $1 LIMIT 1";
        if tx.row(Statement::new(text).bind(id)).await?.is_some() {
            return Ok(RemoveUser::OwnsBuckets);
        }
        tx.execute(Statement::new("DELETE FROM access_key WHERE account_id = $1").bind(id)).await?;
        for text in OF_ACCOUNT {
            tx.execute(Statement::new(text).bind(id)).await?;
        }
        tx.execute(Statement::new("DELETE FROM account WHERE id = $1").bind(id)).await?;
        Ok(RemoveUser::Removed)
    }
}

/// A user in the columns of [`COLUMNS`].
pub(crate) fn user(row: &Row) -> Result<User> {
    Ok(User {
        id: UserId(row.int(0)?),
        name: row.text(1)?.to_owned(),
        canonical_id: CanonicalId(row.text(2)?.to_owned()),
        root: row.flag(3)?,
        created_at: Timestamp(row.int(4)?),
    })
}
