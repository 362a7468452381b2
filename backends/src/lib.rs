//! Haulout's backends.
