//! The connection monitor: open connections and requests, their timeouts, and the sweep that enforces them.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::app::listener::body_progress::BodyProgress;
use crate::app::listener::connection_progress::{ConnectionProgress, Kind};
use crate::app::listener::lingering::LingerPlaces;
use crate::app::listener::sweep_clock::SweepClock;
use crate::app::listener::timeouts::Timeouts;
use crate::s3::{PeerCounts, PeerPlace};

/// Shared by the listeners of S3 and of websites; that of health and metrics has one of its own.
#[derive(Debug)]
pub struct ConnectionMonitor {
    clock: Arc<SweepClock>,
    timeouts: ArcSwap<Timeouts>,
    open: AtomicUsize,
    active: AtomicUsize,
    open_by_peer: Arc<PeerCounts>,
    active_by_peer: Arc<PeerCounts>,
    closing: AtomicBool,
    lingering: LingerPlaces,
    connections: Mutex<Vec<Weak<ConnectionProgress>>>,
    bodies: Mutex<Vec<Weak<BodyProgress>>>,
}

impl ConnectionMonitor {
    /// A monitor without connections. [`sweep_for_ever`](Self::sweep_for_ever) must run beside it.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::new(SweepClock::new()),
            timeouts: ArcSwap::from_pointee(timeouts),
            open: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
            open_by_peer: Arc::default(),
            active_by_peer: Arc::default(),
            closing: AtomicBool::new(false),
            lingering: LingerPlaces::new(),
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
            self.look(self.clock.advance());
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

    /// Registers a connection from an address that has been accepted and has finished its TLS handshake, if any.
    pub(super) fn begin_connection(&self, kind: Kind, address: Option<IpAddr>) -> Arc<ConnectionProgress> {
        let lingering = self.lingering.of(self.timeouts().peer(address));
        let connection = Arc::new(ConnectionProgress::new(Arc::clone(&self.clock), kind, lingering));
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&connection));
        if self.is_closing() {
            connection.finish();
        }
        connection
    }

    /// Registers a body whose reader has to wait for it.
    pub(super) fn begin_body(&self) -> Arc<BodyProgress> {
        let body = Arc::new(BodyProgress::new(self.clock.now_ms()));
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&body));
        body
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
