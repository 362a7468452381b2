//! Key rotation: everything a key wraps is rewrapped under the newest one.

use serde::{Deserialize, Serialize};

use crate::admin::error::{AdminError, Result};
use crate::admin::users::{open_secret, reseal_secret};
use crate::admin::{Admin, Operation};
use crate::clock::random;
use crate::objects::{ObjectsError, Rewrapped};
use crate::publication::SEALED_FOR;

/// Access keys of one page.
const PAGE: usize = 500;

/// Which keys are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyKind {
    /// The keys of the key service.
    Kms,
    /// The cluster key.
    Cluster,
}

/// Wrap everything under the newest keys.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RotateKeys {
    /// Which.
    pub kind: KeyKind,
}

/// The outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotatedKeys {
    /// Keys and secrets that were rewrapped.
    pub rewrapped: usize,
    /// Those already under the newest key.
    pub current: usize,
    /// Those that cannot be decrypted; the log has the reason.
    pub failed: usize,
}

impl Operation for RotateKeys {
    const NAME: &'static str = "rotate-keys";
    type Reply = RotatedKeys;

    async fn run(self, admin: &Admin) -> Result<RotatedKeys> {
        let Rewrapped { rewrapped, current, failed } = match self.kind {
            KeyKind::Kms => admin.objects.rewrap_kms_keys().await.map_err(unavailable)?,
            KeyKind::Cluster => {
                // Activate first: a gateway that starts from now on needs the newest key and wraps with it.
                let newest = admin.key.newest();
                admin.metadata.activate_cluster_key(newest.id(), newest.check_value(&admin.cluster)).await?;
                admin.objects.rewrap_blob_keys().await.map_err(unavailable)?
            }
        };
        let mut rotated = RotatedKeys { rewrapped, current, failed };
        if self.kind == KeyKind::Cluster {
            reseal_secrets(admin, &mut rotated).await?;
            reseal_log_secrets(admin, &mut rotated).await?;
            // Whoever rebuilds the database then needs no key but the newest for its journal.
            admin.heartbeats.renew_key(admin.objects.incarnation()).await?;
            renew_snapshot(admin).await?;
        }
        Ok(rotated)
    }
}

/// Writes the metadata to the backends under the newest key.
async fn renew_snapshot(admin: &Admin) -> Result<()> {
    let reason = match admin.objects.renew_snapshot().await {
        Ok(true) => return Ok(()),
        Ok(false) => "too many changes wait for the journal".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(AdminError::Unavailable(format!(
        "the keys were re-encrypted, and the metadata on the backends was not: {reason}. Repeat the rotation before an old key is removed"
    )))
}

/// Seals the secrets of all access keys with the newest cluster key.
async fn reseal_secrets(admin: &Admin, rotated: &mut RotatedKeys) -> Result<()> {
    let mut after = String::new();
    loop {
        let page = admin.metadata.sealed_secrets(&after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after.clone_from(last);
        for (id, sealed) in page {
            let newest = admin.key.newest();
            if newest.opens_itself(crate::admin::users::PURPOSE, id.as_bytes(), &sealed) {
                rotated.current += 1;
                continue;
            }
            match open_secret(&admin.key, &id, &sealed) {
                Ok(secret) => {
                    let resealed = reseal_secret(newest, &id, &secret, &admin.ambient);
                    admin.metadata.reseal_secret(&id, &sealed, &resealed).await?;
                    rotated.rewrapped += 1;
                }
                Err(error) => {
                    tracing::warn!(access_key = id, %error, "an access key's secret could not be re-encrypted");
                    rotated.failed += 1;
                }
            }
        }
    }
}

/// Seals the secrets of the ledger's log with the newest cluster key. They stay the same: the log has one key for as long as it lives.
async fn reseal_log_secrets(admin: &Admin, rotated: &mut RotatedKeys) -> Result<()> {
    let Some(secrets) = admin.metadata.log_secrets().await? else { return Ok(()) };
    let newest = admin.key.newest();
    if newest.opens_itself(SEALED_FOR, b"", &secrets.sealed) {
        rotated.current += 1;
        return Ok(());
    }
    match admin.key.open(SEALED_FOR, b"", &secrets.sealed) {
        Ok(opened) => {
            let resealed = newest.seal(SEALED_FOR, b"", &opened, random(admin.ambient.entropy.as_ref()));
            admin.metadata.reseal_log_secrets(&secrets.sealed, &resealed).await?;
            rotated.rewrapped += 1;
        }
        Err(error) => {
            tracing::warn!(%error, "the secrets of the ledger's log could not be re-encrypted");
            rotated.failed += 1;
        }
    }
    Ok(())
}

fn unavailable(error: ObjectsError) -> AdminError {
    AdminError::Unavailable(error.to_string())
}
