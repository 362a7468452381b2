//! Owner and ACL of a new object, from the headers of a write.

use crate::domain::{AccessList, Bucket, ObjectAttributes, ObjectKey, Ownership, UserId};
use crate::policy::{Decision, ObjectRules, OwnershipControls, Permission};
use crate::s3::auth::Identity;
use crate::s3::authz::acl::canned::Canned;
use crate::s3::authz::acl::headers::RequestedAcl;
use crate::s3::authz::authorize::Rules;
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;

impl S3Request {
    /// The attributes of an object that this request writes, with its owner and its access list as the headers ask and the
    /// bucket's ownership lets.
    ///
    /// # Errors
    /// `AccessControlListNotSupported` where lists are off; `AccessDenied` for a public list where those are blocked, or
    /// for a caller that may not set lists; what is wrong with the headers.
    pub async fn authored(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        attributes: ObjectAttributes,
    ) -> Result<ObjectAttributes, S3Error> {
        let requested = self.input.acl.clone();
        let rules = Rules::of(self, bucket)?;
        if !rules.ownership.has_lists() {
            self.without_lists(bucket, &requested)?;
            return Ok(ObjectAttributes { owner: None, acl: None, ..attributes });
        }
        let gives_all = requested == RequestedAcl::Canned(Canned::BucketOwnerFullControl);
        let writer = match &self.identity {
            Identity::Known(key) if key.user.id != bucket.owner => Some(&key.user),
            _ => None,
        };
        let writer = writer.filter(|_| !(gives_all && rules.ownership == Ownership::BucketOwnerPreferred));
        let bucket_owner = self.state.owner_of(bucket, &self.identity).await?;
        let owner_id = writer.map_or(&bucket_owner.id.0, |user| &user.canonical_id.0);
        let list = match requested {
            RequestedAcl::Nothing => None,
            RequestedAcl::Canned(canned) => Some(canned.list(owner_id, Some(&bucket_owner.id.0))),
            RequestedAcl::Grants(list) => {
                self.check_grantees(&list).await?;
                Some(list)
            }
        };
        let owner = writer.map(|user| user.id);
        if let Some(list) = &list {
            if rules.block.block_public_acls && list.is_public() {
                return Err(public_lists_are_blocked());
            }
            let harmless = gives_all || !list.reaches_beyond(owner_id);
            if !harmless && !self.may_list_others(bucket, key, owner)? {
                return Err(self.access_denied(bucket));
            }
        }
        let acl = list.filter(|list| *list != AccessList::private(owner_id));
        Ok(ObjectAttributes { owner, acl, ..attributes })
    }

    /// Whether the writer may grant others access to the new object. An anonymous writer gives away nothing but what
    /// it brought itself.
    fn may_list_others(&self, bucket: &Bucket, key: &ObjectKey, owner: Option<UserId>) -> Result<bool, S3Error> {
        let object = ObjectRules { owner: owner.unwrap_or(bucket.owner), list: None };
        let decision = self.authorize_new_object(Permission("s3:PutObjectAcl"), bucket, key, &object)?;
        let nobody = matches!(self.identity, Identity::Anonymous);
        Ok(decision == Decision::Allow || (nobody && decision == Decision::Deny))
    }

    /// Where ACLs are disabled, only an ACL without effect is accepted. `private` is one unless the bucket has
    /// ownership controls: common tools send it with every write.
    ///
    /// # Errors
    /// `AccessControlListNotSupported`.
    pub fn without_lists(&self, bucket: &Bucket, requested: &RequestedAcl) -> Result<(), S3Error> {
        let has_ownership_controls = bucket.settings.has::<OwnershipControls>();
        match requested {
            RequestedAcl::Nothing | RequestedAcl::Canned(Canned::BucketOwnerFullControl) => Ok(()),
            RequestedAcl::Canned(Canned::Private) if !has_ownership_controls => Ok(()),
            RequestedAcl::Canned(_) | RequestedAcl::Grants(_) => Err(Code::AccessControlListNotSupported.into()),
        }
    }
}

/// The error where `BlockPublicAcls` is on.
pub fn public_lists_are_blocked() -> S3Error {
    let message = "Access Denied: public ACLs are blocked by the BlockPublicAcls block public access setting.";
    S3Error::with(Code::AccessDenied, message)
}
