//! Lines of signatures.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key_name::KeyName;

/// What a line of a signature begins with: an em dash and a space.
const LINE_HEAD: &str = "\u{2014} ";

/// A signature, verified or not. The text form is its line, without the newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Whose it claims to be.
    pub name: KeyName,
    /// The id of the key that it claims to be made with.
    pub id: [u8; 4],
    /// The signature itself, with a time before it where the key's kind has one.
    pub bytes: Vec<u8>,
}

/// A line that is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature is a line of a dash, a name, and base64 of a key id and the signature")]
pub struct SignatureLineError;

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([self.id.as_slice(), &self.bytes].concat());
        write!(f, "{LINE_HEAD}{} {encoded}", self.name)
    }
}

impl FromStr for NoteSignature {
    type Err = SignatureLineError;

    fn from_str(line: &str) -> Result<Self, SignatureLineError> {
        let parts = line.strip_prefix(LINE_HEAD).and_then(|rest| rest.split_once(' '));
        let (name, encoded) = parts.ok_or(SignatureLineError)?;
        let name = name.parse().map_err(|_| SignatureLineError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SignatureLineError)?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or(SignatureLineError)?;
        if bytes.is_empty() {
            return Err(SignatureLineError);
        }
        Ok(Self { name, id: *id, bytes: bytes.to_vec() })
    }
}
