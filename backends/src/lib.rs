//! Haulout's backends: from a sliver's name to bytes on a storage target. Knows nothing of S3, SQL or money.
//!
//! [`open`] gives a [`SliverStore`] for a configured backend.

mod directory;
mod error;
mod marker;
mod name;
mod open;
mod remote;
mod spec;
mod store;

pub use error::StoreError;
pub use name::{FAN_OUT, SliverName, SliverNameError, SliverText};
pub use open::{format, open};
pub use spec::{BackendSpec, Expect, FREE_FLOOR, TIMEOUT_SECONDS};
pub use store::{SliverEntry, SliverStore, SliverWriter, Space};
