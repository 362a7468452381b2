//! What a witness recomputes before it cosigns: one epoch of the log, from its inputs, on top of what it recomputed before.

use super::epoch::{Place, Placed, Plan, compare_with_plan, planned_from};
use super::report::Report;
use crate::domain::money::epoch::Epoch;
use crate::ledger::log::leaf::Leaf;
use crate::ledger::log::note::Checkpoint;
use crate::ledger::log::tree::{Frontier, Hash, leaf_hash};

/// How far a log was recomputed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecomputedHead {
    /// The tree so far.
    pub tree: Frontier,
    /// The last epoch; none before the first.
    pub epoch: Option<Epoch>,
    /// The number of the last transfer.
    pub sequence: u64,
}

/// What an epoch added to the log.
#[derive(Clone, Copy, Debug)]
pub struct GivenSection<'a> {
    /// The inputs of the epoch, byte for byte.
    pub inputs: &'a [u8],
    /// Its leaves.
    pub leaves: &'a [&'a [u8]],
}

/// Why an epoch is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecomputeError {
    /// This is not what the log signed: send what belongs to the checkpoint.
    #[error("{0}")]
    NotOfCheckpoint(String),
    /// The log signed it, and the rules give something else.
    #[error("{0}")]
    Wrong(String),
}

/// Recomputes the epoch that ends with a checkpoint, whose signature was verified. Gives how far the log is recomputed then.
///
/// # Errors
/// [`RecomputeError`].
pub fn recompute(
    before: &RecomputedHead,
    checkpoint: &Checkpoint,
    given: GivenSection<'_>,
    plan: Plan<'_>,
) -> Result<RecomputedHead, RecomputeError> {
    let other = |cause: &str| RecomputeError::NotOfCheckpoint(cause.to_owned());
    let mut tree = before.tree.clone();
    given.leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
    if (tree.size(), tree.root()) != (checkpoint.size, checkpoint.root) {
        return Err(other("these leaves do not lead to the checkpoint"));
    }
    // From here on the log answers for every byte of the leaves.
    let leaves: Result<Vec<_>, _> = given.leaves.iter().map(|leaf| Leaf::read(leaf)).collect();
    let leaves = leaves.map_err(|error| RecomputeError::Wrong(error.to_string()))?;
    let Some((Leaf::Begin { epoch, inputs, bytes }, rest)) = leaves.split_first() else {
        return Err(RecomputeError::Wrong("the section does not begin with an epoch".to_owned()));
    };
    if Hash::of(&[given.inputs]) != *inputs || u64::try_from(given.inputs.len()) != Ok(*bytes) {
        return Err(other("these are not the inputs whose hash is in the log"));
    }
    let sequence = follow(before, *epoch, rest, checkpoint.size, given.inputs, plan).map_err(RecomputeError::Wrong)?;
    Ok(RecomputedHead { tree, epoch: Some(*epoch), sequence })
}

/// Checks the leaves after the first, and gives the number of the last transfer.
fn follow(
    before: &RecomputedHead,
    epoch: Epoch,
    rest: &[Leaf],
    size: u64,
    inputs: &[u8],
    plan: Plan<'_>,
) -> Result<u64, String> {
    if let Some(last) = before.epoch.filter(|last| last.next() != epoch) {
        return Err(format!("epoch {epoch} follows epoch {last}"));
    }
    let Some((Leaf::End { epoch: ended, transfers: count, total }, middle)) = rest.split_last() else {
        return Err("the section does not end with its epoch".to_owned());
    };
    let (mut sequence, mut sum, mut placed) = (before.sequence, 0_u128, Vec::with_capacity(middle.len()));
    let place: Place = (format!("the section up to {size}"), 0);
    for leaf in middle {
        let Leaf::Transfer { sequence: number, transfer } = leaf else {
            return Err("an epoch begins or ends within another".to_owned());
        };
        if *number != sequence + 1 {
            return Err(format!("transfer {number} follows transfer {sequence}"));
        }
        sequence = *number;
        sum += u128::from(transfer.amount.0);
        placed.push(Placed { place: &place, transfer });
    }
    if *ended != epoch || (*count, *total) != (u64::try_from(placed.len()).unwrap_or(u64::MAX), sum) {
        return Err(format!("epoch {epoch} ends as epoch {ended} with {count} transfers of {total} FROST"));
    }
    let mut report = Report::default();
    if let Some(planned) = planned_from(epoch, inputs, plan, &mut report) {
        compare_with_plan(epoch, &planned.transfers, &placed, &place, &mut report);
    }
    match report.faults.first() {
        None => Ok(sequence),
        Some(fault) => Err(fault.cause.clone()),
    }
}
