//! Opening databases and reaching them: what servers, poolers and the network do to a transaction.

mod connections;
mod injected;
mod injected_operations;
mod opening;
mod ordering;
mod pooler;
mod wire;
