//! The database, as the operator sees it after a restore.

use serde::{Deserialize, Serialize};

use crate::admin::error::Result;
use crate::admin::{Admin, Operation};
use crate::clock::random;
use crate::domain::{BackendFlag, SeenHeartbeat};

/// Say that this database is the one that counts, although backends are newer: what it does not know is given up, and
/// collection goes on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ConfirmDatabase {}

/// What was confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedDatabase {
    /// Backends whose heartbeats go on from this database.
    pub confirmed: Vec<String>,
    /// Backends that say the database is older, and did not answer now: confirm again when they do.
    pub unanswered: Vec<String>,
    /// Backends with another problem, which `haulout backend accept` is for.
    pub flagged: Vec<String>,
}

impl Operation for ConfirmDatabase {
    const NAME: &'static str = "database-confirm";
    type Reply = ConfirmedDatabase;

    /// It ends that.
    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<ConfirmedDatabase> {
        // Seen before anybody else sees it: an answer that everything is confirmed must not be followed by a flag.
        admin.heartbeats.look().await?;
        let (mut reply, mut shown) = (ConfirmedDatabase::default(), Vec::new());
        for flagged in admin.metadata.flagged_backends().await? {
            let name = flagged.backend.to_string();
            if !matches!(flagged.flag, BackendFlag::DatabaseBehind | BackendFlag::Clone) {
                reply.flagged.push(name);
                continue;
            }
            let seen = match admin.objects.committee().backend(&flagged.backend) {
                Some(backend) => admin.heartbeats.sight(backend).await.ok(),
                None => None,
            };
            match seen.map(|seen| seen.heartbeat) {
                Some(SeenHeartbeat::Authentic(heartbeat)) => {
                    shown.push((flagged.backend, heartbeat, random(&*admin.ambient.entropy)));
                    reply.confirmed.push(name);
                }
                _ => reply.unanswered.push(name),
            }
        }
        // After a failover the gateway may know what no backend does: that commits were lost which no heartbeat or journal has.
        if !shown.is_empty() || admin.objects.is_read_only() {
            let (recorded, hash) = (admin.heartbeats.recorded_segment(), random(&*admin.ambient.entropy));
            admin.metadata.confirm_database(shown, recorded, hash).await?;
            admin.heartbeats.beat(admin.objects.incarnation()).await?;
            // From now on the journal is this database's, and what another wrote can go.
            if let Err(error) = admin.objects.renew_snapshot().await {
                tracing::warn!(%error, "a snapshot of the confirmed database could not be written; it will be retried");
            }
            tracing::warn!(backends = ?reply.confirmed, "this database was confirmed; what it does not know is collected");
        }
        Ok(reply)
    }
}
