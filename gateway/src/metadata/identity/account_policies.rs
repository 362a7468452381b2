//! Policies that the root user puts on whole accounts.

use std::sync::Arc;

use crate::domain::{CanonicalId, User, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::identity::inline_policies::{InlinePolicy, PolicyTable, PutInlinePolicy, put_within};
use crate::metadata::identity::users;

const ACCOUNTS: PolicyTable = PolicyTable { owners: "account", policies: "account_policy", owner: "account_id" };

impl MetadataStore {
    /// An account by its canonical id.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn account(&self, id: &CanonicalId) -> Result<Option<User>> {
        let text = format!("SELECT {} FROM account a WHERE a.canonical_id = $1", users::COLUMNS);
        self.database().row(Statement::new(text).bind(&*id.0)).await?.as_ref().map(users::user).transpose()
    }

    /// Puts a policy on an account, in place of one of the same name. `letters_max` bounds all of them together, white
    /// space not counted.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn put_account_policy(
        &self,
        account: UserId,
        name: &str,
        document: &str,
        letters_max: usize,
    ) -> Result<PutInlinePolicy> {
        let policy = InlinePolicy { name: name.to_owned(), document: document.to_owned() };
        self.change_identity(Put { account, policy, letters_max }).await
    }

    /// The policies of an account, by name.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn account_policies(&self, account: UserId) -> Result<Vec<(String, String)>> {
        let text = "SELECT name, document FROM account_policy WHERE account_id = $1 ORDER BY name";
        let rows = self.database().rows(Statement::new(text).bind(account.0)).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
    }

    /// Takes a policy off an account and answers whether it was there.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn delete_account_policy(&self, account: UserId, name: &str) -> Result<bool> {
        self.change_identity(Delete { account, name: name.to_owned() }).await
    }
}

/// The texts of an account's policies.
pub(super) async fn texts(session: &mut Session, account: UserId) -> Result<Vec<Arc<str>>> {
    let text = "SELECT document FROM account_policy WHERE account_id = $1";
    let rows = session.rows(Statement::new(text).bind(account.0)).await?;
    rows.iter().map(|row| Ok(Arc::from(row.text(0)?))).collect()
}

struct Put {
    account: UserId,
    policy: InlinePolicy,
    letters_max: usize,
}

impl Work for Put {
    type Done = PutInlinePolicy;

    async fn run(&self, tx: &mut Session) -> Result<PutInlinePolicy> {
        put_within(tx, &ACCOUNTS, self.account.0, &self.policy, self.letters_max).await
    }
}

struct Delete {
    account: UserId,
    name: String,
}

impl Work for Delete {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "DELETE FROM account_policy WHERE account_id = $1 AND name = $2";
        Ok(tx.execute(Statement::new(text).bind(self.account.0).bind(&*self.name)).await? > 0)
    }
}
