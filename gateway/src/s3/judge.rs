//! Judging requests: gathers what a decision needs, lets the rule book decide, and says so to the client.
//!
//! Most requests are made by the owner of a bucket without a policy, and for those nothing is gathered at all.

use std::sync::Arc;

use super::access::BUCKET_REGION;
use super::auth::Identity;
use super::call::Call;
use super::error::{Code, S3Error};
use super::facts::Subject;
use crate::domain::{AccessList, Bucket, ObjectKey, Ownership, Setting, Version};
use crate::policy::{
    BucketPolicy, BucketRules, Decision, ObjectRules, OwnershipControls, Permission, Principal, PublicAccessBlock,
    Question, decide,
};

/// The access list of a bucket, as a setting. A bucket without one is private.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct BucketList(pub AccessList);

impl Setting for BucketList {
    const KIND: &'static str = "acl";
}

/// Looking a listing's way: whether somebody may see that a key is not there.
const LIST: Permission = Permission("s3:ListBucket");

impl Call {
    /// Whether the caller may also do this with this bucket, or with this key of it. `versionId` names the version, if the
    /// request has one.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub async fn permits(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
    ) -> Result<bool, S3Error> {
        self.permits_version(permission, bucket, key, self.query.get("versionId")).await
    }

    /// As [`Call::permits`], about a version that the query does not name.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub async fn permits_version(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
        version: Option<&str>,
    ) -> Result<bool, S3Error> {
        Ok(self.judge(permission, bucket, key, version).await? == Decision::Allow)
    }

    /// Goes on only if the caller may also do this, see [`Call::permits`].
    ///
    /// # Errors
    /// `AccessDenied`.
    pub async fn require(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
    ) -> Result<(), S3Error> {
        self.require_version(permission, bucket, key, self.query.get("versionId")).await
    }

    /// As [`Call::require`], about a version that the query does not name.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub async fn require_version(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
        version: Option<&str>,
    ) -> Result<(), S3Error> {
        match self.judge(permission, bucket, key, version).await? {
            Decision::Allow => Ok(()),
            Decision::Deny | Decision::DenyExplicitly => Err(self.refusal(bucket)),
        }
    }

    /// Goes on only if the caller may give these tags, which are known only now, to the version the request is about.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub async fn require_tags(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: &ObjectKey,
        tags: &[(String, String)],
    ) -> Result<(), S3Error> {
        let version = self.query.get("versionId");
        match self.judge_with(permission, bucket, Some(key), version, Some(tags)).await? {
            Decision::Allow => Ok(()),
            Decision::Deny | Decision::DenyExplicitly => Err(self.refusal(bucket)),
        }
    }

    /// Goes on only if the caller may do what is about no existing bucket; `bucket` is the name of one that is to be.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub fn require_service(&self, permission: Permission, bucket: Option<&str>) -> Result<(), S3Error> {
        let principal = self.identity.principal();
        let subject =
            Subject { bucket: None, name: bucket, key: None, version: None, existing: None, tags: None, listed: None };
        match self.ask(principal, permission, &subject, None, None) {
            Decision::Allow => Ok(()),
            Decision::Deny | Decision::DenyExplicitly => Err(Code::AccessDenied.into()),
        }
    }

    /// What is said of a key that is not there: `NoSuchKey` is for those who may list the bucket, others are not to
    /// learn what it holds.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub fn absence(&self, bucket: &Bucket, key: &ObjectKey, otherwise: S3Error) -> Result<S3Error, S3Error> {
        Ok(if self.may_list(bucket, key)? { otherwise } else { self.refusal(bucket) })
    }

    /// Whether the caller could find this key, or its absence, in a listing.
    pub(super) fn may_list(&self, bucket: &Bucket, key: &ObjectKey) -> Result<bool, S3Error> {
        if self.is_unbound(bucket) {
            return Ok(true);
        }
        let rules = Rules::of(self, bucket)?;
        let subject = Subject { listed: Some(key), ..Subject::of(bucket, None) };
        let principal = self.identity.principal();
        Ok(self.ask(principal, LIST, &subject, Some(&rules.as_rules(bucket)), None) == Decision::Allow)
    }

    /// `AccessDenied`, with the region that clients look for.
    pub(super) fn refusal(&self, bucket: &Bucket) -> S3Error {
        S3Error::new(Code::AccessDenied).header(BUCKET_REGION, self.door.region_of(bucket))
    }

    /// Whether nothing could keep the caller from anything in this bucket: the way of most requests, which costs nothing.
    pub(super) fn is_unbound(&self, bucket: &Bucket) -> bool {
        let Identity::Known(key) = &self.identity else { return false };
        key.is_account()
            && (key.user.root
                || (key.user.id == bucket.owner
                    && !bucket.settings.has::<BucketPolicy>()
                    && !bucket.settings.has::<OwnershipControls>()
                    && !self.door.settings.default_ownership.has_lists()))
    }

    /// Whether the caller might be allowed one of these on something in the bucket, before it is known on what.
    pub(super) fn might_be_admitted(&self, bucket: &Bucket, permissions: &[Permission]) -> Result<bool, S3Error> {
        let home = matches!(&self.identity, Identity::Known(key)
            if key.user.id == bucket.owner || key.user.root || !key.account_policies.is_empty());
        let rules = Rules::of(self, bucket)?;
        let rules = rules.as_rules(bucket);
        let principal = self.identity.principal();
        Ok(home || permissions.iter().any(|permission| rules.might_admit(principal, permission.0)))
    }

    /// Goes on only if the caller may bring tags with a new object. Whom an access list lets write, it lets write them, too:
    /// a list has no other word for it.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub async fn require_tags_of_new(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        tags: &[(String, String)],
    ) -> Result<(), S3Error> {
        let permission = Permission("s3:PutObjectTagging");
        match self.judge_with(permission, bucket, Some(key), None, Some(tags)).await? {
            Decision::Allow => return Ok(()),
            Decision::DenyExplicitly => return Err(self.refusal(bucket)),
            Decision::Deny => {}
        }
        let stranger = !matches!(&self.identity, Identity::Known(key) if key.user.id == bucket.owner);
        let rules = Rules::of(self, bucket)?;
        let subject = Subject::of(bucket, Some(key));
        let resource = subject.resource();
        let keys = |key: &str| self.fact(&subject, key);
        let principal = self.identity.principal();
        let question = Question { caller: principal, action: "s3:PutObject", resource: &resource, keys: &keys };
        if stranger && rules.as_rules(bucket).list_lets_write(&question) {
            return Ok(());
        }
        Err(self.refusal(bucket))
    }

    /// Decides about a bucket or a key of it.
    pub(super) async fn judge(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
        version: Option<&str>,
    ) -> Result<Decision, S3Error> {
        self.judge_with(permission, bucket, key, version, None).await
    }

    /// As [`Call::judge`], about a request that brings tags in its body.
    async fn judge_with(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
        version: Option<&str>,
        tags: Option<&[(String, String)]>,
    ) -> Result<Decision, S3Error> {
        if self.is_unbound(bucket) {
            return Ok(Decision::Allow);
        }
        let rules = Rules::of(self, bucket)?;
        let rules = rules.as_rules(bucket);
        let existing = match key {
            Some(key) if rules.need_object(permission.0) => self.existing(bucket, key, version).await?,
            _ => None,
        };
        let object = existing.as_deref().map(|version| object_rules(bucket, version));
        let subject = Subject { version, existing: existing.as_deref(), tags, ..Subject::of(bucket, key) };
        let principal = self.identity.principal();
        Ok(self.ask(principal, permission, &subject, Some(&rules), object.as_ref()))
    }

    /// Decides again, on the version that is about to be sent, where it matters which that is: another may have taken its
    /// place since the door looked.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub fn confirm(&self, permission: Permission, bucket: &Bucket, version: &Version) -> Result<(), S3Error> {
        if self.is_unbound(bucket) {
            return Ok(());
        }
        let rules = Rules::of(self, bucket)?;
        let rules = rules.as_rules(bucket);
        if !rules.need_object(permission.0) {
            return Ok(());
        }
        let named = self.query.get("versionId");
        let subject = Subject { version: named, existing: Some(version), ..Subject::of(bucket, Some(&version.key)) };
        let principal = self.identity.principal();
        match self.ask(principal, permission, &subject, Some(&rules), Some(&object_rules(bucket, version))) {
            Decision::Allow => Ok(()),
            Decision::Deny | Decision::DenyExplicitly => Err(self.refusal(bucket)),
        }
    }

    /// Decides about an object that is about to be made.
    pub(super) fn judge_new(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: &ObjectKey,
        object: &ObjectRules<'_>,
    ) -> Result<Decision, S3Error> {
        let rules = Rules::of(self, bucket)?;
        let subject = Subject::of(bucket, Some(key));
        let principal = self.identity.principal();
        Ok(self.ask(principal, permission, &subject, Some(&rules.as_rules(bucket)), Some(object)))
    }

    /// The version a decision is about, if it is there.
    async fn existing(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        version: Option<&str>,
    ) -> Result<Option<Arc<Version>>, S3Error> {
        let Ok(selector) = super::versions::selector(version) else { return Ok(None) };
        Ok(self.door.objects.find(bucket, key, selector).await?.version())
    }

    fn ask(
        &self,
        principal: Option<&Principal>,
        permission: Permission,
        subject: &Subject<'_>,
        bucket: Option<&BucketRules<'_>>,
        object: Option<&ObjectRules<'_>>,
    ) -> Decision {
        let resource = subject.resource();
        let keys = |key: &str| self.fact(subject, key);
        let question = Question { caller: principal, action: permission.0, resource: &resource, keys: &keys };
        decide(&question, bucket, object)
    }
}

fn object_rules<'a>(bucket: &Bucket, version: &'a Version) -> ObjectRules<'a> {
    ObjectRules { owner: version.attributes.owner.unwrap_or(bucket.owner), list: version.attributes.acl.as_ref() }
}

/// What is configured on a bucket about access.
pub(super) struct Rules {
    pub(super) policy: Option<Arc<BucketPolicy>>,
    pub(super) list: Option<Arc<BucketList>>,
    pub(super) ownership: Ownership,
    pub(super) block: PublicAccessBlock,
}

impl Rules {
    /// Reads it. What cannot be read refuses everything: it may be what denies.
    pub(super) fn of(call: &Call, bucket: &Bucket) -> Result<Self, S3Error> {
        let settings = &bucket.settings;
        let controls = settings.get::<OwnershipControls>()?;
        Ok(Self {
            policy: settings.get()?,
            list: settings.get()?,
            ownership: controls.map_or(call.door.settings.default_ownership, |controls| controls.effective()),
            block: settings.get::<PublicAccessBlock>()?.map_or_else(PublicAccessBlock::default, |block| *block),
        })
    }

    fn as_rules<'a>(&'a self, bucket: &Bucket) -> BucketRules<'a> {
        BucketRules {
            owner: bucket.owner,
            policy: self.policy.as_deref(),
            list: self.list.as_deref().map(|list| &list.0),
            ownership: self.ownership,
            block: self.block,
        }
    }
}
