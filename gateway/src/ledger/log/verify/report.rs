//! What a verifier found.

use std::fmt;

use crate::domain::money::epoch::Epoch;
use crate::ledger::log::tree::Hash;

/// The most faults that are kept; more are counted.
pub const FAULTS_MAX: usize = 100;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line of a text, the entry of a bundle, the hash of a tile, each from 1; none for a file as a whole.
    pub line: Option<u64>,
    /// What is wrong with it.
    pub cause: String,
}

/// The result. An export is good if there are no faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The log.
    pub origin: String,
    /// The size and root of the latest checkpoint.
    pub head: Option<(u64, Hash)>,
    /// The first and the last epoch.
    pub epochs: Option<(Epoch, Epoch)>,
    /// How many transfers were read.
    pub transfers: u64,
    /// How many accounts they move money between.
    pub accounts: u64,
    /// How many checkpoints are good, the latest included.
    pub checkpoints: u64,
    /// The witnesses that cosigned the latest checkpoint, with the time of each, in seconds since 1970.
    pub cosigned: Vec<(String, u64)>,
    /// What is no fault and should be known.
    pub notes: Vec<String>,
    /// What is wrong, in the order of the log.
    pub faults: Vec<Fault>,
    /// Faults beyond [`FAULTS_MAX`].
    pub more_faults: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.faults.is_empty() && self.more_faults == 0
    }

    pub(super) fn fault(&mut self, file: impl fmt::Display, line: Option<u64>, cause: impl fmt::Display) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { file: file.to_string(), line, cause: cause.to_string() });
        } else {
            self.more_faults += 1;
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.cause),
            None => write!(f, "{}: {}", self.file, self.cause),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((size, root)) = self.head {
            writeln!(f, "log         {}\nleaves      {size}\nroot        {root}", self.origin)?;
        }
        if let Some((first, last)) = self.epochs {
            writeln!(f, "epochs      {first} to {last}")?;
        }
        writeln!(f, "transfers   {} between {} accounts", self.transfers, self.accounts)?;
        writeln!(f, "checkpoints {}", self.checkpoints)?;
        let names: Vec<_> = self.cosigned.iter().map(|(name, _)| name.as_str()).collect();
        writeln!(f, "cosigned by {}", if names.is_empty() { "nobody".to_owned() } else { names.join(", ") })?;
        self.notes.iter().try_for_each(|note| writeln!(f, "note        {note}"))?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "WRONG       {fault}"))?;
        if self.more_faults > 0 {
            writeln!(f, "WRONG       and {} more", self.more_faults)?;
        }
        f.write_str(if self.is_good() { "good\n" } else { "not good\n" })
    }
}
