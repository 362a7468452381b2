//! Haulout's codec.
