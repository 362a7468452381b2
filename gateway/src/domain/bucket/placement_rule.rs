//! Where the slivers of a bucket may lie, as an operator set it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::bucket::setting::Setting;

/// Names in one list of a rule, at most.
const NAMES_MAX: usize = 100;

/// Letters of a name, at most.
const NAME_BYTES_MAX: usize = 200;

/// Which backends may take slivers of a bucket. What is empty or absent limits nothing; of several limits all must hold. What a rule of a
/// later release says besides is not passed over: such a rule cannot be read here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlacementRule {
    /// Only in these zones. A backend without a zone is in none of them.
    pub zones: BTreeSet<String>,
    /// Only with these providers.
    pub providers: BTreeSet<String>,
    /// None of these backends, providers and zones, by name.
    pub exclude: BTreeSet<String>,
    /// Only in zones whose names begin so.
    pub residency: Option<String>,
}

impl Setting for PlacementRule {
    const KIND: &'static str = "placement";
}

/// Why a rule is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementRuleError {
    /// A name is empty or longer than any.
    #[error("{0:?} is no name of a zone, provider or backend: those have 1 to {most} bytes", most = NAME_BYTES_MAX)]
    Name(String),
    /// More names than a rule may have.
    #[error("a placement rule has at most {most} names of a kind", most = NAMES_MAX)]
    TooMany,
}

impl PlacementRule {
    /// It admits every backend.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Every name it mentions, but for the beginning of a zone's name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.zones.iter().chain(&self.providers).chain(&self.exclude).map(String::as_str)
    }

    /// Whether it may be kept.
    ///
    /// # Errors
    /// A name is none, or there are too many.
    pub fn check(&self) -> Result<(), PlacementRuleError> {
        if [&self.zones, &self.providers, &self.exclude].iter().any(|list| list.len() > NAMES_MAX) {
            return Err(PlacementRuleError::TooMany);
        }
        let is_name = |name: &str| !name.is_empty() && name.len() <= NAME_BYTES_MAX;
        match self.names().chain(self.residency.as_deref()).find(|name| !is_name(name)) {
            Some(name) => Err(PlacementRuleError::Name(name.to_owned())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_was_written_and_a_later_release_is_not_guessed_at() {
        let rule = PlacementRule {
            zones: BTreeSet::from(["a".to_owned()]),
            residency: Some("eu-".to_owned()),
            ..PlacementRule::default()
        };
        let text = serde_json::to_string(&rule).expect("plain text");
        assert_eq!(serde_json::from_str::<PlacementRule>(&text).expect("the same"), rule);
        assert_eq!(serde_json::from_str::<PlacementRule>("{}").expect("nothing"), PlacementRule::default());
        assert!(serde_json::from_str::<PlacementRule>(r#"{"countries":["de"]}"#).is_err());
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let excluding = |name: &str| PlacementRule { exclude: BTreeSet::from([name.to_owned()]), ..Default::default() };
        assert_eq!(excluding("b1").check(), Ok(()));
        assert!(matches!(excluding("").check(), Err(PlacementRuleError::Name(_))));
        assert!(matches!(excluding(&"n".repeat(201)).check(), Err(PlacementRuleError::Name(_))));
        let many = (0..=NAMES_MAX).map(|number| number.to_string()).collect();
        assert_eq!(PlacementRule { zones: many, ..Default::default() }.check(), Err(PlacementRuleError::TooMany));
    }
}
