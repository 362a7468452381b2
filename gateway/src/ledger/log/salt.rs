//! Names of payers and buckets as they are published, and how an owner shows what such a name stands for.

use std::fmt;
use std::str::FromStr;

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};

/// What the keyed hashes are for; they cannot be taken for others of the same key.
const SALT_CONTEXT: &[u8] = b"haulout ledger salt\0";
const NAME_CONTEXT: &[u8] = b"haulout ledger name\0";
const ID_CONTEXT: &[u8] = b"haulout ledger id\0";
/// Of a published name: 32 hexadecimal digits, so that nobody finds two names for it.
const NAME_BYTES: usize = 16;
/// The longest name that is salted, in bytes.
const PRIVATE_BYTES_MAX: usize = 1024;

/// What kind of name is salted. The same text has another salted name in each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// An account of the cluster.
    Payer,
    /// A bucket.
    Bucket,
    /// The reference that an operator gave for a movement by hand.
    Reference,
}

impl NameKind {
    /// The word that stands before a name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payer => "payer",
            Self::Bucket => "bucket",
            Self::Reference => "reference",
        }
    }
}

/// Salts names. Whoever has its key knows all names; all gateways of a cluster have the same.
#[derive(Clone)]
pub struct Salter {
    key: [u8; 32],
}

/// What an owner gives to show that a published name stands for a private one: `haulout-name/1 KIND SALT NAME`. It discloses
/// nothing about other names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The kind of the name.
    pub kind: NameKind,
    /// The salt of this name alone.
    pub salt: [u8; 32],
    /// The name itself.
    pub name: String,
}

/// A text that opens no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`haulout-name/1 payer|bucket|reference SALT NAME` expected, with a salt of 64 lower-case hexadecimal digits")]
pub struct OpeningError;

impl Salter {
    /// Salts with this key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// What opens the published form of this name.
    #[must_use]
    pub fn opening(&self, kind: NameKind, name: &str) -> Opening {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(SALT_CONTEXT).update(kind.as_str().as_bytes()).update(b"\0").update(name.as_bytes());
        Opening { kind, salt: hasher.finalize().into(), name: name.to_owned() }
    }

    /// The published form of a name.
    #[must_use]
    pub fn salted(&self, kind: NameKind, name: &str) -> String {
        self.opening(kind, name).published()
    }

    /// An account as it is published.
    #[must_use]
    pub fn account(&self, account: &LedgerAccount) -> LedgerAccount {
        match account {
            LedgerAccount::Payer(name) => LedgerAccount::Payer(self.salted(NameKind::Payer, name)),
            LedgerAccount::Bucket(name) => LedgerAccount::Bucket(self.salted(NameKind::Bucket, name)),
            other => other.clone(),
        }
    }

    /// A transfer as it is published: payers, buckets and what operators wrote under salted names. The causes of planned transfers
    /// stay, except that words `payer/NAME` and `bucket/NAME` in them are salted if they are not yet, as those in published inputs are.
    #[must_use]
    pub fn transfer(&self, transfer: &Transfer) -> Transfer {
        // Stakes go under names that follow from their references and don't show them.
        let is_stake = matches!(transfer.code, TransferCode::Stake | TransferCode::Unstake);
        let cause = if is_by_hand(transfer.code) && !is_stake && !transfer.cause.is_empty() {
            format!("{}/{}", NameKind::Reference.as_str(), self.salted(NameKind::Reference, &transfer.cause))
        } else {
            transfer.cause.split(' ').map(|word| self.word(word)).collect::<Vec<_>>().join(" ")
        };
        Transfer {
            id: self.id(transfer),
            debit: self.account(&transfer.debit),
            credit: self.account(&transfer.credit),
            cause,
            ..transfer.clone()
        }
    }

    /// The id of a transfer as it is published. That of a credit or a payout follows from its reference alone: whoever guesses the reference
    /// would find it. All others stay, for they are the plan's.
    fn id(&self, transfer: &Transfer) -> TransferId {
        if !matches!(transfer.code, TransferCode::Credit | TransferCode::Payout) {
            return transfer.id;
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        let hash = hasher.update(ID_CONTEXT).update(&transfer.id.0).finalize();
        TransferId(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }

    /// A word of a cause: names of payers and buckets are salted, unless they have the form of salted ones.
    fn word(&self, word: &str) -> String {
        let named = word.split_once('/').and_then(|(kind, name)| {
            let kinds = [NameKind::Payer, NameKind::Bucket];
            kinds.into_iter().find(|known| known.as_str() == kind).map(|kind| (kind, name))
        });
        match named {
            Some((kind, name)) if !is_salted(name) => format!("{}/{}", kind.as_str(), self.salted(kind, name)),
            _ => word.to_owned(),
        }
    }
}

fn is_salted(name: &str) -> bool {
    name.len() == 2 * NAME_BYTES && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether transfers of this kind are made on somebody's word and not by the plan of an epoch.
#[must_use]
pub const fn is_by_hand(code: TransferCode) -> bool {
    matches!(
        code,
        TransferCode::Credit
            | TransferCode::Payout
            | TransferCode::Endowment
            | TransferCode::Move
            | TransferCode::Stake
            | TransferCode::Unstake
            | TransferCode::Correction
    )
}

impl fmt::Debug for Salter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salter(..)")
    }
}

impl Opening {
    /// The published name that this opens.
    #[must_use]
    pub fn published(&self) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.salt);
        hasher.update(NAME_CONTEXT).update(self.kind.as_str().as_bytes()).update(b"\0").update(self.name.as_bytes());
        hex::encode(&hasher.finalize().as_bytes()[..NAME_BYTES])
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "haulout-name/1 {} {} {}", self.kind.as_str(), hex::encode(self.salt), self.name)
    }
}

impl FromStr for Opening {
    type Err = OpeningError;

    fn from_str(text: &str) -> Result<Self, OpeningError> {
        let mut parts = text.splitn(4, ' ');
        let kinds = [NameKind::Payer, NameKind::Bucket, NameKind::Reference];
        let head = parts.next().filter(|word| *word == "haulout-name/1");
        let kind = head.and(parts.next()).and_then(|word| kinds.into_iter().find(|kind| kind.as_str() == word));
        let mut salt = [0; 32];
        let decoded = parts.next().and_then(|digits| hex::decode_to_slice(digits, &mut salt).ok());
        let name = parts.next().filter(|name| name.len() <= PRIVATE_BYTES_MAX);
        let (Some(kind), Some(()), Some(name)) = (kind, decoded, name) else { return Err(OpeningError) };
        let opening = Self { kind, salt, name: name.to_owned() };
        if opening.to_string() == text { Ok(opening) } else { Err(OpeningError) }
    }
}
