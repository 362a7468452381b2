//! Root credentials from the environment, and the secrets nobody may use.

use std::fmt;

use zeroize::Zeroizing;

/// The root user's access key. Debug output never shows the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RootCredentials {
    /// The public half.
    pub access_key: String,
    /// The secret half; wiped when dropped.
    pub secret_key: Zeroizing<String>,
}

impl fmt::Debug for RootCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootCredentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Words that guessers try first, and the examples of Amazon's documentation.
const REFUSED: [&str; 21] = [
    "minioadmin",
    "minio123",
    "miniostorage",
    "rustfsadmin",
    "admin",
    "adminadmin",
    "administrator",
    "root",
    "rootroot",
    "password",
    "passw0rd",
    "changeme",
    "changeit",
    "secret",
    "secretkey",
    "default",
    "haulout",
    "hauloutadmin",
    "12345678",
    "test1234",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
];

/// The access key of Amazon's documentation.
const EXAMPLE: &str = "AKIAIOSFODNN7EXAMPLE";

/// Why this pair of access key and secret may not be used, if it may not: too short, a known default, or guessable
/// from its public half.
#[must_use]
pub fn refused_secret(access_key: &str, secret: &str) -> Option<&'static str> {
    let refused = |text: &str| REFUSED.iter().any(|word| word.eq_ignore_ascii_case(text));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if access_key.len() < 3 || access_key.len() > 128 || !access_key.chars().all(plain) {
        Some("an access key is 3 to 128 of A-Z, a-z, 0-9, '-', '_' and '.'")
    } else if access_key.starts_with("ASIA") {
        Some("access keys that begin with ASIA are temporary; choose another")
    } else if secret.len() < 8 {
        Some("a secret key has at least 8 characters")
    } else if secret.len() > 128 || !secret.bytes().all(|b| b.is_ascii_graphic()) {
        Some("a secret key is at most 128 visible ASCII characters without spaces")
    } else if refused(secret) || access_key == EXAMPLE {
        Some("this is a well-known default that anyone would try first; choose another")
    } else if access_key.eq_ignore_ascii_case(secret) {
        Some("the secret key is the same as the access key")
    } else if secret.bytes().all(|b| secret.as_bytes().first() == Some(&b)) {
        Some("the secret key is one character repeated")
    } else {
        None
    }
}
