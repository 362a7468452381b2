//! The authorization decision: combines bucket policy, identity policies, ACLs and public access blocks.
//!
//! In order: an explicit denial anywhere wins. Within the bucket's account, its own keys may do everything, its users
//! what their policies or the bucket's policy say. From another account both sides must agree. Nobody known needs the
//! bucket's policy or an access list. Access lists count only where the bucket's ownership lets them.

use crate::domain::{AccessList, Ownership, Right, UserId};
use crate::policy::bucket_policy::BucketPolicy;
use crate::policy::decision::access_list::{Granted, On, granted, is_about_existing, right_for};
use crate::policy::decision::evaluate::{AuthorizationRequest, Evaluation};
use crate::policy::decision::principal::{Principal, PrincipalKind};
use crate::policy::public_access::PublicAccessBlock;

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// `AccessDenied`: nothing allows it.
    Deny,
    /// `AccessDenied`: something denies it.
    DenyExplicitly,
    /// `MethodNotAllowed`: it is allowed, but only to the account of the bucket, whatever a policy says.
    OwnersOnly,
}

/// The rules of the bucket that is touched.
#[derive(Clone, Copy, Debug)]
pub struct BucketRules<'a> {
    /// Whose it is.
    pub owner: UserId,
    /// Its policy.
    pub policy: Option<&'a BucketPolicy>,
    /// Its access list; none is that of what is private.
    pub list: Option<&'a AccessList>,
    /// Whether lists count.
    pub ownership: Ownership,
    /// What of the public is blocked.
    pub block: PublicAccessBlock,
}

/// The rules of the object that is touched, when it exists.
#[derive(Clone, Copy, Debug)]
pub struct ObjectRules<'a> {
    /// Whose it is.
    pub owner: UserId,
    /// Its access list; none is that of what is private.
    pub list: Option<&'a AccessList>,
}

impl BucketRules<'_> {
    /// Whether deciding about a caller's action needs the object it is about.
    #[must_use]
    pub fn need_object(&self, caller: Option<&Principal>, action: &str) -> bool {
        let asks = || {
            self.policy.is_some_and(|policy| policy.document().asks_about_objects())
                || caller.is_some_and(|caller| caller.documents().any(|document| document.asks_about_objects()))
        };
        (action.contains("Object") && asks()) || (self.ownership.has_lists() && is_about_existing(action))
    }

    /// Whether somebody could be allowed an action on anything in it, before it is known on what and how.
    #[must_use]
    pub fn might_allow(&self, caller: Option<&Principal>, action: &str) -> bool {
        let own = |caller: &Principal| {
            let account = caller.kind == PrincipalKind::Account && caller.account == self.owner;
            account || caller.might_be_let(action)
        };
        let public = !self.block.ignore_public_acls;
        let by_list = self.ownership.has_lists()
            && match (right_for(action), self.list) {
                (Some((On::Bucket, right)), Some(list)) => granted(list, caller, right, public) != Granted::No,
                // What the list of the object says is known only with the object.
                (Some((On::Object, _)), _) => true,
                _ => false,
            };
        caller.is_some_and(own)
            || by_list
            || self.policy.is_some_and(|policy| policy.document().might_allow(caller, action))
    }

    /// Whether the ACL alone allows a caller to write into it.
    #[must_use]
    pub fn acl_allows_write(&self, request: &AuthorizationRequest<'_>) -> bool {
        let request = AuthorizationRequest { action: "s3:PutObject", ..*request };
        decide(&request, Some(&Self { policy: None, ..*self }), None) == Decision::Allow
    }
}

impl Principal {
    /// Whether the caller could be allowed an action that is about no existing bucket, before it is known how.
    #[must_use]
    pub fn might_be_allowed(&self, action: &str) -> bool {
        self.kind == PrincipalKind::Account || self.might_be_let(action)
    }

    /// Whether a policy of the caller could allow it.
    fn might_be_let(&self, action: &str) -> bool {
        let might = |document: &std::sync::Arc<crate::policy::Document>| document.might_allow(Some(self), action);
        self.operator || self.policies.iter().chain(&self.account_policies).any(might)
    }
}

/// Decides. `bucket` is what is touched, `None` when that is no existing bucket; `object` is what is touched in it.
#[must_use]
pub fn decide(
    request: &AuthorizationRequest<'_>,
    bucket: Option<&BucketRules<'_>>,
    object: Option<&ObjectRules<'_>>,
) -> Decision {
    if request.caller.is_some_and(|caller| caller.operator) {
        return Decision::Allow;
    }
    let own = request.caller.map_or(CallerPolicies::NOBODY, |caller| CallerPolicies::of(caller, request));
    if own.denied {
        return Decision::DenyExplicitly;
    }
    let Some(bucket) = bucket else {
        return if own.allowed { Decision::Allow } else { Decision::Deny };
    };
    let policy = match bucket.evaluate_policy(request) {
        Evaluation::Deny => return Decision::DenyExplicitly,
        evaluation => evaluation,
    };
    // An object that somebody else wrote and owns is not the bucket owner's to give.
    let foreign = object.filter(|object| {
        bucket.ownership.has_lists() && object.owner != bucket.owner && is_about_existing(request.action)
    });
    let list = bucket.lists_grant(request, object);
    let policy = if foreign.is_some() { Evaluation::NotApplicable } else { policy };
    let direct = policy == Evaluation::Allow || list == Granted::Caller;
    let Some(caller) = request.caller else {
        return if direct && !is_about_policy(request.action) { Decision::Allow } else { Decision::Deny };
    };
    let home = foreign.map_or(bucket.owner, |object| object.owner);
    let allowed = if own.granted_by_root {
        own.in_session
    } else if caller.account != home {
        (direct || policy == Evaluation::AllowAccount || list == Granted::Account) && own.allowed
    } else if foreign.is_some() {
        // The object's owner: what the list says, and always the list itself.
        let lists_own = matches!(right_for(request.action), Some((On::Object, Right::ReadAcp | Right::WriteAcp)));
        (list != Granted::No || lists_own) && own.allowed
    } else {
        own.allowed || (direct && own.in_session)
    };
    // Whoever could replace the policy would own the bucket.
    let owners_only = is_about_policy(request.action) && caller.account != bucket.owner && !own.granted_by_root;
    match (allowed, owners_only) {
        (true, false) => Decision::Allow,
        (true, true) => Decision::OwnersOnly,
        (false, _) => Decision::Deny,
    }
}

impl BucketRules<'_> {
    /// The evaluation of the bucket's policy, limited by the public access block.
    fn evaluate_policy(&self, request: &AuthorizationRequest<'_>) -> Evaluation {
        let Some(policy) = self.policy else { return Evaluation::NotApplicable };
        let owner = request.caller.is_some_and(|caller| caller.account == self.owner);
        match policy.document().evaluate(request) {
            Evaluation::Deny if self.owner_always_may(policy, request) => Evaluation::NotApplicable,
            Evaluation::Allow | Evaluation::AllowAccount
                if self.block.restrict_public_buckets && policy.is_public() && !owner =>
            {
                Evaluation::NotApplicable
            }
            evaluation => evaluation,
        }
    }

    /// The owner keeps access to the policy itself.
    fn owner_always_may(&self, policy: &BucketPolicy, request: &AuthorizationRequest<'_>) -> bool {
        let account = |caller: &Principal| caller.account == self.owner && caller.kind == PrincipalKind::Account;
        !policy.binds_owner() && request.caller.is_some_and(account) && is_about_policy(request.action)
    }

    /// What the access lists grant.
    fn lists_grant(&self, request: &AuthorizationRequest<'_>, object: Option<&ObjectRules<'_>>) -> Granted {
        if !self.ownership.has_lists() {
            return Granted::No;
        }
        let public = !self.block.ignore_public_acls;
        match right_for(request.action) {
            Some((On::Bucket, right)) => {
                self.list.map_or(Granted::No, |list| granted(list, request.caller, right, public))
            }
            Some((On::Object, right)) => object.map_or(Granted::No, |object| match object.list {
                Some(list) => granted(list, request.caller, right, public),
                None if request.caller.is_some_and(|caller| caller.account == object.owner) => Granted::Account,
                None => Granted::No,
            }),
            None => Granted::No,
        }
    }
}

/// Whether an action reads, replaces or deletes the bucket's policy.
fn is_about_policy(action: &str) -> bool {
    matches!(action, "s3:GetBucketPolicy" | "s3:PutBucketPolicy" | "s3:DeleteBucketPolicy")
}

/// The evaluation of the caller's own policies.
pub(super) struct CallerPolicies {
    pub(super) denied: bool,
    /// Its identity policies allow it.
    allowed: bool,
    /// Its session policies allow it.
    in_session: bool,
    /// A policy of the root user on the account allows it.
    granted_by_root: bool,
}

impl CallerPolicies {
    const NOBODY: Self = Self { denied: false, allowed: false, in_session: true, granted_by_root: false };

    pub(super) fn of(caller: &Principal, request: &AuthorizationRequest<'_>) -> Self {
        let mut own = Self { allowed: caller.kind == PrincipalKind::Account, ..Self::NOBODY };
        for document in &caller.policies {
            match document.evaluate(request) {
                Evaluation::Deny => own.denied = true,
                Evaluation::Allow | Evaluation::AllowAccount => own.allowed = true,
                Evaluation::NotApplicable => {}
            }
        }
        for document in &caller.account_policies {
            match document.evaluate(request) {
                Evaluation::Deny => own.denied = true,
                Evaluation::Allow | Evaluation::AllowAccount => {
                    own.granted_by_root |= caller.kind == PrincipalKind::Account
                }
                Evaluation::NotApplicable => {}
            }
        }
        for document in caller.boundary.iter().chain(&caller.session_policies) {
            match document.evaluate(request) {
                Evaluation::Deny => own.denied = true,
                Evaluation::Allow | Evaluation::AllowAccount => {}
                Evaluation::NotApplicable => own.allowed = false,
            }
        }
        let not_applicable = |document: &std::sync::Arc<crate::policy::Document>| {
            document.evaluate(request) == Evaluation::NotApplicable
        };
        own.in_session = !caller.session_policies.iter().any(not_applicable);
        own
    }
}
