//! `LifecycleConfiguration` as XML.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::read;
pub use write::write;
