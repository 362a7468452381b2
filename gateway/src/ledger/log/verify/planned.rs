//! What the rules give for the inputs of an epoch, and what the inputs say that a verifier knows itself.

use std::collections::BTreeMap;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::frost::Frost;
use crate::domain::money::price::Prices;
use crate::domain::money::transfer::Transfer;

/// An epoch as its inputs and the rules have it, under published names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlannedEpoch {
    /// Its transfers, in the order in which they are posted.
    pub transfers: Vec<Transfer>,
    /// What can be compared with the epochs before; none where the rules are about transfers alone.
    pub claims: Option<Claims>,
}

/// What the inputs of an epoch say about the ledger and about what earlier epochs of its book left, and what it leaves itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The book that it is settled in.
    pub book: Book,
    /// Its prices.
    pub prices: Prices,
    /// What accounts have before the first of its transfers, in FROST.
    pub balances: BTreeMap<LedgerAccount, Frost>,
    /// What accounts have at least then: they may have more that does not count yet.
    pub balances_least: BTreeMap<LedgerAccount, Frost>,
    /// What is left of earlier epochs of the book, all of it: values by name.
    pub before: BTreeMap<String, String>,
    /// What the epoch leaves in the same form, by the rules.
    pub after: BTreeMap<String, String>,
    /// Shares of stakes, by their names. Only those are named that have a part in the epoch.
    pub shares_before: BTreeMap<String, u128>,
    /// Shares of the stakes that the epoch changes; none of one that is paid back.
    pub shares_after: BTreeMap<String, Option<u128>>,
}

impl From<Vec<Transfer>> for PlannedEpoch {
    fn from(transfers: Vec<Transfer>) -> Self {
        Self { transfers, claims: None }
    }
}
