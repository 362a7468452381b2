//! Validates policy documents before they are stored.

use crate::policy::{Document, PolicyError};
use crate::s3::iam::error::IamError;

/// The longest document that is looked at, in bytes: limits count no white space.
const BYTES_MAX: usize = 64 << 10;

/// Checks an identity policy; `letters_max` bounds it, white space not counted.
///
/// # Errors
/// `MalformedPolicyDocument`, `LimitExceeded`.
pub fn check_identity(text: &str, letters_max: usize) -> Result<(), IamError> {
    read(text, letters_max)?.check_identity().map_err(refused)
}

/// Checks a trust policy; answers what it says.
///
/// # Errors
/// `MalformedPolicyDocument`, `LimitExceeded`.
pub fn check_trust(text: &str) -> Result<Document, IamError> {
    let document = read(text, 2_048)?;
    document.check_trust().map_err(refused)?;
    Ok(document)
}

fn read(text: &str, letters_max: usize) -> Result<Document, IamError> {
    if text.chars().filter(|letter| !letter.is_whitespace()).count() > letters_max {
        return Err(IamError::limit("policy size", letters_max));
    }
    Document::parse(text, BYTES_MAX).map_err(refused)
}

fn refused(error: PolicyError) -> IamError {
    IamError::policy(error.message().to_owned())
}
