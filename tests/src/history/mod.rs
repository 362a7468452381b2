//! What clients did and saw, and whether a store that keeps its promises can have done it.
//!
//! Each key is a register. S3 promises that all operations on it happen in one order that respects real time: whoever reads
//! after an acknowledged write sees it, or a later one, and a conditional write finds and writes at once. A listing is a
//! read of each key it covers. Writes whose outcome nobody knows may take effect at any later time, or never.

mod explain;
mod operation;
mod register;
#[cfg(test)]
mod search;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub use operation::{Effect, Ending, Operation, Value};

/// Violations that are reported in full.
const REPORTED_MAX: usize = 4;

/// Collects operations from any number of clients.
pub struct History {
    began: Instant,
    values: AtomicU64,
    operations: Mutex<Vec<Operation>>,
}

impl Default for History {
    fn default() -> Self {
        Self { began: Instant::now(), values: AtomicU64::new(1), operations: Mutex::default() }
    }
}

impl History {
    /// The instant, on the history's clock.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// A value that no other write has.
    #[must_use]
    pub fn new_value(&self) -> Value {
        self.values.fetch_add(1, Ordering::Relaxed)
    }

    /// Adds an operation that ended, or of which nobody will hear any more.
    pub fn add(&self, operation: Operation) {
        self.lock().push(operation);
    }

    /// All of them.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Operation>> {
        self.operations.lock().expect("nothing panics while it holds this")
    }
}

/// Looks for an order of all operations that keeps what S3 promises.
///
/// # Errors
/// There is none; the message names the operations.
pub fn check_history(operations: &[Operation]) -> Result<()> {
    let mut keys: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        keys.entry(&operation.key).or_default().push(operation);
    }
    let mut complaints = Vec::new();
    for (key, operations) in keys {
        if let Err(failure) = register::check(&operations) {
            complaints.push(explain::explain(key, &operations, &failure));
        }
    }
    match complaints.len() {
        0 => Ok(()),
        count => bail!("{count} keys broke a promise\n{}", complaints[..count.min(REPORTED_MAX)].join("\n")),
    }
}
