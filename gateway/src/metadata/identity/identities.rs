//! Users, groups and roles.

use std::collections::{BTreeSet, HashMap};

use crate::domain::{
    IamIdentity, IamName, IamPath, IdentityDetails, IdentityId, IdentityKind, PinnedPrincipals, Timestamp, UserId,
};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::identity::{json, of_json, parsed};

pub(super) const COLUMNS: &str = "h.id, h.account_id, h.kind, h.unique_id, h.name, h.path, h.details, h.created_at";

/// Unique ids asked for in one query.
const UNIQUE_IDS_PER_QUERY: usize = 512;

/// A user, group or role to be made.
#[derive(Clone, Debug)]
pub struct NewIdentity {
    /// In which account.
    pub account: UserId,
    /// What it is.
    pub kind: IdentityKind,
    /// Its random id.
    pub unique_id: String,
    /// Its name.
    pub name: IamName,
    /// Its path.
    pub path: IamPath,
    /// What else it carries.
    pub details: IdentityDetails,
}

/// The outcome of creating an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateIdentity {
    /// The new one.
    Created(IamIdentity),
    /// The account has one of this name.
    NameTaken,
    /// The account has as many as it may have.
    TooMany,
    /// There is no such account.
    NoSuchAccount,
}

/// A change of an identity.
#[derive(Clone, Debug)]
pub enum IdentityEdit {
    /// Another name, another path.
    Move {
        /// The new name.
        name: Option<IamName>,
        /// The new path.
        path: Option<IamPath>,
    },
    /// These tags, in place of those of the same keys. More than the number given are refused.
    Tag(Vec<(String, String)>, usize),
    /// Without the tags of these keys.
    Untag(Vec<String>),
    /// Another trust policy, and the users and roles that it is about.
    Trust(String, PinnedPrincipals),
    /// Another description of a role, and its longest session in seconds.
    Describe {
        /// The new description.
        description: Option<String>,
        /// The new longest session.
        session_seconds_max: Option<u32>,
    },
}

/// The outcome of updating an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateIdentity {
    /// As it is now.
    Changed(IamIdentity),
    /// Another has the new name.
    NameTaken,
    /// It is gone.
    NoSuchIdentity,
    /// It would have too many tags.
    TooManyTags,
}

/// The outcome of deleting an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteIdentity {
    /// It is gone.
    Deleted,
    /// It was gone before.
    NoSuchIdentity,
    /// It still has keys, policies or memberships; the text names which.
    InUse(&'static str),
}

/// Which identities to list.
#[derive(Clone, Debug)]
pub struct IdentityQuery {
    /// Of which account.
    pub account: UserId,
    /// Of which kind.
    pub kind: IdentityKind,
    /// How their paths begin.
    pub path_prefix: String,
    /// After which name, in lower case.
    pub after: String,
    /// How many at most.
    pub limit: usize,
}

impl MetadataStore {
    /// Makes a user, group or role.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn create_identity(&self, identity: NewIdentity) -> Result<CreateIdentity> {
        self.change_identity(Create(identity)).await
    }

    /// A user, group or role by name, whatever its case.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn identity(&self, account: UserId, kind: IdentityKind, name: &IamName) -> Result<Option<IamIdentity>> {
        let text =
            format!("SELECT {COLUMNS} FROM holder h WHERE h.account_id = $1 AND h.kind = $2 AND h.folded_name = $3");
        let statement = Statement::new(text).bind(account.0).bind(kind.word()).bind(&*name.folded());
        self.database().row(statement).await?.as_ref().map(identity).transpose()
    }

    /// Users, groups and roles by their unique ids, in one query for all but very many: what they are called, without their
    /// details. Those that are gone are not among them.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn identities_by_unique_ids(&self, unique_ids: &BTreeSet<&str>) -> Result<HashMap<String, IamIdentity>> {
        let mut session = self.database().reader().await?;
        let head = format!("SELECT {COLUMNS} FROM holder h WHERE h.unique_id IN (VALUES ");
        let ids: Vec<[Value; 1]> = unique_ids.iter().map(|id| [(*id).into()]).collect();
        let mut found = HashMap::with_capacity(ids.len());
        for some in ids.chunks(UNIQUE_IDS_PER_QUERY) {
            for row in session.rows_of_rows(&head, some.to_vec(), ")").await? {
                let identity = IamIdentity { details: IdentityDetails::default(), ..identity(&row)? };
                found.insert(identity.unique_id.clone(), identity);
            }
        }
        Ok(found)
    }

    /// Users, groups or roles, by name.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn list_identities(&self, query: &IdentityQuery) -> Result<Vec<IamIdentity>> {
        let text = format!(
            "SELECT {COLUMNS} FROM holder h WHERE h.account_id = $1 AND h.kind = $2 AND h.folded_name > $3 \
             AND substr(h.path, 1, {}) = $4 ORDER BY h.folded_name LIMIT $5",
            query.path_prefix.len()
        );
        let statement = Statement::new(text)
            .bind(query.account.0)
            .bind(query.kind.word())
            .bind(&*query.after)
            .bind(&*query.path_prefix)
            .bind(limit(query.limit));
        self.database().rows(statement).await?.iter().map(identity).collect()
    }

    /// How many users, groups or roles an account has.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn count_identities(&self, account: UserId, kind: IdentityKind) -> Result<u32> {
        let row = self.database().row(count(account, kind)).await?;
        row.map_or(Ok(0), |row| row.number(0))
    }

    /// Changes a user, group or role.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn update_identity(&self, id: IdentityId, edit: IdentityEdit) -> Result<UpdateIdentity> {
        self.change_identity(Change { id, edit }).await
    }

    /// Deletes a user, group or role that holds nothing any more.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn delete_identity(&self, id: IdentityId) -> Result<DeleteIdentity> {
        self.change_identity(Delete(id)).await
    }
}

struct Create(NewIdentity);

impl Work for Create {
    type Done = CreateIdentity;

    async fn run(&self, tx: &mut Session) -> Result<CreateIdentity> {
        let (new, dialect) = (&self.0, tx.dialect());
        let text = format!("SELECT id FROM account WHERE id = $1{}", dialect.for_share());
        if tx.row(Statement::new(text).bind(new.account.0)).await?.is_none() {
            return Ok(CreateIdentity::NoSuchAccount);
        }
        let there: u32 = tx.row(count(new.account, new.kind)).await?.map_or(Ok(0), |row| row.number(0))?;
        if there >= new.kind.quota() {
            return Ok(CreateIdentity::TooMany);
        }
        let text = format!(
            "INSERT INTO holder (account_id, kind, unique_id, name, folded_name, path, details, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, {}) ON CONFLICT DO NOTHING \
             RETURNING id, account_id, kind, unique_id, name, path, details, created_at",
            dialect.now()
        );
        let statement = Statement::new(text)
            .bind(new.account.0)
            .bind(new.kind.word())
            .bind(&*new.unique_id)
            .bind(new.name.as_str())
            .bind(&*new.name.folded())
            .bind(new.path.as_str())
            .bind(&*json(&new.details)?);
        let row = tx.row(statement).await?;
        row.map_or(Ok(CreateIdentity::NameTaken), |row| Ok(CreateIdentity::Created(identity(&row)?)))
    }
}

struct Change {
    id: IdentityId,
    edit: IdentityEdit,
}

impl Work for Change {
    type Done = UpdateIdentity;

    async fn run(&self, tx: &mut Session) -> Result<UpdateIdentity> {
        let text = format!("SELECT {COLUMNS} FROM holder h WHERE h.id = $1{}", tx.dialect().for_update());
        let Some(row) = tx.row(Statement::new(text).bind(self.id.0)).await? else {
            return Ok(UpdateIdentity::NoSuchIdentity);
        };
        let before = identity(&row)?;
        let Some(after) = edited(before.clone(), &self.edit) else { return Ok(UpdateIdentity::TooManyTags) };
        if after.name != before.name {
            let text = "SELECT id FROM holder WHERE account_id = $1 AND kind = $2 AND folded_name = $3";
            let taken = Statement::new(text).bind(after.account.0).bind(after.kind.word()).bind(&*after.name.folded());
            if tx.row(taken).await?.is_some() {
                return Ok(UpdateIdentity::NameTaken);
            }
        }
        let text = "UPDATE holder SET name = $1, folded_name = $2, path = $3, details = $4 WHERE id = $5";
        let statement = Statement::new(text)
            .bind(after.name.as_str())
            .bind(&*after.name.folded())
            .bind(after.path.as_str())
            .bind(&*json(&after.details)?)
            .bind(self.id.0);
        tx.execute(statement).await?;
        Ok(UpdateIdentity::Changed(after))
    }
}

/// The identity after an edit; none when it would have too many tags.
fn edited(mut identity: IamIdentity, edit: &IdentityEdit) -> Option<IamIdentity> {
    let details = &mut identity.details;
    match edit {
        IdentityEdit::Move { name, path } => {
            identity.name = name.clone().unwrap_or(identity.name);
            identity.path = path.clone().unwrap_or(identity.path);
        }
        IdentityEdit::Tag(tags, most) => {
            details.tags.retain(|(key, _)| tags.iter().all(|(new, _)| !new.eq_ignore_ascii_case(key)));
            details.tags.extend(tags.iter().cloned());
            details.tags.sort();
            if details.tags.len() > *most {
                return None;
            }
        }
        IdentityEdit::Untag(keys) => {
            details.tags.retain(|(key, _)| keys.iter().all(|gone| !gone.eq_ignore_ascii_case(key)));
        }
        IdentityEdit::Trust(document, trusted) => {
            details.trust = Some(document.clone());
            details.trusted = trusted.clone();
        }
        IdentityEdit::Describe { description, session_seconds_max } => {
            details.description = description.clone().or_else(|| details.description.take());
            details.session_seconds_max = session_seconds_max.or(details.session_seconds_max);
        }
    }
    Some(identity)
}

struct Delete(IdentityId);

/// What blocks the deletion of an identity, and how to find it.
const DELETE_BLOCKERS: [(&str, &str); 5] = [
    ("must delete access keys first", "SELECT holder_id FROM member_key WHERE holder_id = $1 LIMIT 1"),
    ("must delete policies first", "SELECT holder_id FROM inline_policy WHERE holder_id = $1 LIMIT 1"),
    ("must detach all policies first", "SELECT holder_id FROM attachment WHERE holder_id = $1 LIMIT 1"),
    ("must remove user from all groups first", "SELECT user_id FROM membership WHERE user_id = $1 LIMIT 1"),
    ("must remove users from group first", "SELECT group_id FROM membership WHERE group_id = $1 LIMIT 1"),
];

impl Work for Delete {
    type Done = DeleteIdentity;

    async fn run(&self, tx: &mut Session) -> Result<DeleteIdentity> {
        let text = format!("SELECT id FROM holder WHERE id = $1{}", tx.dialect().for_update());
        if tx.row(Statement::new(text).bind(self.0.0)).await?.is_none() {
            return Ok(DeleteIdentity::NoSuchIdentity);
        }
        for (what, text) in DELETE_BLOCKERS {
            if tx.row(Statement::new(text).bind(self.0.0)).await?.is_some() {
                return Ok(DeleteIdentity::InUse(what));
            }
        }
        tx.execute(Statement::new("DELETE FROM holder WHERE id = $1").bind(self.0.0)).await?;
        Ok(DeleteIdentity::Deleted)
    }
}

fn count(account: UserId, kind: IdentityKind) -> Statement {
    Statement::new("SELECT COUNT(*) FROM holder WHERE account_id = $1 AND kind = $2").bind(account.0).bind(kind.word())
}

/// An identity in the columns of [`COLUMNS`].
pub(super) fn identity(row: &Row) -> Result<IamIdentity> {
    let kind = row.text(2)?;
    Ok(IamIdentity {
        id: IdentityId(row.int(0)?),
        account: UserId(row.int(1)?),
        kind: IdentityKind::of_word(kind)
            .ok_or_else(|| MetadataError::Damaged(format!("an identity of kind {kind:?}")))?,
        unique_id: row.text(3)?.to_owned(),
        name: parsed(row.text(4)?)?,
        path: parsed(row.text(5)?)?,
        details: of_json(row.text(6)?)?,
        created_at: Timestamp(row.int(7)?),
    })
}
