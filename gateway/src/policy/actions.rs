//! The actions of S3, and whether they are about buckets or objects.

use crate::policy::document::pattern::Pattern;
use crate::policy::document::wildcard::Case;

/// What an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResourceLevel {
    /// A bucket, or the service.
    Bucket,
    /// An object.
    Object,
}

/// Actions about objects, without `s3:`.
const OBJECT: &str = "\
    AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectAnnotation DeleteObjectTagging \
    DeleteObjectVersion DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAnnotation GetObjectAttributes \
    GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectTorrent GetObjectVersion GetObjectVersionAcl \
    GetObjectVersionAttributes GetObjectVersionForReplication GetObjectVersionTagging GetObjectVersionTorrent \
    InitiateReplication ListMultipartUploadParts ListObjectAnnotations ObjectOwnerOverrideToBucketOwner PutObject \
    PutObjectAcl PutObjectAnnotation PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl \
    PutObjectVersionTagging RenameObject ReplicateDelete ReplicateObject ReplicateTags RestoreObject \
    UpdateObjectEncryption";

/// Actions about buckets and about what is above them, without `s3:`.
const BUCKET: &str = "\
    AssociateAccessGrantsIdentityCenter CreateAccessGrant CreateAccessGrantsInstance CreateAccessGrantsLocation \
    CreateAccessPoint CreateAccessPointForObjectLambda CreateBucket CreateBucketMetadataTableConfiguration CreateJob \
    CreateMultiRegionAccessPoint CreateSession CreateStorageLensGroup DeleteAccessGrant DeleteAccessGrantsInstance \
    DeleteAccessGrantsInstanceResourcePolicy DeleteAccessGrantsLocation DeleteAccessPoint \
    DeleteAccessPointForObjectLambda DeleteAccessPointPolicy DeleteAccessPointPolicyForObjectLambda DeleteBucket \
    DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite DeleteJobTagging \
    DeleteMultiRegionAccessPoint DeleteStorageLensConfiguration DeleteStorageLensConfigurationTagging \
    DeleteStorageLensGroup DescribeJob DescribeMultiRegionAccessPointOperation DissociateAccessGrantsIdentityCenter \
    GetAccelerateConfiguration GetAccessGrant GetAccessGrantsInstance GetAccessGrantsInstanceForPrefix \
    GetAccessGrantsInstanceResourcePolicy GetAccessGrantsLocation GetAccessPoint \
    GetAccessPointConfigurationForObjectLambda GetAccessPointForObjectLambda GetAccessPointPolicy \
    GetAccessPointPolicyForObjectLambda GetAccessPointPolicyStatus GetAccessPointPolicyStatusForObjectLambda \
    GetAccountPublicAccessBlock GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLocation \
    GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification GetBucketObjectLockConfiguration \
    GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock \
    GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite GetDataAccess \
    GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration GetJobTagging \
    GetLifecycleConfiguration GetMetricsConfiguration GetMultiRegionAccessPoint GetMultiRegionAccessPointPolicy \
    GetMultiRegionAccessPointPolicyStatus GetMultiRegionAccessPointRoutes GetReplicationConfiguration \
    GetStorageLensConfiguration GetStorageLensConfigurationTagging GetStorageLensDashboard GetStorageLensGroup \
    ListAccessGrants ListAccessGrantsInstances ListAccessGrantsLocations ListAccessPoints \
    ListAccessPointsForObjectLambda ListAllMyBuckets ListBucket ListBucketMultipartUploads ListBucketVersions \
    ListCallerAccessGrants ListJobs ListMultiRegionAccessPoints ListStorageLensConfigurations ListStorageLensGroups \
    ListTagsForResource PauseReplication PostBucketLogging PutAccelerateConfiguration \
    PutAccessGrantsInstanceResourcePolicy PutAccessPointConfigurationForObjectLambda PutAccessPointPolicy \
    PutAccessPointPolicyForObjectLambda PutAccessPointPublicAccessBlock PutAccountPublicAccessBlock \
    PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification \
    PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock \
    PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration \
    PutIntelligentTieringConfiguration PutInventoryConfiguration PutJobTagging PutLifecycleConfiguration \
    PutMetricsConfiguration PutMultiRegionAccessPointPolicy PutReplicationConfiguration PutStorageLensConfiguration \
    PutStorageLensConfigurationTagging SubmitMultiRegionAccessPointRoutes TagResource UntagResource \
    UpdateAccessGrantsLocation UpdateBucketMetadataTableConfiguration \
    UpdateJobPriority UpdateJobStatus UpdateStorageLensGroup";

/// What an action of S3 is about, `None` for an action that is none of S3's.
pub(super) fn resource_level(action: &str) -> Option<ResourceLevel> {
    let name = action.strip_prefix("s3:")?;
    let is_one_of = |names: &str| names.split(' ').any(|known| known == name);
    if is_one_of(OBJECT) {
        Some(ResourceLevel::Object)
    } else if is_one_of(BUCKET) {
        Some(ResourceLevel::Bucket)
    } else {
        None
    }
}

/// Whether a pattern describes an action about buckets, and one about objects.
pub(super) fn described(pattern: &Pattern) -> (bool, bool) {
    let any =
        |names: &str| names.split(' ').any(|name| pattern.matches(&format!("s3:{name}"), Case::Ignored, &|_| None));
    (any(BUCKET), any(OBJECT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::document::pattern::Syntax;

    #[test]
    fn actions_are_described_by_patterns() {
        for (pattern, wanted) in [
            ("s3:GetObject", (false, true)),
            ("s3:getobject", (false, true)),
            ("S3:ListBucket", (true, false)),
            ("s3:Get*", (true, true)),
            ("*", (true, true)),
            ("s3:*Object", (false, true)),
            ("s3:Fly", (false, false)),
            ("iam:CreateUser", (false, false)),
        ] {
            let parsed = Pattern::parse(pattern, Syntax { wildcards: true, variables: false }).expect("parses");
            assert_eq!(described(&parsed), wanted, "{pattern}");
        }
        assert_eq!(resource_level("s3:PutObject"), Some(ResourceLevel::Object));
        assert_eq!(resource_level("s3:PutBucketAcl"), Some(ResourceLevel::Bucket));
        assert_eq!(resource_level("iam:PutObject"), None);
    }
}
