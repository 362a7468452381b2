//! The repair queue, as the operator sees it.

use serde::{Deserialize, Serialize};

use crate::admin::error::Result;
use crate::admin::{Admin, Operation};

/// Blobs that cannot be repaired of which the names are shown.
const UNREPAIRABLE_SHOWN: usize = 20;

/// Objects that are named of each.
const OBJECTS_SHOWN: usize = 5;

/// Show what waits to be repaired, how fast it goes, and what cannot be repaired.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ShowRepairs {}

/// The repair queue. Numbers of blobs, in the order in which they are repaired.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RepairStatus {
    /// The next loss is their end.
    pub last: u64,
    /// They lack slivers, and may lose more.
    pub endangered: u64,
    /// Whole; they are moved off backends that leave, or where placement rules allow.
    pub moves: u64,
    /// Whole; they are moved towards the weights.
    pub rebalance: u64,
    /// They cannot be repaired now: too few slivers are left.
    pub unrepairable: u64,
    /// Of all these, those that were tried and wait to be tried again.
    pub waiting: u64,
    /// Blobs that this gateway did in a second lately; 0 when nothing was done.
    pub blobs_per_second: f64,
    /// Bytes of slivers that it made in a second.
    pub bytes_per_second: f64,
    /// Seconds until nothing is endangered any more at this rate; absent while it is not known.
    pub seconds_endangered: Option<u64>,
    /// Seconds until all is done that can be.
    pub seconds_all: Option<u64>,
    /// Some of those that cannot be repaired.
    pub lost: Vec<UnrepairableBlob>,
    /// Backends that do not answer or count as lost, with what is known of each: why blobs wait.
    pub away: Vec<String>,
}

/// A blob that cannot be repaired now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnrepairableBlob {
    /// Its id, in hexadecimal digits.
    pub blob: String,
    /// How often it was tried.
    pub attempts: u64,
    /// Some of the objects with content in it, as bucket/key; what is no text in a key is replaced.
    pub objects: Vec<String>,
}

impl RepairStatus {
    /// Nothing waits, and nothing is lost.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.last + self.endangered + self.moves + self.rebalance + self.unrepairable == 0
    }
}

impl Operation for ShowRepairs {
    const NAME: &'static str = "repair-status";
    type Reply = RepairStatus;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<RepairStatus> {
        let queue = admin.metadata.repair_queue().await?;
        let rate = admin.objects.repair_rate().unwrap_or_default();
        let endangered = queue.last + queue.endangered;
        let all = endangered + queue.moves + queue.rebalance;
        let unrepairable = match queue.unrepairable {
            0 => Vec::new(),
            _ => admin.metadata.unrepairable(UNREPAIRABLE_SHOWN, OBJECTS_SHOWN).await?,
        };
        let named = |(bucket, key): &(String, Vec<u8>)| format!("{bucket}/{}", String::from_utf8_lossy(key));
        let lost = unrepairable.iter().map(|one| UnrepairableBlob {
            blob: hex::encode(one.blob.0),
            attempts: one.attempts,
            objects: one.objects.iter().map(named).collect(),
        });
        let now = admin.metadata.database_time().await?;
        let absences = admin.metadata.absences().await?;
        let away = absences.iter().map(|(id, absence)| {
            let seconds = now.seconds() - absence.since.seconds();
            let lost = if absence.lost { ", counts as lost" } else { "" };
            format!("{id}: away for {seconds} s{lost}")
        });
        Ok(RepairStatus {
            last: queue.last,
            endangered: queue.endangered,
            moves: queue.moves,
            rebalance: queue.rebalance,
            unrepairable: queue.unrepairable,
            waiting: queue.waiting,
            blobs_per_second: rate.blobs_per_second,
            bytes_per_second: rate.bytes_per_second,
            seconds_endangered: seconds(endangered, rate.blobs_per_second),
            seconds_all: seconds(all, rate.blobs_per_second),
            lost: lost.collect(),
            away: away.collect(),
        })
    }
}

/// Seconds that so many blobs take.
fn seconds(blobs: u64, per_second: f64) -> Option<u64> {
    match blobs {
        0 => Some(0),
        _ => (per_second > 0.0).then(|| (blobs as f64 / per_second).ceil() as u64),
    }
}
