//! What buckets owe for an epoch, and what their payers can pay of it.

use std::collections::BTreeMap;

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::{Charges, charges};
use crate::domain::money::transfer::TransferCode;

use super::inputs::{BucketUsage, EpochInputs};
use super::transfer_id::Postings;

/// A bucket whose payer ran out of funds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpaid {
    /// The salted id of the bucket.
    pub bucket: String,
    /// What was owed and is not paid.
    pub amount: Frost,
}

/// What a bucket owes for the epoch.
#[must_use]
pub fn owed_by(inputs: &EpochInputs, bucket: &BucketUsage) -> Charges {
    charges(&bucket.usage, &inputs.prices, inputs.length_micros)
}

/// Charges every bucket, in the order of their ids, as far as the funds of its payer go. Returns what was collected.
pub(super) fn collect(inputs: &EpochInputs, postings: &mut Postings, unpaid: &mut Vec<Unpaid>) -> Frost {
    let mut funds: BTreeMap<&LedgerAccount, Option<Frost>> =
        inputs.payers.iter().map(|payer| (&payer.account, payer.funds)).collect();
    let mut collected = Frost::ZERO;
    for bucket in &inputs.buckets {
        let owed = owed_by(inputs, bucket);
        let parts = [
            (TransferCode::Storage, owed.storage),
            (TransferCode::Write, owed.write),
            (TransferCode::Requests, owed.requests),
            (TransferCode::Egress, owed.egress),
        ];
        let mut missing = Frost::ZERO;
        for (code, amount) in parts {
            let left = funds.entry(&bucket.payer).or_default();
            let paid = left.map_or(amount, |left| left.min(amount));
            *left = left.map(|left| left.saturating_sub(paid));
            postings.post(code, bucket.payer.clone(), LedgerAccount::Escrow(inputs.epoch), paid, &bucket.bucket);
            collected = [collected, paid].into_iter().sum();
            missing = [missing, amount.saturating_sub(paid)].into_iter().sum();
        }
        if !missing.is_zero() {
            unpaid.push(Unpaid { bucket: bucket.bucket.clone(), amount: missing });
        }
    }
    collected
}
