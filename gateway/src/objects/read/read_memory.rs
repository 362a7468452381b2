//! The memory of reads. What has been read for a client that does not take it is given up when others wait: blobs do not
//! change, so it can be read again.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use tokio::time::Instant;

use crate::objects::budget::{ByteBudget, Reservation};
use crate::objects::error::ObjectsError;

/// From then on a client is idle that takes nothing of what is there for it.
const IDLE: Duration = Duration::from_secs(1);

/// How often idle clients are looked for while somebody waits.
const LOOK: Duration = Duration::from_millis(250);

/// What an idle client's response still holds besides: what was handed to its connection, and the connection has not sent.
pub(super) const HANDED_OVER_BYTES: u64 = 512 << 10;

/// What is read of a version, in order.
pub(super) type Reads = BoxStream<'static, Result<Vec<Bytes>, ObjectsError>>;

/// The budget of reads, and the responses that hold some of it.
#[derive(Debug)]
pub(crate) struct ReadMemory {
    budget: ByteBudget,
    buffers: Mutex<HashMap<u64, Weak<Mutex<Buffer>>>>,
    next: AtomicU64,
}

/// What has been read for one response and not yet been taken.
pub(super) struct Buffer {
    pub(super) ready: VecDeque<Bytes>,
    /// What is being read; none at the end, and when it was given up.
    pub(super) rest: Option<Reads>,
    pub(super) reservation: Option<Reservation>,
    pub(super) taken_at: Instant,
    /// The client waits for the backends.
    pub(super) awaited: bool,
    /// It was given up, and has to be read again.
    pub(super) given_up: bool,
}

/// A buffer that may be given up; no longer when this is dropped.
pub(super) struct Registered {
    pub(super) buffer: Arc<Mutex<Buffer>>,
    memory: Arc<ReadMemory>,
    number: u64,
}

impl Registered {
    pub(super) fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.memory.buffers.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl ReadMemory {
    /// With this many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { budget: ByteBudget::new(bytes), buffers: Mutex::default(), next: AtomicU64::default() }
    }

    /// Takes `bytes` now, or nothing.
    pub(crate) fn try_take(&self, bytes: u64) -> Option<Reservation> {
        self.budget.try_take(bytes)
    }

    /// Takes `bytes`, waiting for them in order; meanwhile idle clients lose what has been read for them.
    ///
    /// # Errors
    /// `Unavailable` when they do not come free in time.
    pub(super) async fn take(&self, bytes: u64) -> Result<Reservation, ObjectsError> {
        let taken = self.budget.take(bytes);
        tokio::pin!(taken);
        loop {
            tokio::select! {
                biased;
                reservation = &mut taken => return reservation,
                () = tokio::time::sleep(LOOK) => self.give_up_idle(Instant::now()),
            }
        }
    }

    /// Keeps a buffer where it can be given up.
    pub(super) fn register(self: &Arc<Self>, buffer: Buffer) -> Registered {
        let buffer = Arc::new(Mutex::new(buffer));
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.insert(number, Arc::downgrade(&buffer));
        Registered { buffer, memory: Arc::clone(self), number }
    }

    fn give_up_idle(&self, now: Instant) {
        let buffers: Vec<_> = {
            let buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
            buffers.values().filter_map(Weak::upgrade).collect()
        };
        for buffer in buffers {
            // What was read is dropped when the lock is released.
            let _given_up = buffer.lock().unwrap_or_else(PoisonError::into_inner).give_up(now);
        }
    }
}

impl Buffer {
    /// Gives up what an idle client does not take.
    fn give_up(&mut self, now: Instant) -> Option<(VecDeque<Bytes>, Option<Reads>)> {
        if self.awaited || self.given_up || now.duration_since(self.taken_at) < IDLE {
            return None;
        }
        if let Some(reservation) = &mut self.reservation {
            reservation.shrink(HANDED_OVER_BYTES);
        }
        self.given_up = self.rest.is_some() || !self.ready.is_empty();
        Some((std::mem::take(&mut self.ready), self.rest.take()))
    }
}
