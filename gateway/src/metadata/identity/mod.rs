//! IAM: users, groups and roles of an account, their policies, memberships and keys.
//!
//! Every change counts in [`MetadataStore::identity_changes`], after its commit and before its caller returns, so
//! that caches of what was read here can be invalidated.

mod account_policies;
mod attachments;
mod grants;
mod identities;
mod inline_policies;
mod key_use;
mod keys;
mod managed_policies;
mod memberships;
mod policy_versions;
pub(crate) mod users;

use std::sync::atomic::Ordering;

pub use attachments::AttachPolicy;
pub use grants::KeyGrant;
pub use identities::{CreateIdentity, DeleteIdentity, IdentityEdit, IdentityQuery, NewIdentity, UpdateIdentity};
pub use inline_policies::PutInlinePolicy;
pub use key_use::KeyUse;
pub(super) use keys::is_taken;
pub use keys::{AddKey, KeyOwner, KeyRow};
pub use managed_policies::{CreatePolicy, DeletePolicy, NewPolicy, PolicyScope};
pub use memberships::JoinGroup;
pub use policy_versions::{AddPolicyVersion, DeletePolicyVersion};

use crate::domain::IdentityId;
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

impl MetadataStore {
    /// How often users, keys, groups, roles or policies were changed through this store. What was read before the number
    /// changed may have changed too. On PostgreSQL other gateways change them as well, and do not count here.
    #[must_use]
    pub fn identity_changes(&self) -> u64 {
        self.shared.identity_changes.load(Ordering::Acquire)
    }

    /// Runs work that changes who may do what, and counts it.
    pub(super) async fn change_identity<W: Work>(&self, work: W) -> Result<W::Done> {
        let shared = self.shared.clone();
        let task = tokio::spawn(async move {
            let done = shared.database.transact_here(&work).await;
            // Also after an error: a commit whose outcome is unknown may have happened.
            shared.identity_changes.fetch_add(1, Ordering::AcqRel);
            done
        });
        task.await.map_err(|_| MetadataError::Unknown)?
    }
}

/// Locks an identity's row, so that it is not deleted while something is added to it. False when there is none.
async fn hold(tx: &mut Session, identity: IdentityId) -> Result<bool> {
    let text = format!("SELECT id FROM holder WHERE id = $1{}", tx.dialect().for_share());
    Ok(tx.row(Statement::new(text).bind(identity.0)).await?.is_some())
}

/// JSON of a column.
fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| MetadataError::Damaged(error.to_string()))
}

/// A column of JSON.
fn of_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| MetadataError::Damaged(format!("details: {error}")))
}

/// A name or path that was checked when it was written.
fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|error| MetadataError::Damaged(format!("{text:?} {error}")))
}
