//! How far the collection came that deletes before the grace is over.

use crate::metadata::{DeadBlobPosition, DeadBlobs};

/// A round through the queue of dead blobs.
#[derive(Debug, Default)]
pub(crate) struct EarlyProgress {
    /// Those that wait for reads to end. No others are looked at meanwhile: behind them stand those that died later.
    pub(super) waiting: Option<DeadBlobs>,
    /// Where the next ones come after. Those that cannot be deleted come again in the next round, after all others.
    pub(super) after: Option<DeadBlobPosition>,
}
