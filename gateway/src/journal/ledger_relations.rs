//! Tables of the ledger: witnesses have seen it, so it never goes back, whatever else is rebuilt as it was.

/// Whether a table belongs to the ledger.
#[must_use]
pub fn is_of_ledger(relation: &str) -> bool {
    const OTHERS: [&str; 12] = [
        "bill",
        "bucket_funds",
        "counted_vote",
        "epoch",
        "epoch_confirmation",
        "held_sample",
        "open_period",
        "proposal",
        "provider_account",
        "rebuilt_sliver",
        "settlement",
        "vote",
    ];
    // `staking_provider`, `stake`, `stake_pool`, `stake_rate`; `provider_commission`.
    relation.starts_with("ledger_")
        || relation.starts_with("stak")
        || relation.starts_with("provider_")
        || OTHERS.contains(&relation)
}
