//! Decisions as tables, and ten thousand random policies under an oracle that was written another way.

mod decisions;
mod oracle;
mod random;
mod random_calls;
mod world;
