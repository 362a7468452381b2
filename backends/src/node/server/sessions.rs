//! Sessions of gateways. They live in memory: after a restart none is known, and so nothing can be replayed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use codec::ClusterId;

use super::settings::SESSIONS_MAX;
use super::window::Window;
use crate::node::protocol::{Failure, FailureCode, PublicKey};

/// What a session was opened for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// The cluster.
    pub(super) cluster: ClusterId,
    /// The key that signs.
    pub(super) gateway: PublicKey,
    /// What the gateway calls the node.
    pub(super) backend: String,
}

#[derive(Debug)]
struct Session {
    opened: Opened,
    window: Window,
    /// Counts uses of any session, to find the one that was idle longest.
    last_use: u64,
}

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<[u8; 16], Session>,
    uses: u64,
}

/// All sessions of a node.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Table>);

impl Sessions {
    /// Begins a session under a random id.
    pub(super) fn open(&self, id: [u8; 16], opened: Opened) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_cluster = table.sessions.iter().filter(|(_, session)| session.opened.cluster == opened.cluster);
        let ids: Vec<_> = of_cluster.map(|(id, session)| (session.last_use, *id)).collect();
        if ids.len() >= SESSIONS_MAX
            && let Some((_, oldest)) = ids.iter().min()
        {
            table.sessions.remove(oldest);
        }
        table.uses += 1;
        let last_use = table.uses;
        table.sessions.insert(id, Session { opened, window: Window::default(), last_use });
    }

    /// What the session was opened for.
    ///
    /// # Errors
    /// [`FailureCode::UnknownSession`], also for a session of another cluster.
    pub(super) fn find(&self, id: &[u8; 16], cluster: &ClusterId) -> Result<Opened, Failure> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = table.sessions.get(id).filter(|session| session.opened.cluster == *cluster);
        found.map(|session| session.opened.clone()).ok_or_else(unknown)
    }

    /// Uses a counter of a session, after its signature was verified.
    ///
    /// # Errors
    /// [`FailureCode::Replayed`], [`FailureCode::UnknownSession`].
    pub(super) fn take(&self, id: &[u8; 16], counter: u64) -> Result<(), Failure> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.uses += 1;
        let uses = table.uses;
        let session = table.sessions.get_mut(id).ok_or_else(unknown)?;
        session.last_use = uses;
        if session.window.take(counter) {
            Ok(())
        } else {
            Err(Failure::new(FailureCode::Replayed, format!("counter {counter} of the session was used before")))
        }
    }

    /// Ends all sessions that are no longer admitted.
    pub(super) fn retain(&self, admitted: impl Fn(&ClusterId, &PublicKey) -> bool) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.sessions.retain(|_, session| admitted(&session.opened.cluster, &session.opened.gateway));
    }
}

fn unknown() -> Failure {
    Failure::new(FailureCode::UnknownSession, "there is no such session: open another one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(cluster: u8) -> Opened {
        Opened { cluster: ClusterId([cluster; 16]), gateway: PublicKey([cluster; 32]), backend: "east".to_owned() }
    }

    #[test]
    fn the_session_that_was_idle_longest_makes_place_and_only_in_its_own_cluster() {
        let sessions = Sessions::default();
        sessions.open([200; 16], opened(2));
        for number in 0..SESSIONS_MAX as u8 {
            sessions.open([number; 16], opened(1));
        }
        sessions.take(&[0; 16], 0).unwrap();
        sessions.open([250; 16], opened(1));
        let known = |id: u8, cluster: u8| sessions.find(&[id; 16], &ClusterId([cluster; 16])).is_ok();
        assert!(known(0, 1) && !known(1, 1) && known(2, 1) && known(250, 1) && known(200, 2));
        assert!(!known(200, 1), "another cluster's session is not known");
    }

    #[test]
    fn a_counter_is_used_once_and_a_revoked_key_has_no_session() {
        let sessions = Sessions::default();
        sessions.open([1; 16], opened(1));
        assert_eq!(sessions.take(&[1; 16], 7), Ok(()));
        assert_eq!(sessions.take(&[1; 16], 7).unwrap_err().code, FailureCode::Replayed);
        assert_eq!(sessions.take(&[1; 16], 6), Ok(()), "requests may overtake each other");
        sessions.retain(|_, _| false);
        assert_eq!(sessions.take(&[1; 16], 8).unwrap_err().code, FailureCode::UnknownSession);
    }
}
