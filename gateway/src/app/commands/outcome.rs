//! What a command ends with.

/// The exit status of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Outcome {
    /// Everything is as it should be.
    Fine,
    /// Something wrong was found.
    Wrong,
}
