//! What is said to those who fail to prove who they are.

use crate::s3::auth::v4::claim;
use crate::s3::error::{Code, S3Error};

/// The longest text that a refusal repeats, in bytes: it is repeated four times over, to somebody who may be anybody.
pub(super) const SHOWN_BYTES_MAX: usize = 8 << 10;

pub(super) fn unknown_key(id: &str) -> S3Error {
    S3Error::new(Code::InvalidAccessKeyId).field("AWSAccessKeyId", claim::shown(id))
}

pub(super) fn mismatch(access_key: &str, to_sign: &str, signature: &str) -> S3Error {
    let error = S3Error::new(Code::SignatureDoesNotMatch).field("AWSAccessKeyId", access_key);
    if to_sign.len().max(signature.len()) > SHOWN_BYTES_MAX {
        return error;
    }
    error
        .field("StringToSign", to_sign)
        .field("SignatureProvided", signature)
        .field("StringToSignBytes", spaced_hex(to_sign.as_bytes()))
}

/// `41 57 53`, the way Amazon shows bytes.
pub(super) fn spaced_hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}
