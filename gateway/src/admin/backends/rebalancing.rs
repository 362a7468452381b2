//! Rebalancing, as the operator asks for it, and how far everything is that moves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::admin::backends::draining::{DrainProgress, DrainRequest};
use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::objects::BackendFlow;

/// Move slivers towards the weights.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RebalanceBackends {
    /// What is asked for.
    pub request: DrainRequest,
}

/// What a rebalance comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebalanceReport {
    /// It is under way.
    pub under_way: bool,
    /// Blobs that would be touched.
    pub blobs: u64,
    /// Slivers to move.
    pub slivers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are read for it: each sliver once, where it is.
    pub read_bytes: u64,
    /// Seconds that it takes at least at the bounded rate; absent without a bound.
    pub seconds: Option<u64>,
    /// What comes and goes, by backend.
    pub flows: BTreeMap<String, BackendFlow>,
}

/// Show how far drains, replacements and the rebalance are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ShowMoves {}

/// What moves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovesReport {
    /// Backends that are being drained or replaced.
    pub drains: BTreeMap<String, DrainMove>,
    /// The rebalance.
    pub rebalance: Option<RebalanceProgress>,
    /// Blobs that are repaired before anything moves.
    pub endangered: u64,
    /// Backends that were removed, of which slivers are still to be rebuilt, with how many.
    #[serde(default)]
    pub removed: BTreeMap<String, u64>,
}

/// How far a drain or a replacement is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainMove {
    /// How far it is.
    pub progress: DrainProgress,
    /// The backend that replaces it, if one does.
    pub successor: Option<String>,
    /// Nothing moves before this gateway has the successor in its configuration.
    pub waits_for_configuration: bool,
}

/// How far a rebalance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebalanceProgress {
    /// Slivers that were to move when it began.
    pub slivers: u64,
    /// Blobs that are asked for and not done.
    pub blobs_left: u64,
    /// Seconds since it began.
    pub seconds: u64,
    /// Seconds that it still takes at the rate of the last minutes; absent while that is not known.
    pub seconds_left: Option<u64>,
}

impl Operation for RebalanceBackends {
    const NAME: &'static str = "backend-rebalance";
    type Reply = RebalanceReport;

    fn changes(&self) -> bool {
        self.request != DrainRequest::Plan
    }

    async fn run(self, admin: &Admin) -> Result<RebalanceReport> {
        admin.heartbeats.refresh().await?;
        if self.request == DrainRequest::Cancel {
            if !admin.metadata.end_rebalance().await? {
                return Err(AdminError::refused("there is no rebalance under way"));
            }
            tracing::info!("the rebalance was cancelled; what was moved stays where it is");
            return Ok(RebalanceReport::default());
        }
        let totals = admin.objects.plan_rebalance().await?;
        let mut under_way = admin.metadata.rebalance().await?.is_some();
        if self.request == DrainRequest::Begin && totals.slivers > 0 {
            if admin.metadata.begin_rebalance(totals.slivers, totals.bytes).await? {
                tracing::info!(slivers = totals.slivers, bytes = totals.bytes, "a rebalance begins");
            }
            under_way = true;
        }
        Ok(RebalanceReport {
            under_way,
            blobs: totals.blobs,
            slivers: totals.slivers,
            bytes: totals.bytes,
            read_bytes: totals.read_bytes,
            seconds: admin.objects.seconds_to_move(totals.bytes),
            flows: totals.flows,
        })
    }
}

impl Operation for ShowMoves {
    const NAME: &'static str = "moves";
    type Reply = MovesReport;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<MovesReport> {
        let now = admin.metadata.database_time().await?;
        let successors = admin.metadata.successors().await?;
        let since = |began: crate::domain::Timestamp| u64::try_from(now.seconds() - began.seconds()).unwrap_or(0);
        let mut drains = BTreeMap::new();
        for (id, start) in admin.metadata.draining_backends().await? {
            let left = admin.metadata.slivers_on(&id).await?;
            let successor = successors.get(&id);
            let knows = |id| admin.objects.committee().backend(id).is_some();
            let waits_for_configuration = successor.is_some_and(|successor| !knows(successor));
            let progress = DrainProgress::new(start, left, since(start.began));
            let successor = successor.map(ToString::to_string);
            drains.insert(id.to_string(), DrainMove { progress, successor, waits_for_configuration });
        }
        let rebalance = match admin.metadata.rebalance().await? {
            None => None,
            Some(start) => {
                let blobs_left = admin.metadata.rebalance_jobs().await?;
                let rate = admin.objects.repair_rate().map(|rate| rate.blobs_per_second).filter(|rate| *rate > 0.0);
                let seconds_left = rate.map(|rate| (blobs_left as f64 / rate).ceil() as u64);
                Some(RebalanceProgress {
                    slivers: start.slivers,
                    blobs_left,
                    seconds: since(start.began),
                    seconds_left,
                })
            }
        };
        let queue = admin.metadata.repair_queue().await?;
        let mut removed = BTreeMap::new();
        for id in admin.metadata.removed_backends().await? {
            let left = admin.metadata.slivers_on(&id).await?;
            removed.extend((left > 0).then(|| (id.to_string(), left)));
        }
        Ok(MovesReport { drains, rebalance, endangered: queue.last + queue.endangered, removed })
    }
}
