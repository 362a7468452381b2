//! Tables of the ledger: witnesses have seen it, so it never goes back, whatever else is rebuilt as it was.

/// Whether a table belongs to the ledger.
#[must_use]
pub fn is_of_ledger(relation: &str) -> bool {
    const OTHERS: [&str; 6] = ["bill", "epoch", "open_period", "provider_account", "settlement", "bucket_funds"];
    relation.starts_with("ledger_") || relation.starts_with("stake") || OTHERS.contains(&relation)
}
