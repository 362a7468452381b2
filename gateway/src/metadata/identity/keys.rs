//! Access keys, of accounts and of users inside them, as the IAM API manages them.

use crate::domain::{IdentityId, Timestamp, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// Whose key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The account's own: it may do everything in it.
    Account(UserId),
    /// A user's.
    User(IdentityId),
}

impl KeyOwner {
    /// The table and the column of the owner.
    fn table_columns(self) -> (&'static str, &'static str, i64) {
        match self {
            Self::Account(id) => ("access_key", "account_id", id.0),
            Self::User(id) => ("member_key", "holder_id", id.0),
        }
    }

    /// The table of the owners.
    fn owners(self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::User(_) => "holder",
        }
    }
}

/// A key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The public half.
    pub id: String,
    /// Whether it opens anything.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The outcome of adding a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddKey {
    /// It can be used.
    Added(KeyRow),
    /// The id is in use.
    IdTaken,
    /// The owner is gone.
    NoSuchOwner,
    /// The owner has the most keys allowed.
    TooMany,
}

impl MetadataStore {
    /// Gives an account or user an access key, of at most `most`; the secret half comes sealed by the cluster key.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn add_key(&self, owner: KeyOwner, id: &str, sealed_secret: &[u8], most: usize) -> Result<AddKey> {
        let work = Add { owner, id: id.to_owned(), sealed_secret: sealed_secret.to_vec(), most };
        self.change_identity(work).await
    }

    /// The keys of an account or user, by id.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn keys(&self, owner: KeyOwner) -> Result<Vec<KeyRow>> {
        self.database().rows(select(owner)).await?.iter().map(key).collect()
    }

    /// Switches a key on or off and answers whether the owner has it.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn set_key_active(&self, owner: KeyOwner, id: &str, active: bool) -> Result<bool> {
        self.change_identity(Switch { owner, id: id.to_owned(), active }).await
    }

    /// Deletes a key and answers whether the owner had it.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn delete_key(&self, owner: KeyOwner, id: &str) -> Result<bool> {
        self.change_identity(Delete { owner, id: id.to_owned() }).await
    }
}

struct Add {
    owner: KeyOwner,
    id: String,
    sealed_secret: Vec<u8>,
    most: usize,
}

impl Work for Add {
    type Done = AddKey;

    async fn run(&self, tx: &mut Session) -> Result<AddKey> {
        let ((table, column, owner), dialect) = (self.owner.table_columns(), tx.dialect());
        // Alone, because its keys are counted.
        let text = format!("SELECT id FROM {} WHERE id = $1{}", self.owner.owners(), dialect.for_update());
        if tx.row(Statement::new(text).bind(owner)).await?.is_none() {
            return Ok(AddKey::NoSuchOwner);
        }
        if tx.rows(select(self.owner)).await?.len() >= self.most {
            return Ok(AddKey::TooMany);
        }
        if is_taken(tx, &self.id).await? {
            return Ok(AddKey::IdTaken);
        }
        let text = format!(
            "INSERT INTO {table} (id, {column}, sealed_secret, created_at) VALUES ($1, $2, $3, {}) \
             RETURNING id, is_active, created_at",
            dialect.now()
        );
        let statement = Statement::new(text).bind(&*self.id).bind(owner).bind(&*self.sealed_secret);
        let row = tx.row(statement).await?;
        row.map_or(Ok(AddKey::IdTaken), |row| Ok(AddKey::Added(key(&row)?)))
    }
}

/// Whether anybody has a key of this id.
pub(in crate::metadata) async fn is_taken(tx: &mut Session, id: &str) -> Result<bool> {
    let text = "SELECT id FROM access_key WHERE id = $1 UNION ALL SELECT id FROM member_key WHERE id = $2";
    Ok(tx.row(Statement::new(text).bind(id).bind(id)).await?.is_some())
}

struct Switch {
    owner: KeyOwner,
    id: String,
    active: bool,
}

impl Work for Switch {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let (table, column, owner) = self.owner.table_columns();
        let text = format!("UPDATE {table} SET is_active = $1 WHERE id = $2 AND {column} = $3");
        Ok(tx.execute(Statement::new(text).bind(self.active).bind(&*self.id).bind(owner)).await? > 0)
    }
}

struct Delete {
    owner: KeyOwner,
    id: String,
}

impl Work for Delete {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let (table, column, owner) = self.owner.table_columns();
        let text = format!("DELETE FROM {table} WHERE id = $1 AND {column} = $2");
        let gone = tx.execute(Statement::new(text).bind(&*self.id).bind(owner)).await? > 0;
        if gone {
            tx.execute(Statement::new("DELETE FROM key_use WHERE key_id = $1").bind(&*self.id)).await?;
        }
        Ok(gone)
    }
}

fn select(owner: KeyOwner) -> Statement {
    let (table, column, owner) = owner.table_columns();
    Statement::new(format!("SELECT id, is_active, created_at FROM {table} WHERE {column} = $1 ORDER BY id")).bind(owner)
}

fn key(row: &Row) -> Result<KeyRow> {
    Ok(KeyRow { id: row.text(0)?.to_owned(), active: row.flag(1)?, created_at: Timestamp(row.int(2)?) })
}
