//! The memory of reads. What has been read for a client that does not take it is given up when others wait: blobs do not
//! change, so it can be read again. What its connection holds and does not send cannot be given up, but the connection can.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use tokio::time::Instant;

use crate::domain::Peer;
use crate::objects::budget::{ByteBudget, Reservation};
use crate::objects::error::ObjectsError;
use crate::objects::read::revocation::Revocation;

/// From then on a client is idle that takes nothing of what is there for it.
const IDLE: Duration = Duration::from_secs(1);

/// While others wait, a connection sends a piece of 64 KiB within this time after it was handed over, with the three or so before it; else it is
/// cut. That is some 25 KiB a second.
const SENT_WITHIN: Duration = Duration::from_secs(10);

/// Nobody is cut before somebody has waited for so long: what was read for idle clients may be enough.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections cut in one look, those first that have sent nothing for longest: they may be enough.
const REVOKED_MAX: usize = 16;

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
    responses: Mutex<HashMap<u64, Weak<ResponseMemory>>>,
    next: AtomicU64,
    /// Whoever waits looks, but not all of them one after the other: when it was, and whether connections were cut.
    looked_at: Mutex<Option<(Instant, bool)>>,
}

/// What has been read for one response and not yet been taken, and what was taken and not yet sent.
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
    /// When the pieces were handed over that the connection still holds, in order.
    handed_over: VecDeque<Instant>,
}

/// The memory of one response, which others may want back. It is held until the last piece has been sent.
pub(super) struct ResponseMemory {
    buffer: Mutex<Buffer>,
    revocation: Revocation,
    memory: Arc<ReadMemory>,
    number: u64,
}

/// A piece that a connection holds until it has sent it.
struct HandedOver {
    bytes: Bytes,
    response: Arc<ResponseMemory>,
}

impl AsRef<[u8]> for HandedOver {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for HandedOver {
    fn drop(&mut self) {
        self.response.lock().handed_over.pop_front();
    }
}

impl ResponseMemory {
    pub(super) fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How its connection is ended.
    pub(super) fn revocation(&self) -> &Revocation {
        &self.revocation
    }

    /// The next piece, with which some of the memory goes to the connection.
    pub(super) fn hand_over(self: &Arc<Self>, buffer: &mut Buffer) -> Option<Bytes> {
        let bytes = buffer.ready.pop_front()?;
        buffer.handed_over.push_back(Instant::now());
        Some(Bytes::from_owner(HandedOver { bytes, response: Arc::clone(self) }))
    }

    /// Nothing more is taken: what is left is what the connection holds.
    pub(super) fn abandon(&self) {
        let _unread = self.lock().abandon();
    }
}

impl Drop for ResponseMemory {
    fn drop(&mut self) {
        self.memory.responses.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl ReadMemory {
    /// With this many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let budget = ByteBudget::new(bytes);
        Self { budget, responses: Mutex::default(), next: AtomicU64::default(), looked_at: Mutex::default() }
    }

    /// Takes `bytes` now, or nothing.
    pub(crate) fn try_take(&self, bytes: u64) -> Option<Reservation> {
        self.budget.try_take(bytes)
    }

    /// Takes `bytes` for a peer, waiting for them in order; meanwhile idle clients lose what has been read for them, and then their connections.
    ///
    /// # Errors
    /// `Unavailable` when they do not come free in time, or the peer waits for all there is already.
    pub(super) async fn take(&self, bytes: u64, peer: Option<Peer>) -> Result<Reservation, ObjectsError> {
        let budget = self.budget.of(peer);
        let (taken, began) = (budget.take(bytes), Instant::now());
        tokio::pin!(taken);
        loop {
            tokio::select! {
                biased;
                reservation = &mut taken => return reservation,
                () = tokio::time::sleep(LOOK) => {
                    let now = Instant::now();
                    self.look(now, now.duration_since(began) >= PATIENCE);
                }
            }
        }
    }

    /// Keeps the memory of a response where it can be wanted back.
    pub(super) fn register(
        self: &Arc<Self>,
        ready: Vec<Bytes>,
        rest: Option<Reads>,
        reservation: Reservation,
    ) -> Arc<ResponseMemory> {
        let buffer = Buffer {
            ready: ready.into(),
            rest,
            reservation: Some(reservation),
            taken_at: Instant::now(),
            awaited: false,
            given_up: false,
            handed_over: VecDeque::new(),
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (buffer, revocation, memory) = (Mutex::new(buffer), Revocation::default(), Arc::clone(self));
        let response = Arc::new(ResponseMemory { buffer, revocation, memory, number });
        let mut responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        responses.insert(number, Arc::downgrade(&response));
        response
    }

    /// Wants memory back from those who do not use it; `revokes` also what their connections hold.
    fn look(&self, now: Instant, revokes: bool) {
        {
            let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
            if looked_at.is_some_and(|(at, revoked)| now.duration_since(at) < LOOK / 2 && revoked >= revokes) {
                return;
            }
            *looked_at = Some((now, revokes));
        }
        let responses: Vec<_> = {
            let responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
            responses.values().filter_map(Weak::upgrade).collect()
        };
        let mut slow = Vec::new();
        for response in &responses {
            // What was read is dropped when the lock is released.
            let _given_up = response.lock().give_up(now);
            if !revokes {
                continue;
            }
            let held_since = response.lock().handed_over.front().copied();
            slow.extend(
                held_since.filter(|since| now.duration_since(*since) >= SENT_WITHIN).map(|since| (since, response)),
            );
        }
        slow.sort_unstable_by_key(|(since, _)| *since);
        slow.iter().take(REVOKED_MAX).for_each(|(_, response)| response.revocation.revoke());
    }
}

impl Buffer {
    /// Gives up what an idle client does not take.
    fn give_up(&mut self, now: Instant) -> Option<(VecDeque<Bytes>, Option<Reads>)> {
        if self.awaited || self.given_up || now.duration_since(self.taken_at) < IDLE {
            return None;
        }
        self.given_up = self.rest.is_some() || !self.ready.is_empty();
        Some(self.abandon())
    }

    fn abandon(&mut self) -> (VecDeque<Bytes>, Option<Reads>) {
        if let Some(reservation) = &mut self.reservation {
            reservation.shrink(HANDED_OVER_BYTES);
        }
        (std::mem::take(&mut self.ready), self.rest.take())
    }
}
