//! Haulout's tests.
