//! What every erasure scheme must do.
