//! The connection monitor: open connections and requests, their timeouts, and the sweep that enforces them.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::app::listener::body::BodyProgress;
use crate::app::listener::connection_progress::ConnectionProgress;
use crate::config::LimitsConfig;
use crate::s3::{Peer, PeerCounts, PeerPlace};

/// How long a slow body is observed before it times out, so that a pause alone does not end it.
const BODY_WINDOW: Duration = Duration::from_secs(20);
/// How long a connection keeps its buffers for the next request.
const REST: Duration = Duration::from_secs(1);
/// Time between two sweeps.
const SWEEP: Duration = Duration::from_millis(250);

/// Limits and timeouts of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Connections at once.
    pub connections: usize,
    /// Requests at once.
    pub requests: usize,
    /// Connections at once of one peer.
    pub connections_per_peer: usize,
    /// Requests at once of one peer.
    pub requests_per_peer: usize,
    /// Whether the machine itself is a peer like others: for tests, which come from nowhere else.
    pub loopback_is_a_peer: bool,
    /// Time to the first byte of a new connection.
    pub first_byte: Duration,
    /// A request's head may take this long from its first byte on.
    pub header: Duration,
    /// A TLS handshake may take this long.
    pub handshake: Duration,
    /// Time a connection may be idle between requests.
    pub idle: Duration,
    /// After this long between requests a connection gives its buffers back.
    pub rest: Duration,
    /// A client may leave a response untouched this long.
    pub write: Duration,
    /// The least average of body bytes a second while they are waited for.
    pub body_rate_min: u64,
    /// The time over which that average is taken.
    pub body_window: Duration,
    /// Time between two sweeps.
    pub sweep: Duration,
}

impl From<&LimitsConfig> for Timeouts {
    fn from(limits: &LimitsConfig) -> Self {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Self {
            connections: limits.connections,
            requests: limits.requests,
            connections_per_peer: limits.connections_per_peer,
            requests_per_peer: limits.requests_per_peer,
            loopback_is_a_peer: false,
            first_byte: seconds(limits.first_byte_seconds),
            header: seconds(limits.header_seconds),
            handshake: seconds(limits.handshake_seconds),
            idle: seconds(limits.idle_seconds),
            rest: REST,
            write: seconds(limits.write_seconds),
            body_rate_min: limits.body_rate_min,
            body_window: BODY_WINDOW,
            sweep: SWEEP,
        }
    }
}

impl Timeouts {
    /// Whose share an address takes from; nobody's, if it has none.
    fn peer(&self, address: Option<IpAddr>) -> Option<Peer> {
        address
            .and_then(|address| if self.loopback_is_a_peer { Some(Peer::of(address)) } else { Peer::sharing(address) })
    }
}

/// Shared by all listeners of the process.
#[derive(Debug)]
pub struct ConnectionMonitor {
    started: Instant,
    /// Milliseconds since `started`, as of the last sweep: good enough for timeouts, and no clock is read per event.
    now_ms: AtomicU64,
    timeouts: ArcSwap<Timeouts>,
    open: AtomicUsize,
    active: AtomicUsize,
    open_by_peer: Arc<PeerCounts>,
    active_by_peer: Arc<PeerCounts>,
    closing: AtomicBool,
    connections: Mutex<Vec<Weak<ConnectionProgress>>>,
    bodies: Mutex<Vec<Weak<BodyProgress>>>,
}

impl ConnectionMonitor {
    /// A monitor without connections. [`sweep_for_ever`](Self::sweep_for_ever) must run beside it.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            now_ms: AtomicU64::new(0),
            timeouts: ArcSwap::from_pointee(timeouts),
            open: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
            open_by_peer: Arc::default(),
            active_by_peer: Arc::default(),
            closing: AtomicBool::new(false),
            connections: Mutex::default(),
            bodies: Mutex::default(),
        })
    }

    /// The bounds in force.
    pub fn timeouts(&self) -> Timeouts {
        **self.timeouts.load()
    }

    /// Other bounds from now on, for connections that are already open too.
    pub fn set_timeouts(&self, timeouts: Timeouts) {
        self.timeouts.store(Arc::new(timeouts));
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Requests whose response has not ended.
    pub fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// No new requests on any connection; those under way may finish.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.each_connection(ConnectionProgress::finish);
    }

    /// Cuts every connection that is still open.
    pub fn cut(&self) {
        self.each_connection(ConnectionProgress::cut);
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Sweeps periodically; never returns.
    pub async fn sweep_for_ever(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.timeouts().sweep).await;
            let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.now_ms.store(now, Ordering::Relaxed);
            self.look(now);
        }
    }

    fn look(&self, now: u64) {
        let mut timeouts = self.timeouts();
        if self.open() > timeouts.connections / 4 * 3 {
            // Nearly full: idle connections are closed for active ones.
            timeouts.idle = timeouts.idle.min((timeouts.idle / 8).max(Duration::from_secs(1)));
        }
        self.each_connection(|connection| connection.check_progress(now, &timeouts));
        retain_alive(&self.bodies, |body| body.check_progress(now, &timeouts));
    }

    /// Milliseconds since the monitor began, as of the last sweep.
    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Takes a place for a connection from an address, or says there is none for it.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Option<AdmissionPermit> {
        let timeouts = self.timeouts();
        let share = self.open_by_peer.take(timeouts.peer(address), timeouts.connections_per_peer)?;
        let permit = AdmissionPermit::take(self, share, |monitor| &monitor.open);
        (self.open() <= timeouts.connections).then_some(permit)
    }

    /// Takes a place for a request from an address, or says there is none for it.
    pub(super) fn admit_request(self: &Arc<Self>, address: Option<IpAddr>) -> Option<AdmissionPermit> {
        let timeouts = self.timeouts();
        let share = self.active_by_peer.take(timeouts.peer(address), timeouts.requests_per_peer)?;
        let permit = AdmissionPermit::take(self, share, |monitor| &monitor.active);
        (self.active() <= timeouts.requests).then_some(permit)
    }

    pub(super) fn add_connection(&self, connection: &Arc<ConnectionProgress>) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(connection));
        if self.is_closing() {
            connection.finish();
        }
    }

    pub(super) fn add_body(&self, body: &Arc<BodyProgress>) {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(body));
    }

    fn each_connection(&self, act: impl Fn(&ConnectionProgress)) {
        retain_alive(&self.connections, act);
    }
}

fn retain_alive<T>(list: &Mutex<Vec<Weak<T>>>, act: impl Fn(&T)) {
    list.lock().unwrap_or_else(PoisonError::into_inner).retain(|weak| {
        weak.upgrade().is_some_and(|alive| {
            act(&alive);
            true
        })
    });
}

/// Counts one connection or request; dropping it frees the slot.
#[derive(Debug)]
pub(super) struct AdmissionPermit {
    monitor: Arc<ConnectionMonitor>,
    count: fn(&ConnectionMonitor) -> &AtomicUsize,
    _share: PeerPlace,
}

impl AdmissionPermit {
    fn take(monitor: &Arc<ConnectionMonitor>, share: PeerPlace, count: fn(&ConnectionMonitor) -> &AtomicUsize) -> Self {
        count(monitor).fetch_add(1, Ordering::Relaxed);
        Self { monitor: Arc::clone(monitor), count, _share: share }
    }
}

impl Drop for AdmissionPermit {
    fn drop(&mut self) {
        (self.count)(&self.monitor).fetch_sub(1, Ordering::Relaxed);
    }
}
