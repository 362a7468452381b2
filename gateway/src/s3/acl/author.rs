//! What a write says about whose the new object is and who else may do something with it.

use super::{Asked, Canned};
use crate::domain::{AccessList, Bucket, ObjectAttributes, ObjectKey, Ownership, UserId};
use crate::policy::{Decision, ObjectRules, OwnershipControls, Permission};
use crate::s3::auth::Identity;
use crate::s3::call::Call;
use crate::s3::error::{Code, S3Error};
use crate::s3::judge::Rules;

impl Call {
    /// The attributes of an object that this request writes, with its owner and its access list as the headers ask and the
    /// bucket's ownership lets.
    ///
    /// # Errors
    /// `AccessControlListNotSupported` where lists are off; `AccessDenied` for a public list where those are blocked, or
    /// to whom may not set lists; what is wrong with the headers.
    pub async fn authored(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        attributes: ObjectAttributes,
    ) -> Result<ObjectAttributes, S3Error> {
        let asked = self.input.acl.clone();
        let rules = Rules::of(self, bucket)?;
        if !rules.ownership.has_lists() {
            self.without_lists(bucket, &asked)?;
            return Ok(ObjectAttributes { owner: None, acl: None, ..attributes });
        }
        let gives_all = asked == Asked::Canned(Canned::BucketOwnerFullControl);
        let writer = match &self.identity {
            Identity::Known(key) if key.user.id != bucket.owner => Some(&key.user),
            _ => None,
        };
        let writer = writer.filter(|_| !(gives_all && rules.ownership == Ownership::BucketOwnerPreferred));
        let bucket_owner = self.door.owner_of(bucket, &self.identity).await?;
        let owner_id = writer.map_or(&bucket_owner.id.0, |user| &user.canonical_id.0);
        let list = match asked {
            Asked::Nothing => None,
            Asked::Canned(canned) => Some(canned.list(owner_id, Some(&bucket_owner.id.0))),
            Asked::Grants(list) => {
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
                return Err(self.refusal(bucket));
            }
        }
        let acl = list.filter(|list| *list != AccessList::private(owner_id));
        Ok(ObjectAttributes { owner, acl, ..attributes })
    }

    /// Whether the writer may put others on the list of the new object. Who comes without a name gives away nothing but what
    /// it brought itself.
    fn may_list_others(&self, bucket: &Bucket, key: &ObjectKey, owner: Option<UserId>) -> Result<bool, S3Error> {
        let object = ObjectRules { owner: owner.unwrap_or(bucket.owner), list: None };
        let decision = self.judge_new(Permission("s3:PutObjectAcl"), bucket, key, &object)?;
        let nobody = matches!(self.identity, Identity::Anonymous);
        Ok(decision == Decision::Allow || (nobody && decision == Decision::Deny))
    }

    /// Where lists are off, only that is taken which changes nothing. `private` is among it as long as the bucket was not
    /// told expressly: common tools send it with every write.
    ///
    /// # Errors
    /// `AccessControlListNotSupported`.
    pub fn without_lists(&self, bucket: &Bucket, asked: &Asked) -> Result<(), S3Error> {
        let told = bucket.settings.has::<OwnershipControls>();
        match asked {
            Asked::Nothing | Asked::Canned(Canned::BucketOwnerFullControl) => Ok(()),
            Asked::Canned(Canned::Private) if !told => Ok(()),
            Asked::Canned(_) | Asked::Grants(_) => Err(Code::AccessControlListNotSupported.into()),
        }
    }
}

/// What is said where `BlockPublicAcls` is on.
pub fn public_lists_are_blocked() -> S3Error {
    let message = "Access Denied: public ACLs are blocked by the BlockPublicAcls block public access setting.";
    S3Error::with(Code::AccessDenied, message)
}
