//! The owners of the entries of a listing page.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Bucket, UserId};
use crate::s3::authz::access::Owner;
use crate::s3::authz::authorize::Rules;
use crate::s3::error::S3Error;
use crate::s3::pipeline::request::S3Request;

/// The owner of a bucket, whose most entries are, and the others, by their numbers.
#[derive(Clone, Debug)]
pub struct Owners {
    owner: Owner,
    others: BTreeMap<UserId, Owner>,
}

impl Owners {
    /// Looks up the owners of a page, in one query.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn of(
        request: &S3Request,
        bucket: &Bucket,
        named: impl Iterator<Item = UserId>,
    ) -> Result<Self, S3Error> {
        let owner = request.state.owner_of(bucket, &request.identity).await?;
        let named: BTreeSet<_> = named.filter(|id| *id != bucket.owner).collect();
        let users = request.state.metadata.users_by_number(&named).await?;
        let others = users.iter().map(|user| (user.id, request.state.owner_as_shown(user)));
        Ok(Self { owner, others: others.collect() })
    }

    /// The owner of an entry that names this user, or none. A deleted user is shown as the owner of the bucket, who has
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
    pub fn are_shown(request: &S3Request, bucket: &Bucket) -> Result<bool, S3Error> {
        Ok(Rules::of(request, bucket)?.ownership.has_lists())
    }
}

#[cfg(test)]
impl Owners {
    /// From known owners, for tests.
    pub fn known(owner: Owner, others: BTreeMap<UserId, Owner>) -> Self {
        Self { owner, others }
    }
}
