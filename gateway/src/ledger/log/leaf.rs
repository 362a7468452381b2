//! Leaves of the log: one line of text each, with one form for each content.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use crate::domain::money::account::Book;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::log::tree::{Hash, leaf_hash};

/// The longest leaf, in bytes: a cause of 200 characters may become 2,400 bytes.
pub const LEAF_BYTES_MAX: usize = 4096;
/// The longest cause, in characters.
const CAUSE_CHARACTERS_MAX: usize = 200;

const TRANSFER: &str = "haulout-transfer/1";
const BEGIN: &str = "haulout-epoch-begin/1";
const END: &str = "haulout-epoch-end/1";

/// A leaf. The text form is its content, without a newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// An epoch is settled: what follows, up to the end, was posted since the end of the one before.
    Begin {
        /// The epoch.
        epoch: Epoch,
        /// The SHA-256 of the file of its inputs.
        inputs: Hash,
        /// The length of that file.
        bytes: u64,
    },
    /// A transfer.
    Transfer {
        /// Its number among all transfers of the log, from 1, without gaps.
        sequence: u64,
        /// What was moved, under published names.
        transfer: Transfer,
    },
    /// All of the epoch has been said.
    End {
        /// The epoch.
        epoch: Epoch,
        /// How many transfers there are since its beginning.
        transfers: u64,
        /// The sum of their amounts, of both books.
        total: u128,
    },
}

/// Why a text is no leaf.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Too long, or not UTF-8.
    #[error("a leaf is a line of at most {LEAF_BYTES_MAX} bytes of UTF-8")]
    Line,
    /// The first word is unknown.
    #[error("the first word is none of `{TRANSFER}`, `{BEGIN}` and `{END}`")]
    Version,
    /// A field is wrong or missing.
    #[error("{0}")]
    Field(&'static str),
    /// Another text has the same content.
    #[error("this is not how a leaf with this content is written")]
    Form,
}

impl Leaf {
    /// Reads a leaf.
    ///
    /// # Errors
    /// [`LeafError`].
    pub fn read(bytes: &[u8]) -> Result<Self, LeafError> {
        std::str::from_utf8(bytes).map_err(|_| LeafError::Line)?.parse()
    }

    /// Its hash in the tree.
    #[must_use]
    pub fn hash(&self) -> Hash {
        leaf_hash(self.to_string().as_bytes())
    }
}

fn book_name(book: Book) -> &'static str {
    match book {
        Book::Track => "track",
        Book::On => "on",
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin { epoch, inputs, bytes } => write!(f, "{BEGIN} {epoch} {} {bytes}", hex::encode(inputs.0)),
            Self::End { epoch, transfers, total } => write!(f, "{END} {epoch} {transfers} {total}"),
            Self::Transfer { sequence, transfer } => {
                let Transfer { id, book, debit, credit, amount, code, epoch, cause } = transfer;
                let (id, book, code) = (hex::encode(id.0), book_name(*book), code.as_str());
                write!(f, "{TRANSFER} {sequence} {id} {book} {code} {epoch} {debit} {credit} {} ", amount.0)?;
                write_cause(f, cause)
            }
        }
    }
}

/// Letters, digits and some marks as they are, all other bytes as `%` and two digits, and `-` for no cause.
fn write_cause(f: &mut fmt::Formatter<'_>, cause: &str) -> fmt::Result {
    match cause {
        "" => f.write_char('-'),
        "-" => f.write_str("%2D"),
        _ => cause.bytes().try_for_each(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'/' | b':' | b'+' | b'=' | b'@' | b'#' => {
                f.write_char(char::from(byte))
            }
            other => write!(f, "%{other:02X}"),
        }),
    }
}

fn read_cause(text: &str) -> Option<String> {
    if text == "-" {
        return Some(String::new());
    }
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    let cause = String::from_utf8(bytes).ok()?;
    (cause.chars().count() <= CAUSE_CHARACTERS_MAX).then_some(cause)
}

/// The fields of a line, one after the other.
struct Fields<'a>(std::str::Split<'a, char>);

impl Fields<'_> {
    fn next<T>(&mut self, read: impl FnOnce(&str) -> Option<T>, expected: &'static str) -> Result<T, LeafError> {
        self.0.next().and_then(read).ok_or(LeafError::Field(expected))
    }
}

fn epoch_of(text: &str) -> Option<Epoch> {
    text.parse().ok().map(Epoch)
}

fn bytes_of<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

impl FromStr for Leaf {
    type Err = LeafError;

    fn from_str(line: &str) -> Result<Self, LeafError> {
        if line.len() > LEAF_BYTES_MAX {
            return Err(LeafError::Line);
        }
        let (word, rest) = line.split_once(' ').ok_or(LeafError::Version)?;
        let mut fields = Fields(rest.split(' '));
        let leaf = match word {
            BEGIN => Self::Begin {
                epoch: fields.next(epoch_of, "the number of an epoch expected")?,
                inputs: Hash(fields.next(bytes_of, "the hash of the inputs in 64 digits expected")?),
                bytes: fields.next(|text| text.parse().ok(), "the length of the inputs expected")?,
            },
            END => Self::End {
                epoch: fields.next(epoch_of, "the number of an epoch expected")?,
                transfers: fields.next(|text| text.parse().ok(), "a number of transfers expected")?,
                total: fields.next(|text| text.parse().ok(), "the sum of the amounts expected")?,
            },
            TRANSFER => read_transfer(&mut fields)?,
            _ => return Err(LeafError::Version),
        };
        // One text for each leaf: signs, leading zeros, capitals and further fields end here.
        if leaf.to_string() == line { Ok(leaf) } else { Err(LeafError::Form) }
    }
}

fn read_transfer(fields: &mut Fields<'_>) -> Result<Leaf, LeafError> {
    let number = |text: &str| text.parse().ok();
    let sequence = fields.next(number, "the sequence of the transfer expected")?;
    let id = TransferId(fields.next(bytes_of, "an id of 32 hexadecimal digits expected")?);
    let book = |text: &str| [Book::Track, Book::On].into_iter().find(|book| book_name(*book) == text);
    let book = fields.next(book, "the book expected, `track` or `on`")?;
    let code = fields.next(TransferCode::from_name, "a code of a transfer expected")?;
    let epoch = fields.next(epoch_of, "the number of an epoch expected")?;
    let debit = fields.next(|text| text.parse().ok(), "the account that gives expected")?;
    let credit = fields.next(|text| text.parse().ok(), "the account that gets expected")?;
    let amount = |text: &str| number(text).map(Frost).filter(|amount| !amount.is_zero() && *amount <= Frost::MAX);
    let amount = fields.next(amount, "an amount above zero that fits 63 bits expected")?;
    let cause = fields.next(read_cause, "a cause of at most 200 characters expected, or `-`")?;
    Ok(Leaf::Transfer { sequence, transfer: Transfer { id, book, debit, credit, amount, code, epoch, cause } })
}
