//! The operations of a store, as data: for labels, deadlines and faults.

/// One operation of a [`crate::SliverStore`] or of its [`crate::SliverWriter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// [`crate::SliverStore::create`].
    Create,
    /// [`crate::SliverWriter::write`].
    Write,
    /// [`crate::SliverWriter::seal`].
    Seal,
    /// [`crate::SliverWriter::abort`].
    Abort,
    /// [`crate::SliverStore::put`].
    Put,
    /// [`crate::SliverStore::read`].
    Read,
    /// [`crate::SliverStore::len`].
    Len,
    /// [`crate::SliverStore::delete`].
    Delete,
    /// [`crate::SliverStore::trash`].
    Trash,
    /// [`crate::SliverStore::list`].
    List,
    /// [`crate::SliverStore::probe`].
    Probe,
    /// [`crate::SliverStore::sweep`].
    Sweep,
    /// [`crate::SliverStore::pulse`].
    Pulse,
    /// [`crate::SliverStore::beat`].
    Beat,
    /// [`crate::SliverStore::prove`].
    Prove,
    /// [`crate::SliverStore::begin_epoch`].
    BeginEpoch,
    /// [`crate::SliverStore::reveal_epoch`].
    RevealEpoch,
    /// [`crate::SliverStore::report_verdicts`].
    ReportVerdicts,
}

impl Operation {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 18] = [
        Self::Create,
        Self::Write,
        Self::Seal,
        Self::Abort,
        Self::Put,
        Self::Read,
        Self::Len,
        Self::Delete,
        Self::Trash,
        Self::List,
        Self::Probe,
        Self::Sweep,
        Self::Pulse,
        Self::Beat,
        Self::Prove,
        Self::BeginEpoch,
        Self::RevealEpoch,
        Self::ReportVerdicts,
    ];

    /// Those that bring bytes to the backend.
    pub const STORING: [Self; 4] = [Self::Create, Self::Write, Self::Seal, Self::Put];

    /// The name in snake case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Write => "write",
            Self::Seal => "seal",
            Self::Abort => "abort",
            Self::Put => "put",
            Self::Read => "read",
            Self::Len => "len",
            Self::Delete => "delete",
            Self::Trash => "trash",
            Self::List => "list",
            Self::Probe => "probe",
            Self::Sweep => "sweep",
            Self::Pulse => "pulse",
            Self::Beat => "beat",
            Self::Prove => "prove",
            Self::BeginEpoch => "begin_epoch",
            Self::RevealEpoch => "reveal_epoch",
            Self::ReportVerdicts => "report_verdicts",
        }
    }

    /// The place in [`Operation::ALL`].
    pub(crate) fn number(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places() {
        for (number, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation.number(), number, "{}", operation.name());
        }
    }
}
