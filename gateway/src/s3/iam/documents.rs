//! Checks policy documents before they are kept.

use serde_json::Value;

use super::error::IamError;

/// Checks what is to say what somebody may do.
///
/// # Errors
/// `MalformedPolicyDocument`.
pub fn check_identity(text: &str, letters_max: usize) -> Result<(), IamError> {
    check(text, letters_max)
}

/// Checks what is to say who may become a role.
///
/// # Errors
/// `MalformedPolicyDocument`.
pub fn check_trust(text: &str) -> Result<(), IamError> {
    check(text, 2_048)
}

fn check(text: &str, letters_max: usize) -> Result<(), IamError> {
    if text.chars().filter(|letter| !letter.is_whitespace()).count() > letters_max {
        return Err(IamError::limit("policy size", letters_max));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(_)) => Ok(()),
        _ => Err(IamError::policy("Syntax errors in policy.")),
    }
}
