//! How many bytes a cluster uses, exactly, and how many it may.

use std::sync::{Arc, Mutex, PoisonError};

use crate::node::protocol::{Failure, FailureCode};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    live: u64,
    trash: u64,
}

#[derive(Debug, Default)]
struct State {
    /// None until the store was counted, and again once its disk was another one.
    counted: Option<Counted>,
    /// Bytes on their way.
    pending: u64,
    quota: u64,
}

/// The bytes of one cluster. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage(Arc<Mutex<State>>);

/// What is used and what may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UsedBytes {
    /// Of visible slivers.
    pub(super) live: u64,
    /// Of trashed ones.
    pub(super) trash: u64,
    /// The most that both may have.
    pub(super) quota: u64,
    /// Of the quota, also without what is on its way.
    pub(super) free: u64,
}

impl Usage {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The quota from now on.
    pub(super) fn set_quota(&self, bytes: u64) {
        self.change(|state| state.quota = bytes);
    }

    /// What was counted on the disk.
    pub(super) fn set(&self, live: u64, trash: u64) {
        self.change(|state| state.counted = Some(Counted { live, trash }));
    }

    /// The disk is another one: count again.
    pub(super) fn forget(&self) {
        self.change(|state| state.counted = None);
    }

    /// The numbers, once they are known.
    pub(super) fn get(&self) -> Option<UsedBytes> {
        self.change(|state| {
            let Counted { live, trash } = state.counted?;
            let free = state.quota.saturating_sub(live).saturating_sub(trash).saturating_sub(state.pending);
            Some(UsedBytes { live, trash, quota: state.quota, free })
        })
    }

    /// Sets bytes aside for what is on its way.
    ///
    /// # Errors
    /// [`FailureCode::Full`] where the quota does not allow them.
    pub(super) fn reserve(&self, bytes: u64) -> Result<Reservation, Failure> {
        let mut reservation = Reservation { usage: self.clone(), bytes: 0 };
        reservation.grow(bytes)?;
        Ok(reservation)
    }

    /// A sliver went to the trash.
    pub(super) fn trashed(&self, bytes: u64) {
        self.with_counted(|counted| {
            counted.live = counted.live.saturating_sub(bytes);
            counted.trash += bytes;
        });
    }

    /// Trash was removed.
    pub(super) fn swept(&self, bytes: u64) {
        self.with_counted(|counted| counted.trash = counted.trash.saturating_sub(bytes));
    }

    fn with_counted(&self, change: impl FnOnce(&mut Counted)) {
        self.change(|state| {
            if let Some(counted) = &mut state.counted {
                change(counted);
            }
        });
    }
}

/// Bytes that were set aside; dropped, they are free again.
#[derive(Debug)]
pub(super) struct Reservation {
    usage: Usage,
    bytes: u64,
}

impl Reservation {
    /// Sets more bytes aside.
    ///
    /// # Errors
    /// As [`Usage::reserve`], and [`FailureCode::Busy`] while it is not known what is there.
    pub(super) fn grow(&mut self, bytes: u64) -> Result<(), Failure> {
        let free = self.usage.get().map_or(0, |used| used.free);
        let granted = self.usage.change(|state| {
            let counted = state.counted?;
            let used = counted.live.saturating_add(counted.trash);
            let wanted = used.saturating_add(state.pending).saturating_add(bytes);
            let granted = wanted <= state.quota;
            if granted {
                state.pending += bytes;
            }
            Some(granted)
        });
        match granted {
            Some(true) => {
                self.bytes += bytes;
                Ok(())
            }
            Some(false) => {
                let reason = format!("the cluster's quota has {free} bytes left, trash included");
                Err(Failure::new(FailureCode::Full, reason))
            }
            // While it is not known what is there, nothing more comes: else whoever makes a node forget has no quota.
            None => Err(Failure::new(FailureCode::Busy, "what the cluster uses is being counted")),
        }
    }

    /// They are a visible sliver now.
    pub(super) fn keep(mut self, bytes: u64) {
        debug_assert!(bytes <= self.bytes, "only what was set aside is stored");
        self.usage.change(|state| {
            state.pending = state.pending.saturating_sub(self.bytes);
            if let Some(counted) = &mut state.counted {
                counted.live += bytes;
            }
        });
        self.bytes = 0;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.usage.change(|state| state.pending = state.pending.saturating_sub(self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_set_aside_kept_trashed_and_swept_and_never_exceed_the_quota() {
        let usage = Usage::default();
        usage.set_quota(100);
        usage.set(10, 5);
        let mut first = usage.reserve(50).unwrap();
        assert_eq!(usage.reserve(36).unwrap_err().code, FailureCode::Full);
        first.grow(35).unwrap();
        assert_eq!(first.grow(1).unwrap_err().code, FailureCode::Full);
        first.keep(80);
        let used = |live, trash, free| Some(UsedBytes { live, trash, quota: 100, free });
        assert_eq!(usage.get(), used(90, 5, 5));
        drop(usage.reserve(5).unwrap());
        assert_eq!(usage.get(), used(90, 5, 5), "what was dropped is free again");
        usage.trashed(80);
        assert_eq!(usage.get(), used(10, 85, 5), "trash counts");
        usage.swept(85);
        assert_eq!(usage.get(), used(10, 0, 90));
        usage.set_quota(4);
        assert_eq!(usage.get(), used(10, 0, 0).map(|used| UsedBytes { quota: 4, ..used }));
        usage.set_quota(100);
        let mut begun = usage.reserve(10).unwrap();
        usage.forget();
        assert_eq!(usage.get(), None);
        assert_eq!(begun.grow(1).unwrap_err().code, FailureCode::Busy, "nothing comes while it is not counted");
    }
}
