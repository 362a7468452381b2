//! What a witness recomputes before it cosigns: one epoch of the log, from its inputs, on top of what it recomputed before. An epoch is wrong if
//! [`verify()`](super::verify()) would fault it, by the same code.

use super::epoch::{Place, Plan, planned_from};
use super::planned::PlannedEpoch;
use super::report::Report;
use super::state::LedgerState;
use crate::domain::money::epoch::Epoch;
use crate::ledger::log::leaf::Leaf;
use crate::ledger::log::note::Checkpoint;
use crate::ledger::log::tree::{Frontier, Hash, leaf_hash};

/// Accounts, periods, pools and stakes of a ledger that is recomputed.
const ENTRIES_MAX: usize = 500_000;

/// How far a log was recomputed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecomputedHead {
    /// The tree so far.
    pub tree: Frontier,
    /// The ledger so far.
    pub ledger: LedgerState,
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
    /// The log signed it, and it does not follow from the rules and from the epochs before.
    #[error("{0}")]
    Wrong(String),
    /// The ledger has more than a witness keeps of it.
    #[error("{0} accounts, periods, pools and stakes are more than the {ENTRIES_MAX} that a witness keeps")]
    TooLarge(usize),
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
    let Some(Leaf::Begin { epoch, inputs, bytes }) = leaves.first() else {
        return Err(RecomputeError::Wrong("the section does not begin with an epoch".to_owned()));
    };
    if Hash::of(&[given.inputs]) != *inputs || u64::try_from(given.inputs.len()) != Ok(*bytes) {
        return Err(other("these are not the inputs whose hash is in the log"));
    }
    let planned = |report: &mut Report| planned_from(*epoch, given.inputs, plan, report);
    let place = (format!("the section up to {}", checkpoint.size), 0);
    let ledger =
        follow(&before.ledger, (*epoch, leaves.as_slice()), &place, &planned).map_err(RecomputeError::Wrong)?;
    match ledger.entries() {
        entries if entries > ENTRIES_MAX => Err(RecomputeError::TooLarge(entries)),
        _ => Ok(RecomputedHead { tree, ledger }),
    }
}

/// The ledger after a section, or the first thing that is wrong with it.
fn follow(
    before: &LedgerState,
    (epoch, leaves): (Epoch, &[Leaf]),
    place: &Place,
    planned: &dyn Fn(&mut Report) -> Option<PlannedEpoch>,
) -> Result<LedgerState, String> {
    let Some((Leaf::End { epoch: ended, .. }, rest)) = leaves.split_last() else {
        return Err("the section does not end with its epoch".to_owned());
    };
    if rest.iter().skip(1).any(|leaf| !matches!(leaf, Leaf::Transfer { .. })) {
        return Err("an epoch begins or ends within another".to_owned());
    }
    if *ended != epoch {
        return Err(format!("epoch {epoch} ends as epoch {ended}"));
    }
    let (mut ledger, mut report) = (before.clone(), Report::default());
    let placed = leaves.iter().map(|leaf| (place, Ok(leaf)));
    ledger.read_section(placed, &|_, _, report| planned(report), &mut report);
    match report.faults.into_iter().next() {
        None => Ok(LedgerState { sums: ledger.sums.into_kept(), ..ledger }),
        Some(fault) => Err(fault.cause),
    }
}
