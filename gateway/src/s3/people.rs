//! Whose the entries of a page are.

use std::collections::{BTreeMap, BTreeSet};

use super::access::Owner;
use super::call::Call;
use super::error::S3Error;
use super::judge::Rules;
use crate::domain::{Bucket, UserId};

/// The owner of a bucket, whose most entries are, and the others, by their numbers.
#[derive(Clone, Debug)]
pub struct People {
    owner: Owner,
    others: BTreeMap<UserId, Owner>,
}

impl People {
    /// Looks up whom the entries of a page name, all at once.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn of(call: &Call, bucket: &Bucket, named: impl Iterator<Item = UserId>) -> Result<Self, S3Error> {
        let owner = call.door.owner_of(bucket, &call.identity).await?;
        let named: BTreeSet<_> = named.filter(|id| *id != bucket.owner).collect();
        let users = call.door.metadata.users_by_number(&named).await?;
        let others = users.into_iter().map(|user| (user.id, Owner { id: user.canonical_id, name: user.name }));
        Ok(Self { owner, others: others.collect() })
    }

    /// Whose an entry is that names this user, or nobody. One who is gone since is shown as the owner of the bucket, who has
    /// the entry now.
    #[must_use]
    pub fn get(&self, named: Option<UserId>) -> &Owner {
        named.and_then(|id| self.others.get(&id)).unwrap_or(&self.owner)
    }

    /// The owner of the bucket, and the others.
    pub fn all(&self) -> (&Owner, impl Iterator<Item = (UserId, &Owner)>) {
        (&self.owner, self.others.iter().map(|(id, owner)| (*id, owner)))
    }

    /// Whether objects of this bucket can be others' than its owner's, as their access lists say too.
    ///
    /// # Errors
    /// When a setting cannot be read.
    pub fn matter(call: &Call, bucket: &Bucket) -> Result<bool, S3Error> {
        Ok(Rules::of(call, bucket)?.ownership.has_lists())
    }
}

#[cfg(test)]
impl People {
    /// Without asking anybody.
    pub fn known(owner: Owner, others: BTreeMap<UserId, Owner>) -> Self {
        Self { owner, others }
    }
}
