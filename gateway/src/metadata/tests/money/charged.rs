//! Epochs and charges.
