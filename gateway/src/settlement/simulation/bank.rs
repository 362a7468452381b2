//! The ledger of a simulation, in memory: balances, and which transfers were posted.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferId};

/// Balances of accounts.
#[derive(Clone, Debug, Default)]
pub struct Bank {
    balances: BTreeMap<LedgerAccount, i128>,
    posted: BTreeSet<TransferId>,
}

impl Bank {
    /// Moves money that no plan moves, as when someone pays in or stakes.
    pub fn shift(&mut self, debit: LedgerAccount, credit: LedgerAccount, amount: Frost) {
        *self.balances.entry(debit).or_default() -= i128::from(amount.0);
        *self.balances.entry(credit).or_default() += i128::from(amount.0);
    }

    /// Posts transfers, each once. Returns the accounts that fell below zero on the way, which only the outside may.
    pub fn apply(&mut self, transfers: &[Transfer]) -> Vec<LedgerAccount> {
        let mut overdrawn = Vec::new();
        for transfer in transfers {
            if !self.posted.insert(transfer.id) {
                continue;
            }
            self.shift(transfer.debit.clone(), transfer.credit.clone(), transfer.amount);
            if transfer.debit != LedgerAccount::Outside && self.balance(&transfer.debit) < 0 {
                overdrawn.push(transfer.debit.clone());
            }
        }
        overdrawn
    }

    /// What an account has.
    #[must_use]
    pub fn balance(&self, account: &LedgerAccount) -> i128 {
        self.balances.get(account).copied().unwrap_or(0)
    }

    /// What an account has that is never below zero.
    #[must_use]
    pub fn funds(&self, account: &LedgerAccount) -> Frost {
        u64::try_from(self.balance(account)).map_or(Frost::ZERO, Frost)
    }

    /// The sum of all accounts: zero.
    #[must_use]
    pub fn sum(&self) -> i128 {
        self.balances.values().sum()
    }

    /// How many transfers were posted.
    #[must_use]
    pub fn posted(&self) -> usize {
        self.posted.len()
    }
}
