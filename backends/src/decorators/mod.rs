//! Behaviour that is added to any store by wrapping it. Each decorator implements every method, those with a default
//! body included (a lint denies it otherwise), and passes the conformance suite.

mod breaker;
mod circuit;
mod deadline;
mod faults;
mod faulty;
mod metered;

#[cfg(test)]
mod tests;

pub use breaker::Breaker;
pub use circuit::{Admission, Circuit, CircuitPolicy};
pub use deadline::{Deadline, Deadlines};
pub use faults::{Fault, Faults, When};
pub use faulty::Faulty;
pub use metered::Metered;

use std::sync::Arc;

use crate::SliverStore;

/// Wraps a store as a gateway uses it: `Breaker(Metered(Deadline(store)))`.
///
/// The deadline is innermost, so that metrics count a timeout as one. The breaker is outermost: what it refuses at
/// once is no operation of the backend and must not make its latency look good.
#[must_use]
pub fn guard(store: Arc<dyn SliverStore>, backend: &str, deadlines: Deadlines) -> Arc<dyn SliverStore> {
    let store = Arc::new(Deadline::new(store, deadlines));
    let store = Arc::new(Metered::new(store, backend));
    Arc::new(Breaker::new(store, backend, CircuitPolicy::default()))
}
