//! Tests of the log.

mod example;
mod independent;
mod leaf;
mod mutation;
mod note;
mod recompute;
mod salt;
mod tree;
mod verify;
mod witness;
