//! The part of the log that one epoch adds.

use crate::domain::money::epoch::Epoch;
use crate::domain::money::transfer::Transfer;
use crate::ledger::log::leaf::Leaf;
use crate::ledger::log::tree::Hash;

/// The leaves of an epoch: its inputs' hash, the transfers that were posted since the last section in their order, under published
/// names, and the end. `first` is the sequence of the first of them.
#[must_use]
pub fn section(epoch: Epoch, inputs: &[u8], first: u64, transfers: Vec<Transfer>) -> Vec<Leaf> {
    let bytes = u64::try_from(inputs.len()).unwrap_or(u64::MAX);
    let count = u64::try_from(transfers.len()).unwrap_or(u64::MAX);
    let total = transfers.iter().map(|transfer| u128::from(transfer.amount.0)).sum();
    let mut leaves = vec![Leaf::Begin { epoch, inputs: Hash::of(&[inputs]), bytes }];
    leaves.extend((first..).zip(transfers).map(|(sequence, transfer)| Leaf::Transfer { sequence, transfer }));
    leaves.push(Leaf::End { epoch, transfers: count, total });
    leaves
}
