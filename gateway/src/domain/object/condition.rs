//! Conditions on a write, decided inside the committing transaction.

use crate::domain::object::etag::ETag;

/// `If-Match` and `If-None-Match` on a write. Evaluated against the key's current version while its row is locked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WriteCondition {
    /// Always.
    #[default]
    None,
    /// `If-None-Match: *`: only if the key has no current version, else `PreconditionFailed`.
    Absent,
    /// `If-Match: *`: only if the key has a current version, else `NoSuchKey`.
    Present,
    /// `If-Match: "etag"`: only if the current version carries this tag; `NoSuchKey` when there is none,
    /// `PreconditionFailed` when it is another.
    Matches(ETag),
    /// `If-None-Match: "etag"`: only if there is no current version with this tag.
    Differs(ETag),
    /// `If-Match` with text that can be no tag of ours: `NoSuchKey` when absent, else `PreconditionFailed`.
    Never,
}

/// What a condition that does not hold is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// `NoSuchKey`: the write wants a current version and there is none.
    NoSuchKey,
    /// `PreconditionFailed`.
    PreconditionFailed,
}

impl WriteCondition {
    /// Decides against the tag of the key's current version, if it has one.
    ///
    /// # Errors
    /// Says what the refusal is called.
    pub fn check(&self, current: Option<ETag>) -> Result<(), Unmet> {
        let holds = match (self, current) {
            (Self::Present | Self::Matches(_) | Self::Never, None) => return Err(Unmet::NoSuchKey),
            (Self::None | Self::Present, _) | (Self::Absent | Self::Differs(_), None) => true,
            (Self::Absent | Self::Never, Some(_)) => false,
            (Self::Matches(tag), Some(current)) => *tag == current,
            (Self::Differs(tag), Some(current)) => *tag != current,
        };
        if holds { Ok(()) } else { Err(Unmet::PreconditionFailed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_against_absence_a_match_and_a_difference() {
        let tag = ETag::of_content([1; 16]);
        let other = ETag::of_content([2; 16]);
        let (ok, gone, failed) = (Ok(()), Err(Unmet::NoSuchKey), Err(Unmet::PreconditionFailed));
        for (condition, absent, same, different) in [
            (WriteCondition::None, ok, ok, ok),
            (WriteCondition::Absent, ok, failed, failed),
            (WriteCondition::Present, gone, ok, ok),
            (WriteCondition::Matches(tag), gone, ok, failed),
            (WriteCondition::Differs(tag), ok, failed, ok),
            (WriteCondition::Never, gone, failed, failed),
        ] {
            assert_eq!(condition.check(None), absent, "{condition:?}");
            assert_eq!(condition.check(Some(tag)), same, "{condition:?}");
            assert_eq!(condition.check(Some(other)), different, "{condition:?}");
        }
    }
}
