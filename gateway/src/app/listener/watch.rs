//! The watch: who is connected, since when nothing moved, and what is done about it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::body::BodyWatch;
use super::connection_watch::ConnectionWatch;
use crate::config::LimitsConfig;
use crate::s3::{Peer, PeerCounts, PeerPlace};

/// How long a slow body is observed before it is judged, so that a pause alone does not end it.
const BODY_WINDOW: Duration = Duration::from_secs(20);
/// How long a connection keeps its buffers for the next request.
const REST: Duration = Duration::from_secs(1);
/// How often the watch looks.
const SWEEP: Duration = Duration::from_millis(250);

/// What the watch tolerates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
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
    /// A new connection may stay silent this long.
    pub first_byte: Duration,
    /// A request's head may take this long from its first byte on.
    pub header: Duration,
    /// A TLS handshake may take this long.
    pub handshake: Duration,
    /// A connection may rest this long between requests.
    pub idle: Duration,
    /// After this long between requests a connection gives its buffers back.
    pub rest: Duration,
    /// A client may leave a response untouched this long.
    pub write: Duration,
    /// The least average of body bytes a second while they are waited for.
    pub body_rate_min: u64,
    /// The time over which that average is taken.
    pub body_window: Duration,
    /// Time between two looks.
    pub sweep: Duration,
}

impl From<&LimitsConfig> for Patience {
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

impl Patience {
    /// Whose share an address takes from; nobody's, if it has none.
    fn peer(&self, address: Option<IpAddr>) -> Option<Peer> {
        address
            .and_then(|address| if self.loopback_is_a_peer { Some(Peer::of(address)) } else { Peer::sharing(address) })
    }
}

/// Shared by all listeners of the process.
#[derive(Debug)]
pub struct Watch {
    started: Instant,
    /// Milliseconds since `started`, as of the last sweep: good enough for timeouts, and no clock is read per event.
    now_ms: AtomicU64,
    patience: ArcSwap<Patience>,
    open: AtomicUsize,
    active: AtomicUsize,
    open_by_peer: Arc<PeerCounts>,
    active_by_peer: Arc<PeerCounts>,
    closing: AtomicBool,
    connections: Mutex<Vec<Weak<ConnectionWatch>>>,
    bodies: Mutex<Vec<Weak<BodyWatch>>>,
}

impl Watch {
    /// A watch over nothing yet. [`sweep_for_ever`](Self::sweep_for_ever) must run beside it.
    #[must_use]
    pub fn new(patience: Patience) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            now_ms: AtomicU64::new(0),
            patience: ArcSwap::from_pointee(patience),
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
    pub fn patience(&self) -> Patience {
        **self.patience.load()
    }

    /// Other bounds from now on, for connections that are already open too.
    pub fn set_patience(&self, patience: Patience) {
        self.patience.store(Arc::new(patience));
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
        self.each_connection(ConnectionWatch::finish);
    }

    /// Cuts every connection that is still open.
    pub fn cut(&self) {
        self.each_connection(ConnectionWatch::cut);
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Looks again and again; never returns.
    pub async fn sweep_for_ever(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.patience().sweep).await;
            let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.now_ms.store(now, Ordering::Relaxed);
            self.look(now);
        }
    }

    fn look(&self, now: u64) {
        let mut patience = self.patience();
        if self.open() > patience.connections / 4 * 3 {
            // Nearly full: those that rest make room for those that want something.
            patience.idle = patience.idle.min((patience.idle / 8).max(Duration::from_secs(1)));
        }
        self.each_connection(|connection| connection.judge(now, &patience));
        retain_alive(&self.bodies, |body| body.judge(now, &patience));
    }

    /// Milliseconds since the watch began, as of the last look.
    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Takes a place for a connection from an address, or says there is none for it.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let patience = self.patience();
        let share = self.open_by_peer.take(patience.peer(address), patience.connections_per_peer)?;
        let place = Place::take(self, share, |watch| &watch.open);
        (self.open() <= patience.connections).then_some(place)
    }

    /// Takes a place for a request from an address, or says there is none for it.
    pub(super) fn admit_request(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let patience = self.patience();
        let share = self.active_by_peer.take(patience.peer(address), patience.requests_per_peer)?;
        let place = Place::take(self, share, |watch| &watch.active);
        (self.active() <= patience.requests).then_some(place)
    }

    pub(super) fn add_connection(&self, connection: &Arc<ConnectionWatch>) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(connection));
        if self.is_closing() {
            connection.finish();
        }
    }

    pub(super) fn add_body(&self, body: &Arc<BodyWatch>) {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(body));
    }

    fn each_connection(&self, act: impl Fn(&ConnectionWatch)) {
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

/// A place among the connections or the requests; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    watch: Arc<Watch>,
    count: fn(&Watch) -> &AtomicUsize,
    _share: PeerPlace,
}

impl Place {
    fn take(watch: &Arc<Watch>, share: PeerPlace, count: fn(&Watch) -> &AtomicUsize) -> Self {
        count(watch).fetch_add(1, Ordering::Relaxed);
        Self { watch: Arc::clone(watch), count, _share: share }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        (self.count)(&self.watch).fetch_sub(1, Ordering::Relaxed);
    }
}
