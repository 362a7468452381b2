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

    /// A connection in use.
    pub(crate) type Lease = PoolConnection<Sqlite>;

    /// A connection of the pool.
    pub(crate) async fn acquire(pool: &SqlitePool) -> sqlx::Result<Lease> {
        pool.acquire().await
    }

    /// Waits for what was given back to a pool a moment ago.
    pub(crate) fn given_back(_pool: &SqlitePool) -> Ready<()> {
        ready(())
    }

    /// How many connections that read there may be.
    pub(crate) const fn readers(usually: u32) -> u32 {
        usually
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
    use std::ops::{Deref, DerefMut};
    use std::pin::pin;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::sync::{Arc, Condvar, Mutex, PoisonError};
    use std::task::{Context, Poll, Wake, Waker};

    use futures::future::BoxFuture;
    use sqlx::pool::PoolConnection;
    use sqlx::{Sqlite, SqliteConnection, SqlitePool};

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

    /// Connections of a simulated gateway that read, at most.
    const READERS: u32 = 256;

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
        if is_shared() { wait_for(work) } else { work.await }
    }

    /// Waits on this thread.
    fn wait_for<F: Future>(work: F) -> F::Output {
        // No other task can run meanwhile, so tokio must not make it yield.
        let mut work = pin!(tokio::task::unconstrained(work));
        let signal = Arc::new(Signal::default());
        let waker = Waker::from(Arc::clone(&signal));
        let mut context = Context::from_waker(&waker);
        loop {
            match work.as_mut().poll(&mut context) {
                Poll::Ready(done) => return done,
                Poll::Pending => signal.wait(),
            }
        }
    }

    /// Raised by another thread. Not that of parked threads, which others may use on this one.
    #[derive(Default)]
    struct Signal {
        is_raised: Mutex<bool>,
        raised: Condvar,
    }

    impl Signal {
        fn wait(&self) {
            let guard = self.is_raised.lock().unwrap_or_else(PoisonError::into_inner);
            let guard = self.raised.wait_while(guard, |is_raised| !*is_raised);
            *guard.unwrap_or_else(PoisonError::into_inner) = false;
        }
    }

    impl Wake for Signal {
        fn wake(self: Arc<Self>) {
            *self.is_raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.raised.notify_one();
        }
    }

    /// A connection in use. A simulation gives it back in place, rolled back, where a task would do so in its own time.
    pub(crate) struct Lease {
        connection: Option<PoolConnection<Sqlite>>,
        closes: bool,
    }

    impl Lease {
        /// It is not used again.
        pub(crate) fn close_on_drop(&mut self) {
            self.closes = true;
        }
    }

    impl Deref for Lease {
        type Target = SqliteConnection;

        fn deref(&self) -> &SqliteConnection {
            self.connection.as_ref().expect("it is there until it is dropped")
        }
    }

    impl DerefMut for Lease {
        fn deref_mut(&mut self) -> &mut SqliteConnection {
            self.connection.as_mut().expect("it is there until it is dropped")
        }
    }

    impl Drop for Lease {
        fn drop(&mut self) {
            let Some(mut connection) = self.connection.take() else { return };
            match (is_shared(), self.closes) {
                (true, true) => drop(wait_for(connection.close())),
                (true, false) => wait_for(connection.return_to_pool()),
                (false, true) => connection.close_on_drop(),
                (false, false) => {}
            }
        }
    }

    /// A connection of the pool. Where one has to be opened, a simulation waits for it in place.
    pub(crate) async fn acquire(pool: &SqlitePool) -> sqlx::Result<Lease> {
        let connection = match is_shared().then(|| pool.try_acquire()).flatten() {
            Some(connection) => connection,
            None if is_shared() && pool.size() < pool.options().get_max_connections() => settle(pool.acquire()).await?,
            None => pool.acquire().await?,
        };
        Ok(Lease { connection: Some(connection), closes: false })
    }

    /// Waits for what was given back to a pool a moment ago, in real time: a thread of SQLite's is asked first whether the connection is sound.
    pub(crate) async fn given_back(pool: &SqlitePool) {
        while is_shared() && pool.num_idle() < usize::try_from(pool.size()).unwrap_or_default() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// How many connections that read there may be: so many that nobody waits for one.
    pub(crate) fn readers(usually: u32) -> u32 {
        if is_shared() { READERS } else { usually }
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
