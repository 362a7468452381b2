//! Haulout's backends: from a sliver's name to bytes on a storage target. Knows nothing of S3, SQL or money.
//!
//! [`open`] gives a [`SliverStore`] for a configured backend.

mod audit;
mod challenge;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod decorators;
mod directory;
mod error;
mod examine;
pub mod failpoint;
mod gateway_identity;
mod marker;
mod name;
pub mod node;
mod open;
mod operation;
#[cfg(any(test, feature = "fuzzing"))]
pub mod probe;
mod proving;
mod remote;
mod spec;
mod store;

pub use audit::{EpochNonce, Verdict, VerdictReport};
pub use challenge::{Answer, Challenge};
pub use decorators::{
    Admission, Breaker, Circuit, CircuitPolicy, Deadline, Deadlines, Fault, Faults, Faulty, Metered, When, guard,
};
pub use error::StoreError;
pub use examine::{SliverCondition, examine};
pub use gateway_identity::GatewayIdentity;
pub use name::{FAN_OUT, SliverName, SliverNameError, SliverText};
pub use node::NODE_KEY;
pub use open::{accept, marked_cluster, open, open_bare};
pub use operation::Operation;
pub use proving::prove_by_reading;
pub use spec::{BackendSpec, Expect, FREE_FLOOR, TIMEOUT_SECONDS, URL_KINDS, redacted_url};
pub use store::{Pulse, SliverEntry, SliverStore, SliverWriter, Space};
