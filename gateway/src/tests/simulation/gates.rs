//! Gates: the places at which everything in a simulated gateway stops until the schedule lets it go on.
//!
//! There is one before each operation on a disk, one between the effect of such an operation and its reply, one before each read of the database, and four around each
//! transaction: before it begins, after that, before it is committed, and between the commit and its reply.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use backends::{Fault, Operation};
use tokio::sync::oneshot;

/// Where something waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At a point of the database's engine.
    Database(&'static str),
    /// Before an operation on a disk.
    Asked(usize, Operation),
    /// Before the reply to one.
    Replied(usize, Operation),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(point) => write!(out, "database {point}"),
            Self::Asked(disk, operation) => write!(out, "disk {disk} {}", operation.name()),
            Self::Replied(disk, operation) => write!(out, "disk {disk} {} replied", operation.name()),
        }
    }
}

/// How it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// As if there were no gate.
    Well,
    /// The database fails there.
    Fails,
    /// The disk has this fault.
    Meets(Fault),
}

/// One that waits.
#[derive(Debug)]
struct Waiting {
    number: u64,
    gateway: usize,
    place: Place,
    open: oneshot::Sender<Pass>,
}

/// All gates of a simulation. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Gates(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Nothing waits at any gate.
    are_open: bool,
    waiting: Vec<Waiting>,
    passed: u64,
    /// Which gateway does not reach which disk.
    cut: BTreeSet<(usize, usize)>,
    full: BTreeSet<usize>,
}

/// One that waits, as the schedule sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gate {
    pub(super) number: u64,
    pub(super) gateway: usize,
    pub(super) place: Place,
}

impl Gates {
    /// Waits until the schedule opens the gate.
    pub(super) async fn pass(&self, gateway: usize, place: Place) -> Pass {
        let opened = {
            let mut state = self.state();
            if state.are_open {
                return state.weather(gateway, place).unwrap_or(Pass::Well);
            }
            let (open, opened) = oneshot::channel();
            state.passed += 1;
            let number = state.passed;
            state.waiting.push(Waiting { number, gateway, place, open });
            opened
        };
        // Nobody drops a sender that does not open.
        opened.await.unwrap_or(Pass::Well)
    }

    /// The gates at which something waits that could go on, in the order in which they were reached. A transaction begins only when no other is under way: SQLite has
    /// one writer, and would keep the whole simulation waiting for it.
    pub(super) fn waiting(&self) -> Vec<Gate> {
        let mut state = self.state();
        state.waiting.retain(|waiting| !waiting.open.is_closed());
        let is_writing = |waiting: &Waiting| matches!(waiting.place, Place::Database("begun" | "commit"));
        let is_taken = state.waiting.iter().any(is_writing);
        let could = |waiting: &&Waiting| !(is_taken && waiting.place == Place::Database("begin"));
        let gate = |waiting: &Waiting| Gate { number: waiting.number, gateway: waiting.gateway, place: waiting.place };
        state.waiting.iter().filter(could).map(gate).collect()
    }

    /// Opens a gate.
    pub(super) fn open(&self, number: u64, pass: Pass) {
        let mut state = self.state();
        let Some(at) = state.waiting.iter().position(|waiting| waiting.number == number) else { return };
        let waiting = state.waiting.remove(at);
        let pass = state.weather(waiting.gateway, waiting.place).unwrap_or(pass);
        let _it_may_have_been_dropped = waiting.open.send(pass);
    }

    /// From now on nothing waits at gates, or everything does. What waits goes on in the former case, but one transaction after the other.
    pub(super) fn keep_open(&self, are_open: bool) {
        self.state().are_open = are_open;
    }

    /// Forgets who waited in a gateway that is gone.
    pub(super) fn forget(&self, gateway: usize) {
        self.state().waiting.retain(|waiting| waiting.gateway != gateway);
    }

    pub(super) fn set_cut(&self, gateway: usize, disk: usize, is_cut: bool) {
        let mut state = self.state();
        if is_cut {
            state.cut.insert((gateway, disk))
        } else {
            state.cut.remove(&(gateway, disk))
        };
    }

    pub(super) fn is_cut(&self, gateway: usize, disk: usize) -> bool {
        self.state().cut.contains(&(gateway, disk))
    }

    pub(super) fn set_full(&self, disk: usize, is_full: bool) {
        let mut state = self.state();
        if is_full {
            state.full.insert(disk)
        } else {
            state.full.remove(&disk)
        };
    }

    /// Every disk is reached and has space.
    pub(super) fn heal(&self) {
        let mut state = self.state();
        state.cut.clear();
        state.full.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    /// The fault that lasts, if there is one.
    fn weather(&self, gateway: usize, place: Place) -> Option<Pass> {
        let Place::Asked(disk, operation) = place else { return None };
        if self.cut.contains(&(gateway, disk)) {
            Some(Pass::Meets(Fault::Down))
        } else if self.full.contains(&disk) && Operation::STORING.contains(&operation) {
            Some(Pass::Meets(Fault::Full))
        } else {
            None
        }
    }
}
