//! How far a backend is trusted, as the last look at its heartbeat left it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::domain::BackendFlag;

/// A backend's place in the cluster, as the database has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// It takes slivers.
    Full,
    /// It takes none, and what it holds is being moved elsewhere.
    Draining,
    /// It was away for so long that what it holds is rebuilt elsewhere, and may come back.
    Lost,
    /// It was taken out of the cluster.
    Removed,
}

/// The state of one backend.
#[derive(Debug, Default)]
pub struct Trust {
    /// Nobody has seen its heartbeat since the gateway started.
    unseen: AtomicBool,
    /// An operator took it out of the cluster.
    removed: AtomicBool,
    /// It is away, and what it holds counts as lost.
    lost: AtomicBool,
    /// What it holds is being moved, so that it can be taken out of the cluster.
    draining: AtomicBool,
    /// The prices in force are below the floor that its node signed.
    below_floor: AtomicBool,
    /// It was silent in too many audits of an epoch and has not answered one since.
    silent: AtomicBool,
    /// It was away, or did not answer, in too many audits.
    unreliable: AtomicBool,
    /// It has passed its audits, or needs none.
    known: AtomicBool,
    flag: Mutex<Option<(BackendFlag, String)>>,
}

impl Trust {
    /// Why an operator must look at it.
    #[must_use]
    pub fn flag(&self) -> Option<(BackendFlag, String)> {
        self.flag.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether what it holds is in doubt, so that it takes no writes and nothing is concluded from what it lacks.
    #[must_use]
    pub fn is_doubted(&self) -> bool {
        let flag = self.flag.lock().unwrap_or_else(PoisonError::into_inner);
        flag.as_ref().is_some_and(|(flag, _)| flag.is_about_backend())
    }

    /// Whether an operator took it out of the cluster.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Relaxed)
    }

    /// Whether what it holds is being moved elsewhere.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether it is away, and what it holds counts as lost.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether the prices in force are below the floor that its node signed: it keeps what it holds and takes nothing new.
    #[must_use]
    pub fn is_below_floor(&self) -> bool {
        self.below_floor.load(Ordering::Relaxed)
    }

    /// Takes over whether prices are below its floor; whether that is another answer than before.
    pub(crate) fn set_below_floor(&self, is_below: bool) -> bool {
        self.below_floor.swap(is_below, Ordering::Relaxed) != is_below
    }

    /// Whether it was silent in too many audits of an epoch and has not answered one since: it keeps what it holds and takes nothing new.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// Takes over whether it is silent; whether that is another answer than before.
    pub(crate) fn set_silent(&self, is_silent: bool) -> bool {
        self.silent.swap(is_silent, Ordering::Relaxed) != is_silent
    }

    /// Whether it was away, or did not answer, in too many audits: it takes new slivers where the others are too few.
    #[must_use]
    pub fn is_unreliable(&self) -> bool {
        self.unreliable.load(Ordering::Relaxed)
    }

    /// Takes over whether it is unreliable; whether that is another answer than before.
    pub(crate) fn set_unreliable(&self, is_unreliable: bool) -> bool {
        self.unreliable.swap(is_unreliable, Ordering::Relaxed) != is_unreliable
    }

    /// Whether it has passed its audits, or is trusted without.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    pub(crate) fn set_known(&self, known: bool) {
        self.known.store(known, Ordering::Relaxed);
    }

    /// Whether its heartbeat was compared since the gateway started.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        !self.unseen.load(Ordering::SeqCst)
    }

    pub(crate) fn await_sight(&self) {
        self.unseen.store(true, Ordering::SeqCst);
    }

    pub(crate) fn sight(&self) {
        self.unseen.store(false, Ordering::SeqCst);
    }

    /// Takes over what the database says; whether that is another flag than before.
    pub(crate) fn set(&self, flag: Option<(BackendFlag, String)>, membership: Membership) -> bool {
        self.removed.store(membership == Membership::Removed, Ordering::Relaxed);
        self.lost.store(membership == Membership::Lost, Ordering::Relaxed);
        self.draining.store(membership == Membership::Draining, Ordering::Relaxed);
        let mut current = self.flag.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, flag.clone()) != flag
    }
}
