//! Ending a response for which nobody can wait any longer.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// The way to end the connection of a response that holds memory which others wait for. It goes with the response, as an extension, to
/// whoever has the connection.
#[derive(Clone, Default)]
pub struct Revocation(Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>);

impl Revocation {
    /// Says how the connection is ended; the first one counts.
    pub fn on_revoked(&self, end: impl Fn() + Send + Sync + 'static) {
        // A response goes out on one connection.
        let _ = self.0.set(Box::new(end));
    }

    /// Ends the connection, if there is one.
    pub(super) fn revoke(&self) {
        if let Some(end) = self.0.get() {
            end();
        }
    }
}

impl fmt::Debug for Revocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Revocation").field(&self.0.get().is_some()).finish()
    }
}
