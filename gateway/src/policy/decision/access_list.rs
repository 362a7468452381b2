//! Maps ACL grants to policy actions.

use crate::domain::{AccessList, Grantee, Right};
use crate::policy::actions::{self, ResourceLevel};
use crate::policy::decision::principal::Principal;

/// Which ACL must grant a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Bucket,
    Object,
}

/// The right that makes an action possible, and the list it has to stand on. Most actions are none that a list can grant.
pub(crate) fn right_for(action: &str) -> Option<(On, Right)> {
    Some(match action {
        "s3:ListBucket" | "s3:ListBucketVersions" | "s3:ListBucketMultipartUploads" => (On::Bucket, Right::Read),
        "s3:PutObject" | "s3:DeleteObject" => (On::Bucket, Right::Write),
        "s3:GetBucketAcl" => (On::Bucket, Right::ReadAcp),
        "s3:PutBucketAcl" => (On::Bucket, Right::WriteAcp),
        "s3:GetObject" | "s3:GetObjectVersion" | "s3:GetObjectTorrent" | "s3:GetObjectVersionTorrent" => {
            (On::Object, Right::Read)
        }
        "s3:GetObjectAcl" | "s3:GetObjectVersionAcl" => (On::Object, Right::ReadAcp),
        "s3:PutObjectAcl" | "s3:PutObjectVersionAcl" => (On::Object, Right::WriteAcp),
        _ => return None,
    })
}

/// Whether an action is about an object that exists already, so that it matters whose that object is. What makes objects
/// and what removes them is the business of the bucket's owner.
#[must_use]
pub(crate) fn is_about_existing(action: &str) -> bool {
    actions::resource_level(action) == Some(ResourceLevel::Object)
        && !matches!(
            action,
            "s3:PutObject"
                | "s3:DeleteObject"
                | "s3:DeleteObjectVersion"
                | "s3:AbortMultipartUpload"
                | "s3:ListMultipartUploadParts"
                | "s3:RestoreObject"
                | "s3:BypassGovernanceRetention"
        )
}

/// How a list grants something to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Granted {
    /// It does not.
    No,
    /// Through the caller's account, which may pass it on to its users.
    Account,
    /// To anybody.
    Caller,
}

/// What a list grants a caller. `public` says whether grants to everybody count.
pub(crate) fn granted(list: &AccessList, caller: Option<&Principal>, right: Right, public: bool) -> Granted {
    let through = |grantee: &Grantee| match (grantee, caller) {
        (Grantee::Everybody, _) if public => Granted::Caller,
        (Grantee::Authenticated, Some(_)) if public => Granted::Caller,
        (Grantee::Account(id), Some(caller)) if *id == caller.canonical_id.0 => Granted::Account,
        _ => Granted::No,
    };
    let grants = list.grants.iter().filter(|grant| grant.right.covers(right));
    grants.map(|grant| through(&grant.to)).max().unwrap_or(Granted::No)
}
