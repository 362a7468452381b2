//! What a simulation puts in place of SQLite's threads, its clock and the lock of its file. Without tests there is none of it.
//!
//! The simulation runs on one thread, which says by [`enter`] for which gateway it is about to run tasks. Whatever of this module is called on
//! another thread, or outside a simulation, behaves as in production.

#[cfg(not(test))]
pub(crate) use in_production::*;
#[cfg(test)]
pub(crate) use in_tests::*;

#[cfg(not(test))]
mod in_production {
    use std::borrow::Cow;
    use std::future::{Ready, ready};

    use sqlx::pool::PoolConnection;
    use sqlx::{Sqlite, SqlitePool};

    use crate::metadata::error::Result;

    /// Whether two gateways share a file of SQLite: never.
    pub(crate) const fn is_shared() -> bool {
        false
    }

    /// Whether caches know of that.
    pub(crate) const fn is_known_to_be_shared() -> bool {
        false
    }

    /// Where a simulation may hold up or fail what is under way.
    pub(crate) fn pass(_point: &'static str) -> Ready<Result<()>> {
        ready(Ok(()))
    }

    /// Work that a thread of SQLite's does.
    pub(crate) fn settle<F: Future>(work: F) -> F {
        work
    }

    /// A connection of the pool.
    pub(crate) async fn acquire(pool: &SqlitePool) -> sqlx::Result<PoolConnection<Sqlite>> {
        pool.acquire().await
    }

    /// The text with the database's own clock.
    pub(crate) fn with_its_time(text: Cow<'static, str>) -> Cow<'static, str> {
        text
    }

    /// What follows the name of the database file in that of its lock.
    pub(crate) fn lock_name() -> String {
        ".lock".to_owned()
    }
}

#[cfg(test)]
mod in_tests {
    use std::borrow::Cow;
    use std::cell::RefCell;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::task::{Context, Poll, Wake, Waker};
    use std::thread::Thread;

    use futures::future::BoxFuture;
    use sqlx::pool::PoolConnection;
    use sqlx::{Sqlite, SqlitePool};

    use crate::metadata::engine::dialect::Dialect;
    use crate::metadata::error::{MetadataError, Result};

    /// Waits until the schedule goes on at a point; whether it fails there.
    pub(crate) type Gate = Arc<dyn Fn(&'static str) -> BoxFuture<'static, bool> + Send + Sync>;

    /// What stands for the world while a gateway is simulated.
    #[derive(Clone)]
    pub(crate) struct Simulated {
        /// The gateway's name.
        pub(crate) gateway: &'static str,
        /// The database's clock, in microseconds since the Unix epoch.
        pub(crate) clock: Arc<AtomicI64>,
        /// Where what is under way is held up.
        pub(crate) gate: Gate,
        /// A defect, for a test of the simulation: it caches versions as if nobody else changed them.
        pub(crate) caches_as_if_alone: bool,
    }

    thread_local! {
        static CURRENT: RefCell<Option<Simulated>> = const { RefCell::new(None) };
    }

    /// From now on this thread runs tasks of this gateway, or of none.
    pub(crate) fn enter(gateway: Option<Simulated>) {
        CURRENT.set(gateway);
    }

    fn current() -> Option<Simulated> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Whether two gateways share a file of SQLite: in a simulation.
    pub(crate) fn is_shared() -> bool {
        CURRENT.with_borrow(Option::is_some)
    }

    /// Whether caches know of that.
    pub(crate) fn is_known_to_be_shared() -> bool {
        CURRENT.with_borrow(|current| current.as_ref().is_some_and(|simulated| !simulated.caches_as_if_alone))
    }

    /// Where a simulation may hold up or fail what is under way.
    pub(crate) async fn pass(point: &'static str) -> Result<()> {
        let Some(simulated) = current() else { return Ok(()) };
        let fails = (simulated.gate)(point).await;
        if fails { Err(MetadataError::Unavailable(format!("the schedule wants it at {point}"))) } else { Ok(()) }
    }

    /// Work that a thread of SQLite's does. A simulation waits for it in place, so that no other task runs meanwhile and no time passes.
    pub(crate) async fn settle<F: Future>(work: F) -> F::Output {
        if !is_shared() {
            return work.await;
        }
        // No other task can run meanwhile, so tokio must not make it yield.
        let mut work = pin!(tokio::task::unconstrained(work));
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match work.as_mut().poll(&mut context) {
                Poll::Ready(done) => return done,
                Poll::Pending => std::thread::park(),
            }
        }
    }

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// A connection of the pool. Where one has to be opened, a simulation waits for it in place.
    pub(crate) async fn acquire(pool: &SqlitePool) -> sqlx::Result<PoolConnection<Sqlite>> {
        let used = usize::try_from(pool.size()).unwrap_or_default().saturating_sub(pool.num_idle());
        let may_open = used < usize::try_from(pool.options().get_max_connections()).unwrap_or_default();
        if may_open { settle(pool.acquire()).await } else { pool.acquire().await }
    }

    /// The text with the simulation's time for that of the database's clock.
    pub(crate) fn with_its_time(text: Cow<'static, str>) -> Cow<'static, str> {
        let now = Dialect::Sqlite.now();
        match current() {
            Some(simulated) if text.contains(now) => {
                text.replace(now, &simulated.clock.load(Ordering::SeqCst).to_string()).into()
            }
            _ => text,
        }
    }

    /// What follows the name of the database file in that of its lock: each simulated gateway has a lock of its own.
    pub(crate) fn lock_name() -> String {
        current().map_or_else(|| ".lock".to_owned(), |simulated| format!(".lock-{}", simulated.gateway))
    }
}
