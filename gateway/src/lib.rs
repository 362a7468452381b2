//! Haulout's gateway.
