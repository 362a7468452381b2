//! The pool of connections to the server that takes writes.

use std::fmt;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use crate::metadata::engine::postgres::following::{ACQUIRE_WITHIN, Following, PATIENCE, Serving, Watch};
use crate::metadata::engine::postgres::link::Link;
use crate::metadata::engine::postgres::servers::{Primary, Servers};
use crate::metadata::engine::postgres::session::PostgresSession;

/// The pool. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PostgresPool(Arc<Following>);

impl PostgresPool {
    /// The pool of the server that was found, among those that might take its place.
    pub(super) fn new(servers: Servers, primary: Primary, options: PgConnectOptions, link: Link) -> Self {
        Self(Arc::new(Following::new(servers, primary, options, link)))
    }

    /// A connection to the server that takes writes.
    pub(crate) async fn acquire(&self) -> Result<PostgresSession, sqlx::Error> {
        let following = &self.0;
        let deadline = Instant::now() + ACQUIRE_WITHIN;
        let mut moved = following.subscribe();
        loop {
            let Serving { link, pool, .. } = moved.borrow_and_update().clone();
            let acquired = if following.are_several() {
                tokio::select! {
                    acquired = pool.acquire() => acquired,
                    _ = moved.changed() => continue,
                    () = following.look_around_after(PATIENCE) => continue, // never: it goes on looking
                }
            } else {
                pool.acquire().await
            };
            match acquired {
                Ok(connection) => {
                    let watch = Watch { following: Arc::clone(following), moved };
                    return Ok(PostgresSession::new(connection, link, watch));
                }
                Err(error) if !following.are_several() || Instant::now() >= deadline => return Err(error),
                // This gateway ends.
                Err(error) if pool.is_closed() && !moved.has_changed().unwrap_or(false) => return Err(error),
                // The server is going or gone.
                Err(_) => following.look_around().await,
            }
        }
    }

    /// The transaction of this token is known to be committed.
    pub(crate) fn note_commit(&self, token: [u8; 16]) {
        self.0.note_commit(token);
    }

    /// Whether a server took over that does not have all that this gateway knows to be committed.
    pub(crate) fn lacks_commits(&self) -> bool {
        self.0.lacks_commits()
    }

    /// An operator has decided that it counts all the same.
    pub(crate) fn accept_lost_commits(&self) {
        self.0.accept_lost_commits();
    }

    /// Closes all connections, waiting for those in use.
    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}

impl fmt::Debug for PostgresPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PostgresPool").field(&self.0.subscribe().borrow().primary).finish()
    }
}
