//! Names of keys, as they stand in lines of signatures.

use std::fmt;
use std::str::FromStr;

/// The longest name of a key, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The name of a key: of a log its origin, of a witness best a URL without scheme.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// A text that cannot be a name in a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name of a key has 1 to {NAME_BYTES_MAX} bytes, no spaces, no control characters and no `+`")]
pub struct KeyNameError;

impl KeyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        let refused = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
        if (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.contains(refused) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyNameError)
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
