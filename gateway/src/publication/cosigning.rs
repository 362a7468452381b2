//! What a witness is given: requests to add a checkpoint, sections to recompute, and what is taken from its answers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use super::log_keys::PublicationError;
use crate::ledger::log::encode_section;
use crate::ledger::log::note::{AddCheckpoint, Checkpoint, NoteKey, SignedNote, WitnessRefusal, cosignatures_in};
use crate::ledger::log::tree::{Frontier, Hash, consistency_proof, leaf_hash};
use crate::metadata::{LogCheckpoint, LogRefusal, MetadataStore};

/// Leaves that are read at once.
const PAGE: usize = 2_000;
/// How often a cosignature is added when others are added meanwhile.
const ATTEMPTS: usize = 5;

/// An epoch for a witness that recomputes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionToRecompute {
    /// The size of the tree with it.
    pub size: u64,
    /// The checkpoint, signed by the log alone.
    pub note: String,
    /// Inputs and leaves.
    pub body: Vec<u8>,
}

/// The body of `POST /add-checkpoint` for a witness that cosigned the first `old` leaves last.
///
/// # Errors
/// [`PublicationError`].
pub async fn checkpoint_request(
    metadata: &MetadataStore,
    checkpoint: &LogCheckpoint,
    old: u64,
) -> Result<String, PublicationError> {
    let (head, note) = read(&checkpoint.note)?;
    let note = of_log(&head, &note)?;
    let mut subtrees = HashMap::new();
    for (level, index) in subtrees_between(old, head.size) {
        let hash = subtree(metadata, index << level..(index + 1) << level).await?;
        subtrees.insert((level, index), hash);
    }
    let proof = consistency_proof(old, head.size, &|level, index| subtrees.get(&(level, index)).copied().ok_or(()));
    let proof = proof.map_err(|()| PublicationError::Contradiction("the proof of a checkpoint".to_owned()))?;
    Ok(AddCheckpoint { old, proof, note, checkpoint: head }.to_string())
}

/// The epoch after the first `old` leaves, none where there is none.
///
/// # Errors
/// [`PublicationError`].
pub async fn section_after(metadata: &MetadataStore, old: u64) -> Result<Option<SectionToRecompute>, PublicationError> {
    let Some(checkpoint) = metadata.log_checkpoints(old, 1).await?.pop() else { return Ok(None) };
    let (head, note) = read(&checkpoint.note)?;
    let mut leaves = Vec::new();
    let wanted = usize::try_from(checkpoint.size - old).unwrap_or(usize::MAX);
    while leaves.len() < wanted {
        let from = old + u64::try_from(leaves.len()).unwrap_or(u64::MAX);
        let page = metadata.log_leaves(from, PAGE.min(wanted - leaves.len())).await?;
        if page.is_empty() {
            return Err(PublicationError::Contradiction(format!("leaf {from} is missing")));
        }
        leaves.extend(page);
    }
    let inputs = metadata.log_inputs(checkpoint.epoch).await?.unwrap_or_default();
    let too_long = || PublicationError::Contradiction(format!("epoch {} is too long for a witness", checkpoint.epoch));
    let body = encode_section(&inputs, &leaves).ok_or_else(too_long)?;
    Ok(Some(SectionToRecompute { size: head.size, note: of_log(&head, &note)?.to_string(), body }))
}

/// Adds the cosignature in a witness's answer to the checkpoint; whether there was a good one.
///
/// # Errors
/// [`PublicationError`].
pub async fn add_cosignature(
    metadata: &MetadataStore,
    size: u64,
    witness: &NoteKey,
    answer: &str,
) -> Result<bool, PublicationError> {
    for _ in 0..ATTEMPTS {
        let Some(checkpoint) = metadata.log_checkpoint_of(size).await? else { return Ok(false) };
        let (_, mut note) = read(&checkpoint.note)?;
        let good = cosignatures_in(answer, &note, std::slice::from_ref(witness));
        if good.is_empty() {
            return Ok(false);
        }
        good.into_iter().for_each(|signature| note.add(signature));
        if metadata.cosign_log_checkpoint(&checkpoint, &note.to_string()).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps a refusal, if the witness signed it: the reason.
///
/// # Errors
/// [`PublicationError`].
pub async fn keep_refusal(
    metadata: &MetadataStore,
    witness: &NoteKey,
    answer: &str,
) -> Result<Option<String>, PublicationError> {
    let Ok(note) = SignedNote::read(answer.as_bytes()) else { return Ok(None) };
    let Ok(refusal) = note.text().parse::<WitnessRefusal>() else { return Ok(None) };
    if !matches!(note.signed_by(witness), Ok(Some(_))) || refusal.size == 0 {
        return Ok(None);
    }
    let row = LogRefusal { size: refusal.size, witness: witness.name.to_string(), note: note.to_string() };
    metadata.keep_refusal(row).await?;
    Ok(Some(refusal.reason))
}

/// The subtrees whose hashes prove that a tree extends another.
fn subtrees_between(old: u64, size: u64) -> Vec<(u8, u64)> {
    let wanted = RefCell::new(Vec::new());
    let collect = |level: u8, index: u64| -> Result<Hash, ()> {
        wanted.borrow_mut().push((level, index));
        Ok(Hash::of_empty_tree())
    };
    // Which are asked for does not depend on their hashes.
    drop(consistency_proof(old, size, &collect));
    wanted.into_inner()
}

fn read(note: &str) -> Result<(Checkpoint, SignedNote), PublicationError> {
    Checkpoint::read(note.as_bytes()).map_err(|error| PublicationError::Contradiction(error.to_string()))
}

/// The note with the log's signatures alone: what a witness needs, and no longer than that.
fn of_log(head: &Checkpoint, note: &SignedNote) -> Result<SignedNote, PublicationError> {
    let mut own = head.note().map_err(|error| PublicationError::Contradiction(error.to_string()))?;
    let signatures = note.signatures().iter().filter(|signature| signature.name.as_str() == head.origin);
    signatures.for_each(|signature| own.add(signature.clone()));
    Ok(own)
}

/// The root over a range of leaves, page by page.
async fn subtree(metadata: &MetadataStore, range: Range<u64>) -> Result<Hash, PublicationError> {
    let (mut frontier, mut from) = (Frontier::default(), range.start);
    while from < range.end {
        let most = usize::try_from(range.end - from).unwrap_or(usize::MAX).min(PAGE);
        let leaves = metadata.log_leaves(from, most).await?;
        if leaves.is_empty() {
            return Err(PublicationError::Contradiction(format!("leaf {from} is missing")));
        }
        from += u64::try_from(leaves.len()).unwrap_or(u64::MAX);
        leaves.iter().for_each(|leaf| frontier.push(leaf_hash(leaf.as_bytes())));
    }
    Ok(frontier.root())
}
