//! Whether money is computed, charged, or neither.

use serde::{Deserialize, Serialize};

use super::account::Book;

/// What an installation does about money. An epoch keeps the mode that it began with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MoneyMode {
    /// Costs are computed and nothing is refused.
    #[default]
    Track,
    /// Costs are charged, and writes that nobody can pay for are refused.
    On,
    /// Nothing is computed.
    Off,
}

impl MoneyMode {
    /// Where it keeps its books.
    #[must_use]
    pub const fn book(self) -> Option<Book> {
        match self {
            Self::Track => Some(Book::Track),
            Self::On => Some(Book::On),
            Self::Off => None,
        }
    }

    /// Its name in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}
