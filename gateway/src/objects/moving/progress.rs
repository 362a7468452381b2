//! How fast slivers are moved and repaired, for those who ask.

use std::time::Duration;

use crate::objects::Objects;
use crate::objects::moving::repair_meter::RepairRate;

impl Objects {
    /// How long what was moved or rebuilt still takes its time; none when everything may go on.
    #[must_use]
    pub fn pause_before_more(&self) -> Option<Duration> {
        let debt = self.inner.move_pace.debt().max(self.inner.rebuild_pace.debt());
        Some(debt).filter(|debt| !debt.is_zero())
    }

    /// Seconds that moving so many bytes takes at least; none without a bound.
    #[must_use]
    pub fn seconds_to_move(&self, bytes: u64) -> Option<u64> {
        self.inner.move_pace.seconds_for(bytes)
    }

    /// Seconds that rebuilding takes at least for which so many bytes are read and written; none without a bound.
    #[must_use]
    pub fn seconds_to_rebuild(&self, bytes: u64) -> Option<u64> {
        self.inner.rebuild_pace.seconds_for(bytes)
    }

    /// How fast this gateway repaired and moved lately; none when nothing was done.
    #[must_use]
    pub fn repair_rate(&self) -> Option<RepairRate> {
        self.inner.repair_meter.rate()
    }
}
