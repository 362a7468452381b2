//! Why a policy is refused.

use std::borrow::Cow;

/// Why a policy is refused, in Amazon's words (`MalformedPolicy`, in IAM `MalformedPolicyDocument`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(Cow<'static, str>);

impl PolicyError {
    pub(super) const JSON: Self = Self::fixed("This policy contains invalid Json");
    pub(super) const SYNTAX: Self = Self::fixed("Invalid policy syntax.");
    pub(super) const TOO_LARGE: Self = Self::fixed("Policy exceeds the maximum allowed document size.");
    pub(super) const VERSION: Self = Self::fixed("The policy must contain a valid version string");
    pub(super) const ACTION: Self = Self::fixed("Policy has invalid action");
    pub(super) const RESOURCE: Self = Self::fixed("Policy has invalid resource");
    pub(super) const PRINCIPAL: Self = Self::fixed("Invalid principal in policy");
    pub(super) const ALLOW_NOT_PRINCIPAL: Self = Self::fixed("Allow with NotPrincipal is not allowed.");
    pub(super) const SAME_SID: Self = Self::fixed("Statement IDs (SID) in a single policy must be unique.");
    pub(super) const NOT_APPLICABLE: Self = Self::fixed("Action does not apply to any resource(s) in statement");
    pub(super) const NOT_FOR_IDENTITIES: Self = Self::fixed("Policy document should not specify a principal.");
    pub(super) const NOT_FOR_TRUST: Self = Self::fixed("Has prohibited field Resource");

    const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    pub(super) fn missing(field: &str) -> Self {
        Self(Cow::Owned(format!("Missing required field {field}")))
    }

    pub(super) fn unknown(field: &str) -> Self {
        Self(Cow::Owned(format!("Unknown field {}", field.chars().take(64).collect::<String>())))
    }

    pub(super) fn effect(word: &str) -> Self {
        Self(Cow::Owned(format!("Invalid effect: {}", word.chars().take(64).collect::<String>())))
    }

    pub(super) const fn condition_key() -> Self {
        Self::fixed("Policy has an invalid condition key")
    }

    pub(super) fn condition_operator(word: &str) -> Self {
        Self(Cow::Owned(format!("Invalid Condition type : {}", word.chars().take(64).collect::<String>())))
    }

    /// A document that is longer than one may be.
    #[must_use]
    pub fn too_large() -> Self {
        Self::TOO_LARGE
    }

    /// The text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }
}
