//! Which server takes writes, and what is done when that is another one than before.
//!
//! Each server has a pool of its own. Whoever waits too long for a connection or a reply asks all servers which of them takes writes; if it
//! is another one, or the same one started again, a new pool takes the place of the old one, and those who wait there for a reply give up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::postgres::link::Link;
use crate::metadata::engine::postgres::servers::{Opened, Primary, Servers, takes_writes};

/// Connections of one gateway.
const CONNECTIONS: u32 = 16;
/// How long a connection is waited for.
pub(super) const ACQUIRE_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection or a reply is waited for before anybody asks whether the server is still the right one.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
/// Between two times that all servers are asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How many of the last commits are looked for on a server that takes over: more than connections, which may be answered in another order
/// than they committed in.
const COMMITS_KNOWN: usize = 2 * CONNECTIONS as usize;
/// How long a commit is looked for on a server that takes over. Its token stays in the database for much longer.
const COMMIT_IS_KNOWN_FOR: Duration = Duration::from_secs(600);

/// The servers, and the one that takes writes.
pub(super) struct Following {
    servers: Servers,
    serving: watch::Sender<Serving>,
    /// When all servers were asked last.
    asked: tokio::sync::Mutex<Option<Instant>>,
    /// The tokens of the last transactions that this gateway knows to be committed, and when that was.
    last_commits: Mutex<VecDeque<([u8; 16], Instant)>>,
    /// A server took over that does not have them.
    lacks_commits: AtomicBool,
}

/// The server that takes writes, as far as is known.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) primary: Primary,
    pub(super) link: Link,
    pub(super) pool: PgPool,
}

/// What somebody who waits for a reply keeps an eye on.
pub(super) struct Watch {
    pub(super) following: Arc<Following>,
    pub(super) moved: watch::Receiver<Serving>,
}

impl Following {
    /// Begins with the server that was found.
    pub(super) fn new(servers: Servers, primary: Primary, options: PgConnectOptions, link: Link) -> Self {
        let pool = pool(options, servers.are_several());
        Self {
            servers,
            serving: watch::Sender::new(Serving { primary, link, pool }),
            asked: tokio::sync::Mutex::default(),
            last_commits: Mutex::default(),
            lacks_commits: AtomicBool::default(),
        }
    }

    /// Whether there is more than one server.
    pub(super) fn are_several(&self) -> bool {
        self.servers.are_several()
    }

    /// The server that takes writes, now and from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<Serving> {
        self.serving.subscribe()
    }

    /// A transaction is known to be committed.
    pub(super) fn note_commit(&self, token: [u8; 16]) {
        if self.are_several() {
            let mut last = self.last_commits.lock().unwrap_or_else(PoisonError::into_inner);
            last.truncate(COMMITS_KNOWN - 1);
            last.push_front((token, Instant::now()));
        }
    }

    /// Whether a server took over that does not have all that was committed.
    pub(super) fn lacks_commits(&self) -> bool {
        self.lacks_commits.load(Ordering::Relaxed)
    }

    /// An operator has decided that it counts all the same.
    pub(super) fn accept_lost_commits(&self) {
        self.lacks_commits.store(false, Ordering::Relaxed);
    }

    /// Looks around again and again, and does not end.
    pub(super) async fn look_around_after(&self, patience: Duration) {
        sleep(patience).await;
        loop {
            self.look_around().await;
        }
    }

    /// Asks all servers which of them takes writes, and goes there.
    pub(super) async fn look_around(&self) {
        let begun = Instant::now();
        let mut asked = self.asked.lock().await;
        if let Some(last) = *asked {
            // Whoever waits for the same answer has it: during a failover all requests do.
            if last > begun {
                return;
            }
            sleep_until(last + ASK_EVERY).await;
        }
        let serving = self.serving.borrow().primary.clone();
        let found = match self.servers.find().await {
            Ok(opened) if opened.primary.was_replaced_before(&serving) => {
                tracing::warn!(server = %opened.primary, "a database server is back that another one replaced, and takes writes: it must be stopped");
                Ok(())
            }
            Ok(opened) if opened.primary != serving => self.go_to(opened).await,
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::debug!(%error, "no database server takes writes");
                Ok(())
            }
        };
        if let Err(error) = found {
            tracing::warn!(%error, "a database server took over and went again");
        }
        *asked = Some(Instant::now());
    }

    async fn go_to(&self, opened: Opened) -> Result<(), sqlx::Error> {
        let Opened { primary, mut connection, options, link } = opened;
        tracing::warn!(server = %primary, "another database server takes writes now; following it");
        // Before anybody writes there.
        if !self.has_last_commits(&mut connection).await? {
            self.lacks_commits.store(true, Ordering::Relaxed);
            tracing::error!(
                server = %primary,
                "the database server that took over lacks commits that were acknowledged: only reads are served"
            );
        }
        let pool = pool(options, true);
        let before = self.serving.send_replace(Serving { primary, link, pool });
        tokio::spawn(async move { before.pool.close().await });
        Ok(())
    }

    /// Commits are lost from the end: who has the last ones has all that this gateway made.
    async fn has_last_commits(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let known = self.last_commits.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = known.iter().filter(|(_, at)| at.elapsed() < COMMIT_IS_KNOWN_FOR);
        let tokens: Vec<_> = known.map(|(token, _)| Dialect::Postgres.bytes_literal(&hex::encode(token))).collect();
        if tokens.is_empty() {
            return Ok(true);
        }
        let text = format!("SELECT token FROM commit_token WHERE token IN ({})", tokens.join(", "));
        let found = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(text))).await?;
        Ok(found.len() == tokens.len())
    }

    /// Closes all connections, waiting for those in use.
    pub(super) async fn close(&self) {
        let pool = self.serving.borrow().pool.clone();
        pool.close().await;
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
        if !self.following.are_several() {
            return timeout(limit, work).await.unwrap_or_else(|_| Err(no_reply()));
        }
        if let Ok(answer) = timeout(PATIENCE, &mut work).await {
            return answer;
        }
        tokio::select! {
            answer = &mut work => answer,
            _ = self.moved.changed() => Err(no_reply()),
            () = self.following.look_around_after(Duration::ZERO) => Err(no_reply()),
            () = sleep(limit) => Err(no_reply()),
        }
    }
}

/// The error of a reply that did not come.
fn no_reply() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no reply from the database"))
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
/// ROLLBACK that has nothing to roll back. The warning of a BEGIN within a transaction is not sent; a transaction that failed takes only the ROLLBACK.
async fn roll_back(connection: &mut PgConnection) -> bool {
    let end = async {
        match connection.execute("SET LOCAL client_min_messages = 'error'; BEGIN; ROLLBACK").await {
            Err(sqlx::Error::Database(_)) => connection.execute("ROLLBACK").await,
            done => done,
        }
    };
    matches!(timeout(Duration::from_secs(5), end).await, Ok(Ok(_)))
}
