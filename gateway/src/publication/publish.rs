//! The sequencer: turns what was posted into leaves, in order, and signs.

use super::log_keys::{LogKeys, PublicationError};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::transfer::Transfer;
use crate::ledger::log::note::{Checkpoint, SignedNote};
use crate::ledger::log::section;
use crate::ledger::log::tree::{Frontier, Hash};
use crate::metadata::{LogEnd, LogSection, MetadataStore};

/// What was posted since the last epoch was published.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    /// The transfers in the order of the ledger, under their own names.
    pub transfers: Vec<Transfer>,
    /// The number of the ledger's last entry that was looked at.
    pub through: u64,
}

/// What publishing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The epoch is in the log, under this checkpoint.
    Now(SignedNote),
    /// It was before.
    Before,
    /// Another gateway appended meanwhile: look again at where the log ends.
    Overtaken,
}

/// Appends an epoch to the log: its inputs, byte for byte as they were planned from, and what was posted after `end`, where the log
/// ended when that was read. Doing so again changes nothing.
///
/// # Errors
/// [`PublicationError`].
pub async fn publish_epoch(
    metadata: &MetadataStore,
    keys: &LogKeys,
    end: LogEnd,
    (epoch, inputs): (Epoch, Vec<u8>),
    posted: Posted,
) -> Result<Published, PublicationError> {
    if epoch.0 <= end.epoch {
        return Ok(Published::Before);
    }
    // A log may begin with any epoch, and has no gaps from there on.
    if end.epoch > 0 && epoch.0 != end.epoch + 1 {
        return Err(PublicationError::Order { epoch: epoch.0, last: end.epoch });
    }
    let count = u64::try_from(posted.transfers.len()).unwrap_or(u64::MAX);
    let transfers = posted.transfers.iter().map(|transfer| keys.salter.transfer(transfer)).collect();
    let leaves = section(epoch, &inputs, end.transfers + 1, transfers);
    let peaks = end.frontier.iter().copied().map(Hash).collect();
    let frontier = Frontier::new(end.size, peaks);
    let mut frontier = frontier.ok_or_else(|| PublicationError::Contradiction("the frontier".to_owned()))?;
    leaves.iter().for_each(|leaf| frontier.push(leaf.hash()));
    let (size, root, origin) = (frontier.size(), frontier.root(), keys.signer.key().name.to_string());
    let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
    let mut note = checkpoint.note().map_err(|error| PublicationError::Contradiction(error.to_string()))?;
    note.add(keys.signer.sign(note.text(), 0));
    let after = LogEnd {
        size,
        epoch: epoch.0,
        through: posted.through,
        transfers: end.transfers + count,
        frontier: frontier.peaks().iter().map(|hash| hash.0).collect(),
    };
    let leaves = leaves.iter().map(ToString::to_string).collect();
    let section = LogSection { before: end, after, leaves, inputs, note: note.to_string() };
    let appended = metadata.append_log_section(section).await?;
    Ok(if appended { Published::Now(note) } else { Published::Overtaken })
}
