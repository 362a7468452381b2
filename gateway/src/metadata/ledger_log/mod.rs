//! Rows of the ledger's published log: its name and secrets, leaves, checkpoints, and the inputs of epochs.

pub(super) mod log_rows;
pub(super) mod log_secrets;
pub(super) mod sections;
pub(super) mod witnesses;
