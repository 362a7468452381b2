//! Object keys.

use std::fmt;

use bytes::Bytes;

/// The key of an object: 1 to 1,024 bytes of UTF-8 without NUL, otherwise opaque, compared as bytes. It never
/// becomes a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(Bytes);

/// Why a key is refused.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// `InvalidArgument` (an empty key means another operation).
    #[error("a key has at least one byte")]
    Empty,
    /// `KeyTooLongError`.
    #[error("your key is too long")]
    TooLong,
    /// `InvalidURI`.
    #[error("a key is UTF-8 without NUL")]
    NotText,
}

impl ObjectKey {
    /// The longest key, in bytes.
    pub const BYTES_MAX: usize = 1_024;

    /// Checks and takes a key.
    ///
    /// # Errors
    /// Says which rule the bytes break.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, KeyError> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            Err(KeyError::Empty)
        } else if bytes.len() > Self::BYTES_MAX {
            Err(KeyError::TooLong)
        } else if bytes.contains(&0) || std::str::from_utf8(&bytes).is_err() {
            Err(KeyError::NotText)
        } else {
            Ok(Self(bytes))
        }
    }

    /// The key's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("checked to be UTF-8 when it was made")
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_any_text_of_1_to_1024_bytes() {
        assert_eq!(ObjectKey::new(""), Err(KeyError::Empty));
        assert_eq!(ObjectKey::new(vec![b'a'; 1_025]), Err(KeyError::TooLong));
        assert_eq!(ObjectKey::new(&b"\xff"[..]), Err(KeyError::NotText));
        assert_eq!(ObjectKey::new(&b"a\0b"[..]), Err(KeyError::NotText));
        for key in ["/", "//", "..", "a/../b", "\u{1}", "\u{2028}", "é"] {
            assert_eq!(ObjectKey::new(key).expect("valid").as_str(), key);
        }
    }
}
