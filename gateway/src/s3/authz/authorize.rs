//! Authorization of requests: gathers the rules and the condition context, and calls `policy::decide`.
//!
//! Most requests are made by the owner of a bucket without a policy, and for those nothing is gathered at all.

use std::sync::Arc;

use crate::domain::{AccessList, Bucket, ObjectKey, Ownership, Setting, Version, VersionLookup};
use crate::policy::{
    AuthorizationRequest, BucketPolicy, BucketRules, Decision, ObjectRules, OwnershipControls, Permission, Principal,
    PublicAccessBlock, decide,
};
use crate::s3::auth::Identity;
use crate::s3::authz::access::BUCKET_REGION;
use crate::s3::authz::condition_context::AccessTarget;
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;

/// The access list of a bucket, as a setting. A bucket without one is private.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct BucketList(pub AccessList);

impl Setting for BucketList {
    const KIND: &'static str = "acl";
}

/// The permission that lets a caller see that a key does not exist.
const LIST: Permission = Permission("s3:ListBucket");

impl S3Request {
    /// Whether the caller may also do this with this bucket, or with this key of it. `versionId` names the version, if the
    /// request has one.
    ///
    /// # Errors
    /// When a setting or the database cannot be read.
    pub async fn permits(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
    ) -> Result<bool, S3Error> {
        self.permits_version(permission, bucket, key, self.version_id()).await
    }

    /// As [`S3Request::permits`], about a version that the query does not name.
    ///
    /// # Errors
    /// When a setting or the database cannot be read.
    pub async fn permits_version(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
        version: Option<&str>,
    ) -> Result<bool, S3Error> {
        Ok(self.authorize_permission(permission, bucket, key, version).await? == Decision::Allow)
    }

    /// Goes on only if the caller may also do this, see [`S3Request::permits`].
    ///
    /// # Errors
    /// `AccessDenied`.
    pub async fn require(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
    ) -> Result<(), S3Error> {
        self.require_version(permission, bucket, key, self.version_id()).await
    }

    /// As [`S3Request::require`], about a version that the query does not name.
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
        match self.authorize_permission(permission, bucket, key, version).await? {
            Decision::Allow => Ok(()),
            refused => Err(self.refused(refused, bucket)),
        }
    }

    /// Goes on only if the caller may do what the operation's row asks for. For handlers that know what they will do only
    /// when they have read the body; the others run after this. What was decided about is what [`S3Request::version`] answers.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub async fn authorize(&mut self, bucket: &Bucket, key: Option<&ObjectKey>) -> Result<(), S3Error> {
        match self.decide(bucket, key).await? {
            Decision::Allow => Ok(()),
            refused => Err(self.refused(refused, bucket)),
        }
    }

    /// As [`S3Request::authorize`], but answers the decision.
    pub(crate) async fn decide(&mut self, bucket: &Bucket, key: Option<&ObjectKey>) -> Result<Decision, S3Error> {
        let version = self.version_id();
        let (decision, found) = self.authorize_with_tags(self.permission, bucket, key, version, None).await?;
        self.found = found;
        Ok(decision)
    }

    /// Goes on only if the caller may give a new object these tags, which the request does not bring.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub async fn require_copied_tags(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: &ObjectKey,
        tags: &[(String, String)],
    ) -> Result<(), S3Error> {
        match self.authorize_with_tags(permission, bucket, Some(key), None, Some(tags)).await?.0 {
            Decision::Allow => Ok(()),
            refused => Err(self.refused(refused, bucket)),
        }
    }

    /// Goes on only if the caller may do what is about no existing bucket; `bucket` is the name of one that is to be.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub fn require_service(&self, permission: Permission, bucket: Option<&str>) -> Result<(), S3Error> {
        let principal = self.identity.principal();
        let target = AccessTarget {
            bucket: None,
            name: bucket,
            key: None,
            version: None,
            existing: None,
            tags: None,
            listed: None,
        };
        match self.evaluate_policies(principal, permission, &target, None, None) {
            Decision::Allow => Ok(()),
            _ => Err(Code::AccessDenied.into()),
        }
    }

    /// Whether the caller might be allowed something about no existing bucket, before it is known what.
    pub(crate) fn might_be_allowed(&self, permission: Permission) -> bool {
        self.identity.principal().is_some_and(|principal| principal.might_be_allowed(permission.0))
    }

    /// The error for a missing key: `NoSuchKey` for callers who may list the bucket, others must not
    /// learn what it holds.
    ///
    /// # Errors
    /// When a setting or the database cannot be read.
    pub fn not_found_or_denied(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        otherwise: S3Error,
    ) -> Result<S3Error, S3Error> {
        Ok(if self.may_list(bucket, key)? { otherwise } else { self.access_denied(bucket) })
    }

    /// Whether the caller could find this key, or its absence, in a listing.
    pub(crate) fn may_list(&self, bucket: &Bucket, key: &ObjectKey) -> Result<bool, S3Error> {
        if self.has_full_access(bucket) {
            return Ok(true);
        }
        let rules = Rules::of(self, bucket)?;
        let target = AccessTarget { listed: Some(key), ..AccessTarget::of(bucket, None) };
        let principal = self.identity.principal();
        Ok(self.evaluate_policies(principal, LIST, &target, Some(&rules.as_rules(bucket)), None) == Decision::Allow)
    }

    /// `AccessDenied`, with the region that clients look for.
    pub(crate) fn access_denied(&self, bucket: &Bucket) -> S3Error {
        S3Error::new(Code::AccessDenied).header(BUCKET_REGION, self.state.region_of(bucket))
    }

    /// What is said to a caller who is not allowed something.
    pub(crate) fn refused(&self, decision: Decision, bucket: &Bucket) -> S3Error {
        match decision {
            Decision::OwnersOnly => Code::MethodNotAllowed.into(),
            Decision::Allow | Decision::Deny | Decision::DenyExplicitly => self.access_denied(bucket),
        }
    }

    /// Whether the caller has full access to this bucket without evaluation: the fast path of most requests.
    pub(crate) fn has_full_access(&self, bucket: &Bucket) -> bool {
        let Identity::Known(key) = &self.identity else { return false };
        key.is_account()
            && (key.user.root
                || (key.user.id == bucket.owner
                    && !bucket.settings.has::<BucketPolicy>()
                    && !bucket.settings.has::<OwnershipControls>()
                    && !self.state.settings.s3.default_ownership.has_lists()))
    }

    /// Whether the caller might be allowed one of these on something in the bucket, before it is known on what.
    pub(crate) fn might_be_authorized(&self, bucket: &Bucket, permissions: &[Permission]) -> Result<bool, S3Error> {
        let rules = Rules::of(self, bucket)?;
        let rules = rules.as_rules(bucket);
        let principal = self.identity.principal();
        Ok(permissions.iter().any(|permission| rules.might_allow(principal, permission.0)))
    }

    /// Goes on only if the caller may set the tags that the request brings with a new object. An access list that
    /// grants writing grants writing them, too: lists have no grant of their own for tags.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub async fn require_tags_of_new(&self, bucket: &Bucket, key: &ObjectKey) -> Result<(), S3Error> {
        match self.authorize_permission(Permission("s3:PutObjectTagging"), bucket, Some(key), None).await? {
            Decision::Allow => return Ok(()),
            Decision::DenyExplicitly => return Err(self.access_denied(bucket)),
            Decision::Deny | Decision::OwnersOnly => {}
        }
        let other_account = !matches!(&self.identity, Identity::Known(key) if key.user.id == bucket.owner);
        let rules = Rules::of(self, bucket)?;
        let target = AccessTarget::of(bucket, Some(key));
        let resource = target.resource();
        let keys = |key: &str| self.condition_value(&target, key);
        let principal = self.identity.principal();
        let request =
            AuthorizationRequest { caller: principal, action: "s3:PutObject", resource: &resource, keys: &keys };
        if other_account && rules.as_rules(bucket).acl_allows_write(&request) {
            return Ok(());
        }
        Err(self.access_denied(bucket))
    }

    /// Authorizes a permission on a bucket or a key of it.
    pub(crate) async fn authorize_permission(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
        version: Option<&str>,
    ) -> Result<Decision, S3Error> {
        Ok(self.authorize_with_tags(permission, bucket, key, version, None).await?.0)
    }

    /// As [`S3Request::authorize_permission`]; also answers what was found where the decision needed to know. `tags` will be
    /// set besides those that the request brings.
    async fn authorize_with_tags(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: Option<&ObjectKey>,
        version: Option<&str>,
        tags: Option<&[(String, String)]>,
    ) -> Result<(Decision, Option<VersionLookup>), S3Error> {
        if self.has_full_access(bucket) {
            return Ok((Decision::Allow, None));
        }
        let rules = Rules::of(self, bucket)?;
        let rules = rules.as_rules(bucket);
        let found = match key {
            Some(key) if rules.need_object(self.identity.principal(), permission.0) => {
                self.existing(bucket, key, version).await?
            }
            _ => None,
        };
        let existing = found.clone().and_then(VersionLookup::version);
        let object = existing.as_deref().map(|version| object_rules(bucket, version));
        let target = AccessTarget { version, existing: existing.as_deref(), tags, ..AccessTarget::of(bucket, key) };
        let principal = self.identity.principal();
        Ok((self.evaluate_policies(principal, permission, &target, Some(&rules), object.as_ref()), found))
    }

    /// Decides again, on a version that was looked up after the decision, where it matters which that is: another may have
    /// taken its place. `named` is what the request calls it, when it does.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub fn confirm(
        &self,
        permission: Permission,
        bucket: &Bucket,
        version: &Version,
        named: Option<&str>,
    ) -> Result<(), S3Error> {
        if self.has_full_access(bucket) {
            return Ok(());
        }
        let rules = Rules::of(self, bucket)?;
        let rules = rules.as_rules(bucket);
        if !rules.need_object(self.identity.principal(), permission.0) {
            return Ok(());
        }
        let target =
            AccessTarget { version: named, existing: Some(version), ..AccessTarget::of(bucket, Some(&version.key)) };
        let principal = self.identity.principal();
        match self.evaluate_policies(principal, permission, &target, Some(&rules), Some(&object_rules(bucket, version)))
        {
            Decision::Allow => Ok(()),
            refused => Err(self.refused(refused, bucket)),
        }
    }

    /// Decides about an object that is about to be made.
    pub(crate) fn authorize_new_object(
        &self,
        permission: Permission,
        bucket: &Bucket,
        key: &ObjectKey,
        object: &ObjectRules<'_>,
    ) -> Result<Decision, S3Error> {
        let rules = Rules::of(self, bucket)?;
        let target = AccessTarget::of(bucket, Some(key));
        let principal = self.identity.principal();
        Ok(self.evaluate_policies(principal, permission, &target, Some(&rules.as_rules(bucket)), Some(object)))
    }

    /// What a decision is about; none for what can name nothing, which the handler refuses.
    async fn existing(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        version: Option<&str>,
    ) -> Result<Option<VersionLookup>, S3Error> {
        let Ok(selector) = crate::s3::headers::versions::selector(version) else { return Ok(None) };
        Ok(Some(self.state.objects.find(bucket, key, selector).await?))
    }

    fn evaluate_policies(
        &self,
        principal: Option<&Principal>,
        permission: Permission,
        target: &AccessTarget<'_>,
        bucket: Option<&BucketRules<'_>>,
        object: Option<&ObjectRules<'_>>,
    ) -> Decision {
        let resource = target.resource();
        let keys = |key: &str| self.condition_value(target, key);
        let request =
            AuthorizationRequest { caller: principal, action: permission.0, resource: &resource, keys: &keys };
        decide(&request, bucket, object)
    }
}

fn object_rules<'a>(bucket: &Bucket, version: &'a Version) -> ObjectRules<'a> {
    ObjectRules { owner: version.attributes.owner.unwrap_or(bucket.owner), list: version.attributes.acl.as_ref() }
}

/// The access settings of a bucket.
pub(crate) struct Rules {
    pub(crate) policy: Option<Arc<BucketPolicy>>,
    pub(crate) list: Option<Arc<BucketList>>,
    pub(crate) ownership: Ownership,
    pub(crate) block: PublicAccessBlock,
}

impl Rules {
    /// Reads it. What cannot be read refuses everything: it may be what denies.
    pub(crate) fn of(request: &S3Request, bucket: &Bucket) -> Result<Self, S3Error> {
        let settings = &bucket.settings;
        let controls = settings.get::<OwnershipControls>()?;
        Ok(Self {
            policy: settings.get()?,
            list: settings.get()?,
            ownership: controls.map_or(request.state.settings.s3.default_ownership, |controls| controls.effective()),
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
