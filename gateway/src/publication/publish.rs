//! The sequencer: turns what was posted into leaves, in order, and signs.

use super::log_keys::{LogKeys, PublicationError};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::transfer::Transfer;
use crate::ledger::log::note::{Checkpoint, SignedNote};
use crate::ledger::log::section;
use crate::ledger::log::tree::{Frontier, Hash};
use crate::metadata::{LogEnd, LogSection, MetadataError, MetadataStore};

/// What was posted since the last epoch was published.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    /// The transfers in the order of the ledger, under their own names.
    pub transfers: Vec<Transfer>,
    /// The number of the ledger's last entry that was looked at.
    pub through: u64,
}

/// Entries of the ledger that are read at once.
const PAGE: usize = 1_000;
/// How often a gateway looks again at where the log ends, when others append.
const ATTEMPTS: usize = 3;

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

/// Publishes a settled epoch: whatever was posted and is not in the log yet goes into its section.
///
/// # Errors
/// [`PublicationError`].
pub async fn publish(
    metadata: &MetadataStore,
    keys: &LogKeys,
    epoch: Epoch,
    inputs: &[u8],
) -> Result<Published, PublicationError> {
    for _ in 0..ATTEMPTS {
        let end = metadata.log_end().await?;
        let posted = posted_after(metadata, end.through).await?;
        let published = publish_epoch(metadata, keys, end, (epoch, inputs.to_vec()), posted).await?;
        if published != Published::Overtaken {
            return Ok(published);
        }
    }
    Ok(Published::Overtaken)
}

/// What was posted after this entry of the ledger. Pending transfers move nothing and are published when they are posted.
async fn posted_after(metadata: &MetadataStore, through: u64) -> Result<Posted, MetadataError> {
    let mut posted = Posted { transfers: Vec::new(), through };
    loop {
        let page = metadata.entries_after(posted.through, PAGE).await?;
        let Some(last) = page.last() else { return Ok(posted) };
        posted.through = last.seq;
        let moving = page.into_iter().filter(|entry| !entry.recorded.entry.moved().is_zero());
        posted.transfers.extend(moving.map(|entry| entry.recorded.entry.transfer));
    }
}
