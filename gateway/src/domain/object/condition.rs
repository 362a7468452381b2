//! Conditions on a write, decided inside the committing transaction.

use crate::domain::object::etag::ETag;

/// The name under which a catalog entry has the condition.
const PAIR_NAME: &str = "x-haulout-condition";

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

    /// How a catalog says it; nothing where a write always takes place.
    #[must_use]
    pub fn to_pair(&self) -> Option<(String, String)> {
        let value = match self {
            Self::None => return None,
            Self::Absent => "if-none-match *".to_owned(),
            Self::Present => "if-match *".to_owned(),
            Self::Matches(tag) => format!("if-match {tag}"),
            Self::Differs(tag) => format!("if-none-match {tag}"),
            Self::Never => "never".to_owned(),
        };
        Some((PAIR_NAME.to_owned(), value))
    }

    /// The reverse of [`Self::to_pair`], of all pairs of a catalog entry.
    ///
    /// # Errors
    /// The value has another form.
    pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self, String> {
        let Some((_, value)) = pairs.iter().find(|(name, _)| name == PAIR_NAME) else { return Ok(Self::None) };
        let malformed = || format!("its condition: {value:?}");
        let tag = |text: &str| text.parse().map_err(|_| malformed());
        match value.split_once(' ') {
            Some(("if-none-match", "*")) => Ok(Self::Absent),
            Some(("if-match", "*")) => Ok(Self::Present),
            Some(("if-match", text)) => Ok(Self::Matches(tag(text)?)),
            Some(("if-none-match", text)) => Ok(Self::Differs(tag(text)?)),
            None if value == "never" => Ok(Self::Never),
            _ => Err(malformed()),
        }
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
            let pairs: Vec<_> = condition.to_pair().into_iter().collect();
            assert_eq!(WriteCondition::from_pairs(&pairs), Ok(condition));
        }
    }

    #[test]
    fn a_condition_of_another_form_is_refused() {
        let read = |value: &str| WriteCondition::from_pairs(&[(PAIR_NAME.to_owned(), value.to_owned())]);
        for value in ["", "if-match", "if-match \"", "if-none-match x", "if-modified-since 1", "Never"] {
            assert!(read(value).is_err(), "{value}");
        }
    }
}
