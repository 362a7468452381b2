//! The sums of a log: what each account has after each transfer, and that no id occurs twice.

use std::collections::{BTreeMap, HashSet};

use super::planned::Claims;
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferId};
use crate::ledger::balance::is_limited;

/// Balances after the transfers so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    balances: BTreeMap<(Book, LedgerAccount), i128>,
    /// Ids of the transfers that were added here, and not of those before [`Sums::after`].
    ids: HashSet<TransferId>,
    sequence: u64,
    /// A transfer could not be read: what accounts have is not known from there on.
    pub(super) is_unknown: bool,
}

impl Sums {
    /// What was kept: the number of the last transfer, and what accounts have after it.
    #[must_use]
    pub fn after(sequence: u64, balances: BTreeMap<(Book, LedgerAccount), i128>) -> Self {
        Self { balances, ids: HashSet::new(), sequence, is_unknown: false }
    }

    /// The same without what is not kept: the ids, and accounts that have nothing.
    pub(super) fn into_kept(mut self) -> Self {
        self.balances.retain(|_, balance| *balance != 0);
        Self::after(self.sequence, self.balances)
    }

    /// The number of the last transfer.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// What accounts have that have something, or owe it.
    pub fn balances(&self) -> impl Iterator<Item = (Book, &LedgerAccount, i128)> {
        self.balances
            .iter()
            .filter(|(_, balance)| **balance != 0)
            .map(|((book, account), balance)| (*book, account, *balance))
    }

    pub(super) fn accounts(&self) -> u64 {
        u64::try_from(self.balances.len()).unwrap_or(u64::MAX)
    }

    /// Takes the next transfer. Answers with what is wrong about it.
    pub(super) fn add(&mut self, sequence: u64, transfer: &Transfer) -> Vec<String> {
        let mut wrong = Vec::new();
        if sequence != self.sequence + 1 && !self.is_unknown {
            wrong.push(format!("transfer {sequence} follows transfer {}", self.sequence));
        }
        self.sequence = sequence;
        if !self.ids.insert(transfer.id) {
            wrong.push(format!("the id {} occurs a second time", hex::encode(transfer.id.0)));
        }
        if transfer.debit == transfer.credit {
            wrong.push(format!("`{}` pays itself", transfer.debit));
        }
        let amount = i128::from(transfer.amount.0);
        let after = self.post(transfer, &transfer.debit, -amount);
        if after < 0 && !self.is_unknown && is_limited(transfer.book, &transfer.debit) {
            wrong.push(format!("`{}` gives {amount} FROST, which is {} more than it has", transfer.debit, -after));
        }
        self.post(transfer, &transfer.credit, amount);
        wrong
    }

    /// What the inputs of an epoch say that accounts have, against what they have by the transfers so far. Answers with what differs.
    pub(super) fn differences(&self, claims: &Claims) -> Vec<String> {
        let has =
            |account: &LedgerAccount| self.balances.get(&(claims.book, account.clone())).copied().unwrap_or_default();
        if self.is_unknown {
            return Vec::new();
        }
        let exact = claims.balances.iter().filter(|(account, said)| has(account) != i128::from(said.0));
        let least = claims.balances_least.iter().filter(|(account, said)| has(account) < i128::from(said.0));
        let differs = |(account, said): (&LedgerAccount, &Frost)| {
            format!("`{account}` is said to have {} FROST, and has {} by the transfers", said.0, has(account))
        };
        exact.chain(least).map(differs).collect()
    }

    fn post(&mut self, transfer: &Transfer, account: &LedgerAccount, amount: i128) -> i128 {
        let balance = self.balances.entry((transfer.book, account.clone())).or_default();
        *balance += amount;
        *balance
    }

    /// Debits less credits over all accounts of a book: zero, or this program has lost something.
    pub(super) fn difference(&self, book: Book) -> i128 {
        self.balances.iter().filter(|((of, _), _)| *of == book).map(|(_, balance)| balance).sum()
    }
}
