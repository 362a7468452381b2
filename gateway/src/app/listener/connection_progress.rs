//! Progress of one connection, and the decision whether it timed out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::AtomicWaker;

use crate::app::listener::lingering::{LingerPlace, Lingering};
use crate::app::listener::sweep_clock::SweepClock;
use crate::app::listener::timeouts::Timeouts;

/// A connection that was asked to finish is aborted after this long.
const FINISH_MS: u64 = 5_000;

/// What the bytes of a connection reveal about its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// HTTP/1.1: what comes after a request is the next one's head, so it can rest between the two.
    Http1,
    /// HTTP/2: frames arrive at any time and mean no request head.
    Http2,
}

// Phases.
const NEW: u8 = 0;
const HEAD: u8 = 1;
const BUSY: u8 = 2;
const IDLE: u8 = 3;
const LINGER: u8 = 4;

/// A command of the monitor to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Idle for a while: free the buffers.
    Rest,
    /// Take no further request, answer those under way, close.
    Finish,
    /// Close now.
    Cut,
}

// Orders, as stored.
const NONE: u8 = 0;
const REST: u8 = 1;
const FINISH: u8 = 2;
const CUT: u8 = 3;

/// Progress of one connection. Marks are relaxed: a mark that the sweep sees one round late costs a quarter of a second.
#[derive(Debug)]
pub(super) struct ConnectionProgress {
    clock: Arc<SweepClock>,
    kind: Kind,
    phase: AtomicU8,
    /// When the phase began.
    since_ms: AtomicU64,
    /// Requests under way; more than one only on HTTP/2.
    active: AtomicU32,
    /// Response bytes were handed over and nobody has come back for more.
    reply_waits: AtomicBool,
    /// When the client last took bytes; while it lingers, when it last sent some.
    written_ms: AtomicU64,
    /// Everything that was written has left the buffers of this process.
    flushed: AtomicBool,
    /// A request was answered before its body had been read.
    body_left: AtomicBool,
    /// A request's body has not been read to its end, whoever has it.
    body_unread: AtomicBool,
    /// Where it gets a place to linger.
    lingering: Lingering,
    order: AtomicU8,
    ordered_ms: AtomicU64,
    waker: AtomicWaker,
}

impl ConnectionProgress {
    /// The progress of a connection that begins; a place in `lingering` lets it linger.
    pub(super) fn new(clock: Arc<SweepClock>, kind: Kind, lingering: Lingering) -> Self {
        let now = clock.now_ms();
        Self {
            clock,
            kind,
            phase: AtomicU8::new(NEW),
            since_ms: AtomicU64::new(now),
            active: AtomicU32::new(0),
            reply_waits: AtomicBool::new(false),
            written_ms: AtomicU64::new(now),
            flushed: AtomicBool::new(true),
            body_left: AtomicBool::new(false),
            body_unread: AtomicBool::new(false),
            lingering,
            order: AtomicU8::new(NONE),
            ordered_ms: AtomicU64::new(0),
            waker: AtomicWaker::new(),
        }
    }

    /// Bytes came from the client.
    pub(super) fn received(&self) {
        let phase = self.phase.load(Ordering::Relaxed);
        if (phase == NEW || phase == IDLE) && self.kind != Kind::Http2 {
            self.enter_phase(HEAD);
        }
    }

    /// A request has a body: until it ends, what comes is no request's head.
    pub(super) fn body_began(&self) {
        self.body_unread.store(true, Ordering::Relaxed);
    }

    /// A request's body was read to its end.
    pub(super) fn body_ended(&self) {
        self.body_unread.store(false, Ordering::Relaxed);
    }

    /// A request's body is dropped before its end.
    pub(super) fn body_left(&self) {
        self.body_left.store(true, Ordering::Relaxed);
    }

    /// The writing side is closed. Answers a place to linger, if the client may still be sending and one is free.
    pub(super) fn begin_linger(&self) -> Option<LingerPlace> {
        let place = self.body_left.load(Ordering::Relaxed).then(|| self.lingering.take()).flatten()?;
        self.written_ms.store(self.clock.now_ms(), Ordering::Relaxed);
        self.enter_phase(LINGER);
        Some(place)
    }

    /// Bytes came that nobody wants any more.
    pub(super) fn discarded(&self) {
        self.written_ms.store(self.clock.now_ms(), Ordering::Relaxed);
    }

    /// The client took bytes.
    pub(super) fn sent(&self) {
        self.written_ms.store(self.clock.now_ms(), Ordering::Relaxed);
        self.flushed.store(false, Ordering::Relaxed);
    }

    /// There is nothing left to send.
    pub(super) fn flushed(&self) {
        self.flushed.store(true, Ordering::Relaxed);
    }

    /// Whether nothing is under way in either direction. Certain only in the connection's own task.
    pub(super) fn rests(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == IDLE
            && self.flushed.load(Ordering::Relaxed)
            && !self.body_unread.load(Ordering::Relaxed)
    }

    /// Cancels a command to rest.
    pub(super) fn wake(&self) {
        // Any other order stays.
        let _ = self.order.compare_exchange(REST, NONE, Ordering::AcqRel, Ordering::Acquire);
    }

    /// A request's head is complete.
    pub(super) fn request_began(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
        self.phase.store(BUSY, Ordering::Relaxed);
    }

    /// A response has been handed over to its last byte, or given up.
    pub(super) fn request_ended(&self) {
        if self.active.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.reply_waits.store(false, Ordering::Relaxed);
            self.enter_phase(IDLE);
        }
    }

    /// Response bytes were written; waiting for the client to take them.
    pub(super) fn reply_handed_over(&self) {
        self.written_ms.store(self.clock.now_ms(), Ordering::Relaxed);
        self.reply_waits.store(true, Ordering::Relaxed);
    }

    /// The connection asks for more of the response: waiting for the handler.
    pub(super) fn reply_asked(&self) {
        self.reply_waits.store(false, Ordering::Relaxed);
    }

    fn enter_phase(&self, phase: u8) {
        self.since_ms.store(self.clock.now_ms(), Ordering::Relaxed);
        self.phase.store(phase, Ordering::Relaxed);
    }

    /// Orders the connection to finish.
    pub(super) fn finish(&self) {
        self.give(FINISH);
    }

    /// Orders the connection to close at once.
    pub(super) fn cut(&self) {
        self.give(CUT);
    }

    fn give(&self, order: u8) {
        if self.order.fetch_max(order, Ordering::AcqRel) < order {
            self.ordered_ms.store(self.clock.now_ms(), Ordering::Relaxed);
            self.waker.wake();
        }
    }

    /// Ready when there is a command.
    pub(super) fn poll_order(&self, context: &Context<'_>) -> Poll<Order> {
        self.waker.register(context.waker());
        match self.order.load(Ordering::Acquire) {
            NONE => Poll::Pending,
            REST => Poll::Ready(Order::Rest),
            FINISH => Poll::Ready(Order::Finish),
            _ => Poll::Ready(Order::Cut),
        }
    }

    /// Decides whether the connection exceeded one of its timeouts.
    pub(super) fn check_progress(&self, now: u64, timeouts: &Timeouts) {
        let over = |since: u64, limit: Duration| u128::from(now.saturating_sub(since)) > limit.as_millis();
        let since = self.since_ms.load(Ordering::Relaxed);
        let written = self.written_ms.load(Ordering::Relaxed);
        match self.phase.load(Ordering::Relaxed) {
            NEW if over(since, timeouts.first_byte) => self.cut(),
            HEAD if over(since, timeouts.header) => self.cut(),
            LINGER if over(written, timeouts.linger_pause) || over(since, timeouts.linger) => self.cut(),
            IDLE if over(since.max(written), timeouts.idle) => self.finish(),
            IDLE if self.kind == Kind::Http1 && self.rests() && over(since, timeouts.rest) => self.give(REST),
            BUSY if self.reply_waits.load(Ordering::Relaxed) && over(written, timeouts.write) => self.cut(),
            _ => {}
        }
        let finishing = self.order.load(Ordering::Relaxed) == FINISH && self.active.load(Ordering::Relaxed) == 0;
        let begun = self.ordered_ms.load(Ordering::Relaxed).max(since).max(written);
        if finishing && over(begun, Duration::from_millis(FINISH_MS)) {
            self.cut();
        }
    }
}
