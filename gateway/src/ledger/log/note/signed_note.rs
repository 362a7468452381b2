//! Signed notes: a text, an empty line, and lines of signatures, as in C2SP signed-note.

use std::fmt;

use super::key::NoteKey;
use super::key_name::KeyName;
use super::signature::{NoteSignature, SignatureLineError};

/// The longest note that is read, in bytes: enough for [`SIGNATURES_MAX`] of the longest kind.
pub const NOTE_BYTES_MAX: usize = 256 << 10;
/// The most signatures that a note may have. Those of unknown keys count.
pub const SIGNATURES_MAX: usize = 48;

/// A note. Nothing is known of its signatures until [`SignedNote::signed_by`] is asked. Each note has one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// Why something is no note, or no good one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("a note of {0} bytes, at most {NOTE_BYTES_MAX}")]
    TooLong(usize),
    /// Not UTF-8, or with control characters.
    #[error("a note is UTF-8 without control characters other than newline")]
    Letters,
    /// No empty line, or nothing behind it.
    #[error("a note is a text that ends in a newline, an empty line, and lines of signatures")]
    Form,
    /// A line behind the empty one is no signature.
    #[error("line {0} is no signature: a dash, a name, and base64 of a key id and a signature")]
    Signature(usize),
    /// More than [`SIGNATURES_MAX`].
    #[error("{0} signatures, at most {SIGNATURES_MAX}")]
    TooMany(usize),
    /// A signature by a known key that the key did not make.
    #[error("the signature by {0} is not of this text")]
    Wrong(KeyName),
}

impl SignedNote {
    /// A note with this text, not signed yet.
    ///
    /// # Errors
    /// [`NoteError::Letters`], or [`NoteError::Form`] if the text does not end in a newline.
    pub fn new(text: String) -> Result<Self, NoteError> {
        if text.contains(|letter: char| letter < ' ' && letter != '\n') {
            return Err(NoteError::Letters);
        }
        if text.ends_with('\n') { Ok(Self { text, signatures: Vec::new() }) } else { Err(NoteError::Form) }
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError`], [`NoteError::Wrong`] excepted.
    pub fn read(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Letters)?;
        // The last empty line separates: a text may have others. No line of a signature is empty.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let mut read = Self::new(format!("{text}\n"))?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        let count = lines.split('\n').count();
        if count > SIGNATURES_MAX {
            return Err(NoteError::TooMany(count));
        }
        let first = read.text.lines().count() + 2;
        for (number, line) in (first..).zip(lines.split('\n')) {
            read.signatures.push(line.parse().map_err(|_: SignatureLineError| NoteError::Signature(number))?);
        }
        Ok(read)
    }

    /// What is signed, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, verified or not.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature. One by the same key is replaced.
    pub fn add(&mut self, signature: NoteSignature) {
        self.signatures.retain(|other| (&other.name, other.id) != (&signature.name, signature.id));
        self.signatures.push(signature);
    }

    /// Whether this key signed the text: the time of its signature, 0 for kinds without one.
    ///
    /// # Errors
    /// [`NoteError::Wrong`] if a signature claims to be by this key and is not: then the note is not to be used at all.
    pub fn signed_by(&self, key: &NoteKey) -> Result<Option<u64>, NoteError> {
        let mut time = None;
        for signature in self.signatures.iter().filter(|signature| key.is_named_by(signature)) {
            let verified = key.time_of(&self.text, signature);
            time = time.max(Some(verified.ok_or_else(|| NoteError::Wrong(key.name.clone()))?));
        }
        Ok(time)
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
