//! The pool of connections to the server that takes writes, which changes when a standby takes the primary's place.
//!
//! Each server has a pool of its own. Whoever waits too long for a connection or a reply asks all servers which of them takes writes; if it
//! is another one, or the same one started again, a new pool takes the place of the old one, and those who wait there for a reply give up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, PgConnection, PgPool};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::metadata::engine::postgres::link::Link;
use crate::metadata::engine::postgres::servers::{Opened, Primary, Servers, takes_writes};
use crate::metadata::engine::postgres::session::{PostgresSession, no_reply};

/// Connections of one gateway.
const CONNECTIONS: u32 = 16;
const ACQUIRE_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection or a reply is waited for before anybody asks whether the server is still the right one.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two times that all servers are asked.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// The pool. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PostgresPool(Arc<Following>);

struct Following {
    servers: Servers,
    serving: watch::Sender<Serving>,
    /// When all servers were asked last.
    asked: Mutex<Option<Instant>>,
}

/// The server that takes writes, as far as is known.
#[derive(Clone)]
struct Serving {
    primary: Primary,
    link: Link,
    pool: PgPool,
}

/// What somebody who waits for a reply keeps an eye on.
pub(super) struct Watch {
    pool: PostgresPool,
    moved: watch::Receiver<Serving>,
}

impl PostgresPool {
    /// The pool of the server that was found, among those that might take its place.
    pub(super) fn new(servers: Servers, primary: Primary, options: PgConnectOptions, link: Link) -> Self {
        let pool = pool(options, servers.are_several());
        Self(Arc::new(Following {
            servers,
            serving: watch::Sender::new(Serving { primary, link, pool }),
            asked: Mutex::default(),
        }))
    }

    /// A connection to the server that takes writes.
    pub(crate) async fn acquire(&self) -> Result<PostgresSession, sqlx::Error> {
        let deadline = Instant::now() + ACQUIRE_WITHIN;
        let mut moved = self.0.serving.subscribe();
        loop {
            let Serving { link, pool, .. } = moved.borrow_and_update().clone();
            let acquired = if self.0.servers.are_several() {
                tokio::select! {
                    acquired = pool.acquire() => acquired,
                    _ = moved.changed() => continue,
                    () = self.look_around_after(PATIENCE) => continue, // never: it goes on looking
                }
            } else {
                pool.acquire().await
            };
            match acquired {
                Ok(connection) => {
                    return Ok(PostgresSession::new(connection, link, Watch { pool: self.clone(), moved }));
                }
                Err(error) if !self.0.servers.are_several() || pool.is_closed() && !self.has_moved(&moved) => {
                    return Err(error);
                }
                Err(error) if Instant::now() >= deadline => return Err(error),
                // The server is going or gone.
                Err(_) => self.look_around().await,
            }
        }
    }

    fn has_moved(&self, since: &watch::Receiver<Serving>) -> bool {
        since.has_changed().unwrap_or(false)
    }

    /// Looks around again and again, and does not end.
    async fn look_around_after(&self, patience: Duration) {
        sleep(patience).await;
        loop {
            self.look_around().await;
        }
    }

    /// Asks all servers which of them takes writes, and goes there.
    async fn look_around(&self) {
        let mut asked = self.0.asked.lock().await;
        if let Some(last) = *asked {
            tokio::time::sleep_until(last + ASK_EVERY).await;
        }
        let found = self.0.servers.find().await;
        *asked = Some(Instant::now());
        match found {
            Ok(opened) if opened.primary != self.0.serving.borrow().primary => self.go_to(opened),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "no database server takes writes"),
        }
    }

    fn go_to(&self, opened: Opened) {
        let Opened { primary, options, link, .. } = opened;
        tracing::warn!(server = %primary, "another database server takes writes now; following it");
        let pool = pool(options, true);
        let before = self.0.serving.send_replace(Serving { primary, link, pool });
        tokio::spawn(async move { before.pool.close().await });
    }

    /// Closes all connections, waiting for those in use.
    pub(crate) async fn close(&self) {
        let pool = self.0.serving.borrow().pool.clone();
        pool.close().await;
    }
}

impl fmt::Debug for PostgresPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PostgresPool").field(&self.0.serving.borrow().primary).finish()
    }
}

impl Watch {
    /// Waits for a reply, at most so long, and not when another server has taken the place of the one that it would come from. Without
    /// a reply the connection is of no use any more.
    pub(super) async fn answered<T>(
        &mut self,
        limit: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let mut work = std::pin::pin!(work);
        if !self.pool.0.servers.are_several() {
            return timeout(limit, work).await.unwrap_or_else(|_| Err(no_reply()));
        }
        if let Ok(answer) = timeout(PATIENCE, &mut work).await {
            return answer;
        }
        tokio::select! {
            answer = &mut work => answer,
            _ = self.moved.changed() => Err(no_reply()),
            () = self.pool.look_around_after(Duration::ZERO) => Err(no_reply()),
            () = sleep(limit) => Err(no_reply()),
        }
    }
}

/// A pool for one server. Its release hook ends whatever transaction a dropped future has left open: without it the next borrower's
/// writes would be part of that transaction, acknowledged and then lost.
fn pool(options: PgConnectOptions, may_become_a_standby: bool) -> PgPool {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .test_before_acquire(false)
        .idle_timeout(Duration::from_secs(300))
        .max_lifetime(Duration::from_secs(1_800))
        .acquire_timeout(ACQUIRE_WITHIN)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if may_become_a_standby && !takes_writes(connection).await? {
                    return Err(sqlx::Error::Configuration("the database server takes no writes: a standby".into()));
                }
                Ok(())
            })
        })
        .after_release(|connection, _| Box::pin(async move { Ok(roll_back(connection).await) }))
        .connect_lazy_with(options)
}

/// Answers whether the connection may be used again. A transaction is begun to end it, because the server logs a warning of every
/// ROLLBACK that has nothing to roll back; a transaction that failed takes no BEGIN, only the ROLLBACK.
async fn roll_back(connection: &mut PgConnection) -> bool {
    let end = async {
        match connection.execute("BEGIN; ROLLBACK").await {
            Err(sqlx::Error::Database(_)) => connection.execute("ROLLBACK").await,
            done => done,
        }
    };
    matches!(timeout(Duration::from_secs(5), end).await, Ok(Ok(_)))
}
