//! Replacing a backend, as the operator asks for it: what it holds goes to another one, and then it leaves the cluster.

use serde::{Deserialize, Serialize};

use crate::admin::backends::adding::{self, AddedBackend, AddedState};
use crate::admin::backends::draining::DrainRequest;
use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::BackendId;

/// Replace a backend by another one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplaceBackend {
    /// The name of the old one.
    pub name: String,
    /// The new one's `[[backend]]`; nothing to cancel.
    pub block: Option<String>,
    /// What is asked for.
    pub request: DrainRequest,
}

/// What a replacement comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacementReport {
    /// The old backend.
    pub name: String,
    /// The new one; absent when the replacement was cancelled.
    pub successor: Option<AddedBackend>,
    /// Slivers to move.
    pub slivers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are read for it: each sliver once, where it is.
    pub read_bytes: u64,
    /// Seconds that it takes at least at the bounded rate; absent without a bound.
    pub seconds: Option<u64>,
}

impl Operation for ReplaceBackend {
    const NAME: &'static str = "backend-replace";
    type Reply = ReplacementReport;

    fn changes(&self) -> bool {
        self.request != DrainRequest::Plan
    }

    async fn run(self, admin: &Admin) -> Result<ReplacementReport> {
        let missing = || AdminError::refused(format!("no backend named {:?} belongs to the cluster", self.name));
        let id: BackendId = self.name.parse().map_err(|_| missing())?;
        let belongs = admin.metadata.backends().await?.iter().any(|row| row.id == id);
        if !belongs || admin.metadata.removed_backends().await?.contains(&id) {
            return Err(missing());
        }
        if self.request == DrainRequest::Cancel {
            return cancel(admin, &id).await;
        }
        let block = self.block.as_deref().unwrap_or_default();
        let config = adding::read(admin, block)?;
        if config.name == self.name {
            return Err(AdminError::refused(format!(
                "the file describes {id} itself: a new disk in the old place is `haulout backend accept {id}`"
            )));
        }
        let plan = admin.objects.plan_drain(&id).await?;
        let report = ReplacementReport {
            name: id.to_string(),
            successor: Some(adding::add(admin, &config, true).await?),
            slivers: plan.slivers,
            bytes: plan.bytes,
            read_bytes: plan.read_bytes,
            seconds: admin.objects.seconds_to_move(plan.bytes),
        };
        if self.request == DrainRequest::Plan {
            return Ok(report);
        }
        let successor = adding::add(admin, &config, false).await?;
        let new: BackendId = config.name.parse().map_err(|error| AdminError::refused(format!("{error}")))?;
        begin_replacement(admin, &id, &new, successor.state == AddedState::InUse).await?;
        tracing::info!(backend = %id, successor = %new, slivers = plan.slivers, bytes = plan.bytes, "is being replaced");
        Ok(ReplacementReport { successor: Some(successor), ..report })
    }
}

/// Lets what a backend holds go to its successor, which belongs to the cluster, and the backend leave it after that.
pub(crate) async fn begin_replacement(admin: &Admin, old: &BackendId, new: &BackendId, is_in_use: bool) -> Result<()> {
    if !admin.metadata.begin_replacement(old, new).await? {
        return Err(AdminError::refused(format!(
            "{old} or {new} leaves the cluster: neither can be replaced by the other"
        )));
    }
    admin.heartbeats.refresh().await?;
    // A gateway that has both asks for what is there when it begins to know it.
    if is_in_use {
        admin.metadata.enqueue_moves_off(old).await?;
    }
    Ok(())
}

async fn cancel(admin: &Admin, id: &BackendId) -> Result<ReplacementReport> {
    if !admin.metadata.successors().await?.contains_key(id) || !admin.metadata.cancel_drain(id).await? {
        return Err(AdminError::refused(format!("{id} is not being replaced")));
    }
    admin.heartbeats.refresh().await?;
    tracing::info!(backend = %id, "its replacement was cancelled; it takes slivers again");
    let plan = admin.objects.plan_drain(id).await?;
    Ok(ReplacementReport {
        name: id.to_string(),
        successor: None,
        slivers: plan.slivers,
        bytes: plan.bytes,
        read_bytes: 0,
        seconds: None,
    })
}
