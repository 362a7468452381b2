//! What a witness signs when it refuses: that the log signed a checkpoint which does not follow from the rules.

use std::fmt;
use std::str::FromStr;

use super::checkpoint::Checkpoint;
use super::decimal::decimal;
use crate::ledger::log::tree::Hash;

/// The first line, which no checkpoint has: its second line is no number.
const HEAD: &str = "haulout-refusal/1";
/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 500;

/// A refusal: the text of a note that the witness signs with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessRefusal {
    /// The name of the log.
    pub origin: String,
    /// The size of the checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// Why, in one line.
    pub reason: String,
}

/// A text that is no refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a refusal is a head and lines of log, size, root and reason")]
pub struct RefusalError;

impl WitnessRefusal {
    /// A refusal of this checkpoint.
    #[must_use]
    pub fn of(checkpoint: &Checkpoint, reason: &str) -> Self {
        let one_line: String = reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let mut reason = one_line.trim().to_owned();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        if reason.is_empty() {
            reason.push('-');
        }
        Self { origin: checkpoint.origin.clone(), size: checkpoint.size, root: checkpoint.root, reason }
    }
}

impl fmt::Display for WitnessRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root, reason } = self;
        writeln!(f, "{HEAD}\nlog {origin}\nsize {size}\nroot {root}\nreason {reason}")
    }
}

impl FromStr for WitnessRefusal {
    type Err = RefusalError;

    fn from_str(text: &str) -> Result<Self, RefusalError> {
        let mut lines = text.strip_suffix('\n').ok_or(RefusalError)?.split('\n');
        if lines.next() != Some(HEAD) {
            return Err(RefusalError);
        }
        let mut field = |name: &str| {
            let value = lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.filter(|value| !value.is_empty()).ok_or(RefusalError)
        };
        let origin = field("log")?.to_owned();
        let size = decimal(field("size")?).ok_or(RefusalError)?;
        let root = field("root")?.parse().map_err(|_| RefusalError)?;
        let reason = field("reason")?.to_owned();
        if lines.next().is_some() || reason.len() > REASON_BYTES_MAX {
            return Err(RefusalError);
        }
        Ok(Self { origin, size, root, reason })
    }
}
