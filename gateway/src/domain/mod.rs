//! Domain types: plain values without I/O, SQL or HTTP.
//!
//! Everything a request carries is parsed into one of these at the border; past the border a value of one of
//! these types is known to be valid.

mod backend_id;
mod bucket;
mod encryption;
mod heartbeat;
mod heartbeat_record;
mod identity;
pub mod money;
mod object;
mod peer;
#[cfg(any(test, feature = "fuzzing"))]
pub mod probe;
mod public_address;
mod repair_rank;
mod stored_blob;
mod timestamp;

pub use backend_id::{BackendId, BackendIdError};
pub use bucket::bucket_row::{Bucket, BucketId, BucketName, BucketNameError, ObjectLock, Versioning, bucket_arn};
pub use bucket::configurations::{Configurations, Named};
pub use bucket::default_encryption::{DefaultAlgorithm, DefaultEncryption};
pub use bucket::placement_rule::{PlacementRule, PlacementRuleError};
pub use bucket::setting::{BucketSettings, DamagedSetting, Setting};
pub use bucket::usage::{UsageByBucket, UsageDelta};
pub use encryption::{ContentEncryption, ContentKey, ContentRun, ContentRuns, KeyCheck, KmsKey};
pub use heartbeat::{
    BackendFlag, Heartbeat, HeartbeatVerdict, KeptHeartbeat, SeenBackend, SeenHeartbeat, compare_heartbeats,
    next_heartbeat,
};
pub use identity::access_key::AccessKey;
pub use identity::access_list::{AccessList, Grant, Grantee, Right};
pub use identity::iam_identity::{
    IamIdentity, IamName, IamNameError, IamPath, IamPathError, IdentityDetails, IdentityId, IdentityKind,
    ROLE_SESSION_SECONDS_DEFAULT, ROLE_SESSION_SECONDS_MAX, iam_arn,
};
pub use identity::managed_policy::{BuiltInPolicy, ManagedPolicy, ManagedPolicyDetails, ManagedPolicyVersion};
pub use identity::ownership::Ownership;
pub use identity::pinned_principals::PinnedPrincipals;
pub use identity::principal_policies::{PrincipalPolicies, Session};
pub use identity::user::{CanonicalId, User, UserId};
pub use object::attributes::ObjectAttributes;
pub use object::checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
pub use object::condition::{Unmet, WriteCondition};
pub use object::etag::ETag;
pub use object::extent::Extent;
pub use object::key::{KeyError, ObjectKey};
pub use object::lock::{DefaultRetention, Retention, RetentionMode, RetentionPeriod, VersionLock};
pub use object::part_number::{PartNumber, PartNumberError};
pub use object::tag::{TagError, TagSet};
pub use object::upload::{Part, Upload, UploadId};
pub use object::version::{
    DeleteMarker, Version, VersionId, VersionLookup, VersionName, VersionPart, VersionSelector, VersionSelectorError,
};
pub use peer::Peer;
pub use public_address::is_public_address;
pub use repair_rank::{RepairRank, Survival};
pub use stored_blob::{BlobLengths, Placement, StoredBlob};
pub use timestamp::Timestamp;
