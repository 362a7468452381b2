//! Quotas over buckets and users, as the operator sets them.

use serde::{Deserialize, Serialize};

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::BucketName;
use crate::metadata::{Quota, QuotaLimits, QuotaScope};

/// What a quota is over, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", content = "name", rename_all = "snake_case")]
pub enum Named {
    /// One bucket.
    Bucket(String),
    /// All buckets of a user.
    User(String),
}

/// Set a quota; without limits it is removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetQuota {
    /// Over what.
    pub over: Named,
    /// The most bytes of content.
    pub bytes: Option<u64>,
    /// The most objects.
    pub objects: Option<u64>,
}

/// Show a quota and its usage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowQuota {
    /// Over what.
    pub over: Named,
}

/// A quota and its usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownQuota {
    /// The most bytes of content, if limited.
    pub bytes_max: Option<u64>,
    /// The most objects, if limited.
    pub objects_max: Option<u64>,
    /// Bytes there are.
    pub bytes: u64,
    /// Objects there are.
    pub objects: u64,
    /// The most delete markers and unfinished uploads together, if limited.
    pub extras_max: Option<u64>,
    /// Delete markers and unfinished uploads there are.
    pub extras: u64,
}

impl Operation for SetQuota {
    const NAME: &'static str = "quota-set";
    type Reply = Option<ShownQuota>;

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let scope = find(admin, &self.over).await?;
        let limits = QuotaLimits { bytes: self.bytes, objects: self.objects };
        if !admin.metadata.set_quota(scope, limits).await? {
            return Err(missing(&self.over));
        }
        Ok(admin.metadata.quota(scope).await?.map(shown))
    }
}

impl Operation for ShowQuota {
    const NAME: &'static str = "quota-show";
    type Reply = Option<ShownQuota>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let scope = find(admin, &self.over).await?;
        Ok(admin.metadata.quota(scope).await?.map(shown))
    }
}

async fn find(admin: &Admin, over: &Named) -> Result<QuotaScope> {
    let found = match over {
        Named::Bucket(name) => {
            let name: BucketName = name.parse().map_err(|_| missing(over))?;
            admin.metadata.bucket_number(&name).await?.map(QuotaScope::Bucket)
        }
        Named::User(name) => {
            let users = admin.metadata.users().await?;
            users.into_iter().find(|(user, _)| user.name == *name).map(|(user, _)| QuotaScope::User(user.id))
        }
    };
    found.ok_or_else(|| missing(over))
}

fn missing(over: &Named) -> AdminError {
    AdminError::refused(match over {
        Named::Bucket(name) => format!("there is no bucket named {name:?}"),
        Named::User(name) => format!("there is no user named {name:?}"),
    })
}

fn shown(quota: Quota) -> ShownQuota {
    let Quota { limits, bytes, objects, extras } = quota;
    let (bytes_max, objects_max, extras_max) = (limits.bytes, limits.objects, limits.extras());
    ShownQuota { bytes_max, objects_max, bytes, objects, extras_max, extras }
}
