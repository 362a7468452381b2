//! How a blob is encoded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The families of schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SchemeKind {
    /// Systematic Reed-Solomon, `rs-K-M`: k data slivers, m parity slivers, any k of them are enough.
    ReedSolomon,
    /// Whole copies, `copy-N`: every sliver holds everything (k = 1).
    Copies,
}

/// How a blob is encoded: its family, k and m. Written and persisted as text, `rs-4-2` or `copy-3`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Scheme {
    kind: SchemeKind,
    k: u8,
    m: u8,
}

/// Why something is not a scheme that this build can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// Not of the form `rs-K-M` or `copy-N`.
    #[error("{0:?} is not a scheme: write rs-K-M (such as rs-4-2) or copy-N (such as copy-3)")]
    Unknown(String),
    /// A known family that this version cannot encode.
    #[error("{0:?}: RedStuff is not available in this version, choose rs-K-M or copy-N")]
    Unavailable(String),
    /// The right form with counts out of range.
    #[error("scheme {0}: rs-K-M needs K >= 1, M >= 1 and K + M <= 255; copy-N needs 1 <= N <= 255")]
    OutOfRange(String),
}

impl Scheme {
    /// Most slivers that a blob may have: their index is one byte, and 255 stays free.
    pub const SLIVERS_MAX: usize = 255;

    /// Reed-Solomon with k data and m parity slivers.
    ///
    /// # Errors
    /// [`SchemeError::OutOfRange`] unless k >= 1, m >= 1 and k + m <= 255.
    pub fn reed_solomon(k: usize, m: usize) -> Result<Self, SchemeError> {
        let refused = || SchemeError::OutOfRange(format!("rs-{k}-{m}"));
        if k == 0 || m == 0 || k.saturating_add(m) > Self::SLIVERS_MAX {
            return Err(refused());
        }
        let (k8, m8) = (u8::try_from(k).map_err(|_| refused())?, u8::try_from(m).map_err(|_| refused())?);
        Ok(Self { kind: SchemeKind::ReedSolomon, k: k8, m: m8 })
    }

    /// `n` whole copies.
    ///
    /// # Errors
    /// [`SchemeError::OutOfRange`] unless 1 <= n <= 255.
    pub fn copies(n: usize) -> Result<Self, SchemeError> {
        match u8::try_from(n) {
            Ok(n) if n >= 1 => Ok(Self { kind: SchemeKind::Copies, k: 1, m: n - 1 }),
            _ => Err(SchemeError::OutOfRange(format!("copy-{n}"))),
        }
    }

    /// Its family.
    #[must_use]
    pub fn kind(&self) -> SchemeKind {
        self.kind
    }

    /// Number of data slivers, and of slivers that are enough to read the blob.
    #[must_use]
    pub fn k(&self) -> usize {
        usize::from(self.k)
    }

    /// Number of slivers that may be lost.
    #[must_use]
    pub fn m(&self) -> usize {
        usize::from(self.m)
    }

    /// Number of slivers, k + m.
    #[must_use]
    pub fn n(&self) -> usize {
        self.k() + self.m()
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            SchemeKind::ReedSolomon => write!(f, "rs-{}-{}", self.k, self.m),
            SchemeKind::Copies => write!(f, "copy-{}", self.n()),
        }
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Scheme {
    type Err = SchemeError;

    fn from_str(text: &str) -> Result<Self, SchemeError> {
        let unknown = || SchemeError::Unknown(text.chars().take(80).collect());
        let (family, counts) = text.split_once('-').ok_or_else(unknown)?;
        match family {
            "rs" => {
                let (k, m) = counts.split_once('-').ok_or_else(unknown)?;
                Self::reed_solomon(count(k).ok_or_else(unknown)?, count(m).ok_or_else(unknown)?)
            }
            "copy" => Self::copies(count(counts).ok_or_else(unknown)?),
            "redstuff" if count(counts).is_some() => Err(SchemeError::Unavailable(text.to_owned())),
            _ => Err(unknown()),
        }
    }
}

/// A plain decimal count of at most six digits: no sign, no leading zero, so that a scheme has one spelling.
fn count(text: &str) -> Option<usize> {
    let plain = !text.is_empty() && text.len() <= 6 && text.bytes().all(|digit| digit.is_ascii_digit());
    if plain && (text == "0" || !text.starts_with('0')) { text.parse().ok() } else { None }
}

impl TryFrom<String> for Scheme {
    type Error = SchemeError;

    fn try_from(text: String) -> Result<Self, SchemeError> {
        text.parse()
    }
}

impl From<Scheme> for String {
    fn from(scheme: Scheme) -> Self {
        scheme.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_both_ways() {
        for (text, k, m) in
            [("rs-4-2", 4, 2), ("rs-1-1", 1, 1), ("rs-200-55", 200, 55), ("copy-3", 1, 2), ("copy-1", 1, 0)]
        {
            let scheme: Scheme = text.parse().unwrap();
            assert_eq!((scheme.k(), scheme.m(), scheme.n()), (k, m, k + m));
            assert_eq!(scheme.to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_scheme_says_what_to_write() {
        for text in [
            "",
            "rs",
            "rs-4",
            "rs-4-2-1",
            "rs-04-2",
            "rs-+4-2",
            "rs--2",
            "RS-4-2",
            "copy",
            "copy-",
            "raid-5",
            "rs-4-9999999",
        ] {
            assert!(matches!(text.parse::<Scheme>(), Err(SchemeError::Unknown(_))), "{text}");
        }
        for text in ["rs-0-2", "rs-4-0", "rs-200-56", "copy-0", "copy-256", "rs-256-1"] {
            assert!(matches!(text.parse::<Scheme>(), Err(SchemeError::OutOfRange(_))), "{text}");
        }
        let refused = "redstuff-10".parse::<Scheme>().unwrap_err();
        assert!(refused.to_string().contains("not available"), "{refused}");
    }
}
