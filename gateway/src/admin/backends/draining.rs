//! Draining backends, as the operator asks for it: what they hold moves to the others, and then they can leave.

use serde::{Deserialize, Serialize};

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::BackendId;
use crate::metadata::DrainStart;
use crate::objects::{DrainPlan, fail_at};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrainRequest {
    /// Say what would be moved, and change nothing.
    Plan,
    /// Take no new slivers and move those that are there.
    Begin,
    /// Take slivers again; what was moved stays where it is.
    Cancel,
}

/// Drain a backend.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DrainBackend {
    /// The name.
    pub name: String,
    /// What is asked for.
    pub request: DrainRequest,
}

/// What a drain comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainReport {
    /// The backend's name.
    pub name: String,
    /// Whether it is being drained now.
    pub draining: bool,
    /// Slivers still to move.
    pub slivers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Slivers, also of other backends that are being drained, that would find no place, because every provider that stays has one of the same
    /// blob.
    pub unplaceable: u64,
    /// Why the backend cannot leave although every sliver on it finds a place: new blobs would not.
    #[serde(default)]
    pub too_few: Option<String>,
    /// Free bytes of the backends that may take them, where they report it.
    pub free_bytes: u64,
    /// Bytes that are read for it: each sliver once, where it is.
    #[serde(default)]
    pub read_bytes: u64,
    /// Seconds that it takes at least at the bounded rate; absent without a bound.
    #[serde(default)]
    pub seconds: Option<u64>,
    /// Bytes that are read if the backend is removed with what it holds: then that is rebuilt from others.
    #[serde(default)]
    pub rebuild_read_bytes: u64,
    /// Seconds that this takes at least; absent without a bound.
    #[serde(default)]
    pub rebuild_seconds: Option<u64>,
}

impl Operation for DrainBackend {
    const NAME: &'static str = "backend-drain";
    type Reply = DrainReport;

    fn changes(&self) -> bool {
        self.request != DrainRequest::Plan
    }

    async fn run(self, admin: &Admin) -> Result<DrainReport> {
        let missing = || AdminError::refused(format!("no backend named {:?} belongs to the cluster", self.name));
        let id: BackendId = self.name.parse().map_err(|_| missing())?;
        let belongs = admin.metadata.backends().await?.iter().any(|row| row.id == id);
        if !belongs || admin.metadata.removed_backends().await?.contains(&id) {
            return Err(missing());
        }
        match self.request {
            DrainRequest::Plan => report(admin, &id).await,
            DrainRequest::Begin => begin(admin, &id).await,
            DrainRequest::Cancel => {
                if !admin.metadata.cancel_drain(&id).await? {
                    return Err(AdminError::refused(format!("{id} is not being drained")));
                }
                tracing::info!(backend = %id, "its drain was cancelled; it takes slivers again");
                admin.heartbeats.refresh().await?;
                report(admin, &id).await
            }
        }
    }
}

async fn begin(admin: &Admin, id: &BackendId) -> Result<DrainReport> {
    let plan = report(admin, id).await?;
    if plan.unplaceable > 0 {
        return Err(AdminError::refused(format!(
            "{} slivers would find no place, because every provider that stays holds one of the same blob: add a backend of another \
             provider first",
            plan.unplaceable
        )));
    }
    if let Some(reason) = plan.too_few {
        return Err(AdminError::refused(format!("{reason}: add a backend of another provider first")));
    }
    if !admin.metadata.begin_drain(id).await? {
        return Err(AdminError::refused(format!("{id} left the cluster meanwhile")));
    }
    fail_at("drain-begun")?;
    // First nothing new comes, then what is there is asked for.
    admin.heartbeats.refresh().await?;
    let blobs = admin.metadata.enqueue_moves_off(id).await?;
    fail_at("drain-enqueued")?;
    tracing::info!(backend = %id, blobs, slivers = plan.slivers, bytes = plan.bytes, "is being drained");
    Ok(DrainReport { draining: true, ..plan })
}

async fn report(admin: &Admin, id: &BackendId) -> Result<DrainReport> {
    let plan = admin.objects.plan_drain(id).await?;
    let draining = admin.metadata.draining_backends().await?;
    let mut free_bytes = 0_u64;
    for backend in admin.objects.committee().backends().iter().filter(|backend| backend.id != *id) {
        let leaves = draining.contains_key(&backend.id) || backend.trust().is_removed();
        if !leaves && let Ok(space) = backend.store.probe().await {
            free_bytes = free_bytes.saturating_add(space.free_bytes.unwrap_or(0));
        }
    }
    Ok(DrainReport {
        name: id.to_string(),
        draining: draining.contains_key(id),
        slivers: plan.slivers,
        bytes: plan.bytes,
        unplaceable: plan.unplaceable,
        too_few: too_few(&plan),
        free_bytes,
        read_bytes: plan.read_bytes,
        seconds: admin.objects.seconds_to_move(plan.bytes),
        rebuild_read_bytes: plan.rebuild_read_bytes,
        rebuild_seconds: admin.objects.seconds_to_rebuild(plan.rebuild_read_bytes.saturating_add(plan.bytes)),
    })
}

/// Why new blobs would find too few places without the backend.
fn too_few(plan: &DrainPlan) -> Option<String> {
    let anywhere = plan.too_few_for.map(|(scheme, providers)| {
        format!("new blobs of {scheme} need {} providers and {providers} would be left", scheme.n())
    });
    let in_bucket = plan.too_few_in.as_ref().map(|(bucket, scheme, providers)| {
        format!(
            "new blobs of {scheme} in bucket {bucket} need {} providers that its placement rule admits and {providers} would be left",
            scheme.n()
        )
    });
    anywhere.or(in_bucket)
}

/// How far a drain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainProgress {
    /// Slivers still to move.
    pub left: u64,
    /// Slivers that were there when it began.
    pub of: u64,
    /// Seconds it will still take if it goes on as it went; absent before anything was moved.
    pub seconds_left: Option<u64>,
}

impl DrainProgress {
    /// From its beginning, what is left, and the seconds since then.
    #[must_use]
    pub fn new(start: DrainStart, left: u64, elapsed_seconds: u64) -> Self {
        let moved = start.slivers.saturating_sub(left);
        let seconds_left = u128::from(elapsed_seconds)
            .checked_mul(u128::from(left))
            .and_then(|product| product.checked_div(moved.into()));
        let seconds_left = seconds_left.and_then(|seconds| u64::try_from(seconds).ok());
        Self { left, of: start.slivers.max(left), seconds_left }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn the_rest_takes_as_long_as_what_was_done() {
        let start = DrainStart { began: Timestamp(0), slivers: 1_000 };
        let progress = |left, elapsed| DrainProgress::new(start, left, elapsed);
        assert_eq!(progress(1_000, 10), DrainProgress { left: 1_000, of: 1_000, seconds_left: None });
        assert_eq!(progress(750, 10), DrainProgress { left: 750, of: 1_000, seconds_left: Some(30) });
        assert_eq!(progress(0, 40), DrainProgress { left: 0, of: 1_000, seconds_left: Some(0) });
        // What came through another gateway meanwhile.
        assert_eq!(progress(1_200, 40), DrainProgress { left: 1_200, of: 1_200, seconds_left: None });
    }
}
