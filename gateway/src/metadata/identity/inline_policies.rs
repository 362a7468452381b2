//! Policies that belong to one user, group or role.

use crate::domain::IdentityId;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::identity::hold;

/// The outcome of writing an inline policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutInlinePolicy {
    /// It counts.
    Put,
    /// The identity does not exist.
    NoSuchIdentity,
    /// All inline policies of the identity together would exceed the limit.
    TooLong,
}

impl MetadataStore {
    /// Writes an inline policy, in place of one of the same name. `letters_max` bounds all policies of the identity together,
    /// white space not counted.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn put_inline_policy(
        &self,
        identity: IdentityId,
        name: &str,
        document: &str,
        letters_max: usize,
    ) -> Result<PutInlinePolicy> {
        let policy = InlinePolicy { name: name.to_owned(), document: document.to_owned() };
        self.change_identity(Put { identity, policy, letters_max }).await
    }

    /// The text of an inline policy.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn inline_policy(&self, identity: IdentityId, name: &str) -> Result<Option<String>> {
        let text = "SELECT document FROM inline_policy WHERE holder_id = $1 AND name = $2";
        let row = self.database().row(Statement::new(text).bind(identity.0).bind(name)).await?;
        row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
    }

    /// The names of an identity's inline policies, after one.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn inline_policies(&self, identity: IdentityId, after: &str, most: usize) -> Result<Vec<String>> {
        let text = "SELECT name FROM inline_policy WHERE holder_id = $1 AND name > $2 ORDER BY name LIMIT $3";
        let statement = Statement::new(text).bind(identity.0).bind(after).bind(limit(most));
        self.database().rows(statement).await?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    /// Deletes an inline policy and answers whether it was there.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn delete_inline_policy(&self, identity: IdentityId, name: &str) -> Result<bool> {
        self.change_identity(Delete { identity, name: name.to_owned() }).await
    }
}

struct Put {
    identity: IdentityId,
    policy: InlinePolicy,
    letters_max: usize,
}

impl Work for Put {
    type Done = PutInlinePolicy;

    async fn run(&self, tx: &mut Session) -> Result<PutInlinePolicy> {
        put_within(tx, &INLINE, self.identity.0, &self.policy, self.letters_max).await
    }
}

/// A policy that its owner alone has.
pub(super) struct InlinePolicy {
    pub name: String,
    pub document: String,
}

/// Where policies of one kind of owner are kept.
pub(super) struct PolicyTable {
    /// The table of the owners.
    pub owners: &'static str,
    /// The table of their policies.
    pub policies: &'static str,
    /// The column that names the owner there.
    pub owner: &'static str,
}

const INLINE: PolicyTable = PolicyTable { owners: "holder", policies: "inline_policy", owner: "holder_id" };

/// Writes a policy if all of its owner's together are not longer than they may be. The owner's row is taken alone, because
/// the lengths are summed.
pub(super) async fn put_within(
    tx: &mut Session,
    table: &PolicyTable,
    id: i64,
    policy: &InlinePolicy,
    letters_max: usize,
) -> Result<PutInlinePolicy> {
    let PolicyTable { owners, policies, owner } = table;
    let InlinePolicy { name, document } = policy;
    let text = format!("SELECT id FROM {owners} WHERE id = $1{}", tx.dialect().for_update());
    if tx.row(Statement::new(text).bind(id)).await?.is_none() {
        return Ok(PutInlinePolicy::NoSuchIdentity);
    }
    let text = format!("SELECT document FROM {policies} WHERE {owner} = $1 AND name <> $2");
    let mut sum = letters(document);
    for row in tx.rows(Statement::new(text).bind(id).bind(&**name)).await? {
        sum += letters(row.text(0)?);
    }
    if sum > letters_max {
        return Ok(PutInlinePolicy::TooLong);
    }
    let text = format!(
        "INSERT INTO {policies} ({owner}, name, document) VALUES ($1, $2, $3) \
         ON CONFLICT ({owner}, name) DO UPDATE SET document = excluded.document"
    );
    tx.execute(Statement::new(text).bind(id).bind(&**name).bind(&**document)).await?;
    Ok(PutInlinePolicy::Put)
}

/// The length of a policy as limits count it: without white space.
fn letters(document: &str) -> usize {
    document.chars().filter(|letter| !letter.is_whitespace()).count()
}

struct Delete {
    identity: IdentityId,
    name: String,
}

impl Work for Delete {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        hold(tx, self.identity).await?;
        let text = "DELETE FROM inline_policy WHERE holder_id = $1 AND name = $2";
        Ok(tx.execute(Statement::new(text).bind(self.identity.0).bind(&*self.name)).await? > 0)
    }
}
