//! Domain types: plain values without I/O, SQL or HTTP.
//!
//! Everything a request carries is parsed into one of these at the border; past the border a value of one of
//! these types is known to be valid.

mod access_list;
mod attributes;
mod backend_id;
mod bucket;
mod checksum;
mod condition;
mod default_encryption;
mod encryption;
mod etag;
mod extent;
mod heartbeat;
mod heartbeat_record;
mod iam_identity;
mod key;
mod lock;
mod managed_policy;
mod ownership;
mod principal_policies;
mod setting;
mod stored_blob;
mod tag;
mod timestamp;
mod upload;
mod usage;
mod user;
mod version;

pub use access_list::{AccessList, Grant, Grantee, Right};
pub use attributes::ObjectAttributes;
pub use backend_id::{BackendId, BackendIdError};
pub use bucket::{Bucket, BucketId, BucketName, BucketNameError, ObjectLock, Versioning};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
pub use condition::{Unmet, WriteCondition};
pub use default_encryption::{DefaultAlgorithm, DefaultEncryption};
pub use encryption::{ContentEncryption, ContentKey, ContentRun, ContentRuns, KeyCheck, KmsKey};
pub use etag::ETag;
pub use extent::Extent;
pub use heartbeat::{
    BackendFlag, Heartbeat, HeartbeatVerdict, KeptHeartbeat, SeenBackend, SeenHeartbeat, compare_heartbeats,
    next_heartbeat,
};
pub use iam_identity::{
    IamIdentity, IamName, IamNameError, IamPath, IamPathError, IdentityDetails, IdentityId, IdentityKind,
    SESSION_SECONDS_MAX, iam_arn,
};
pub use key::{KeyError, ObjectKey};
pub use lock::{DefaultRetention, Retention, RetentionMode, RetentionPeriod, VersionLock};
pub use managed_policy::{BuiltInPolicy, ManagedPolicy, ManagedPolicyDetails, ManagedPolicyVersion};
pub use ownership::Ownership;
pub use principal_policies::{PrincipalPolicies, Session};
pub use setting::{BucketSettings, DamagedSetting, Setting};
pub use stored_blob::{Placement, StoredBlob};
pub use tag::{TagError, TagSet};
pub use timestamp::Timestamp;
pub use upload::{Part, PartNumber, PartNumberError, Upload, UploadId};
pub use usage::{UsageByBucket, UsageDelta};
pub use user::{AccessKey, CanonicalId, User, UserId};
pub use version::{
    DeleteMarker, Version, VersionId, VersionLookup, VersionName, VersionPart, VersionSelector, VersionSelectorError,
};
