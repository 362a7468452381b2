//! A plan while it is made: the transfers so far, and what each provider has after them.

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::TransferCode;
use crate::staking::{Parameter, Pool, share_down};

use super::inputs::{EpochInputs, ProviderFacts};
use super::periods::{Outcome, Period};
use super::transfer_id::Postings;

/// A provider while its epoch is settled.
#[derive(Debug)]
pub(super) struct Account<'a> {
    pub facts: &'a ProviderFacts,
    pub pool: Pool,
    pub holdback: Frost,
    pub owed: Frost,
    pub vetting: u64,
    pub suspend: bool,
    pub half_returned: bool,
    /// Whether a period of it is still open afterwards.
    pub waits: bool,
    /// Whether its period of this epoch was settled at zero.
    pub faulted: bool,
}

/// A plan while it is made.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub inputs: &'a EpochInputs,
    pub postings: Postings,
    pub accounts: Vec<Account<'a>>,
    pub periods: Vec<Period>,
    /// What the repair fund has by now.
    pub fund: Frost,
    /// Whether the repair fund has so much that it takes no more of the fees.
    pub fund_is_full: bool,
    /// What this epoch's escrow has by now, without what is reserved.
    pub escrow: Frost,
}

pub(super) fn add(a: Frost, b: Frost) -> Frost {
    [a, b].into_iter().sum()
}

impl<'a> Draft<'a> {
    pub fn new(inputs: &'a EpochInputs) -> Self {
        let account = |facts: &'a ProviderFacts| Account {
            facts,
            pool: facts.pool,
            holdback: facts.holdback,
            owed: facts.owed,
            vetting: facts.vetting,
            suspend: false,
            half_returned: facts.half_returned,
            waits: false,
            faulted: false,
        };
        Self {
            inputs,
            postings: Postings::new(inputs.book, inputs.epoch),
            accounts: inputs.providers.iter().map(account).collect(),
            periods: Vec::new(),
            fund: inputs.repair_fund,
            fund_is_full: false,
            escrow: Frost::ZERO,
        }
    }

    pub fn parameter(&self, parameter: Parameter) -> u64 {
        self.inputs.parameters.get(parameter)
    }

    pub const fn own_escrow(&self) -> LedgerAccount {
        LedgerAccount::Escrow(self.inputs.epoch)
    }

    /// `amount * parameter / 10,000`, rounded down.
    pub fn part(&self, amount: Frost, parameter: Parameter) -> Frost {
        amount.share_down(self.parameter(parameter), crate::staking::WHOLE_BP)
    }

    /// Takes what a payment takes out of this epoch's escrow.
    pub fn spend(&mut self, amount: Frost) {
        self.escrow = self.escrow.saturating_sub(amount);
    }

    /// Gives what nobody earned to the repair fund, since users paid it for bytes that may have to be rebuilt: others would
    /// gain by a provider's fault if it went to them. A full fund leaves it to the next epoch.
    pub fn unearned(&mut self, escrow: LedgerAccount, provider: &str, amount: Frost) {
        let cause = format!("unearned {provider}");
        if self.fund_is_full {
            self.postings.post(TransferCode::Remainder, escrow, LedgerAccount::Remainder, amount, cause);
        } else {
            self.fund = add(self.fund, amount);
            self.postings.post(TransferCode::RepairShare, escrow, LedgerAccount::RepairFund, amount, cause);
        }
    }

    pub fn outcome(&mut self, period: Period) {
        if matches!(period.outcome, Outcome::Open { .. })
            && let Some(account) = self.accounts.iter_mut().find(|account| account.facts.provider == period.provider)
        {
            account.waits = true;
        }
        self.periods.push(period);
    }
}

/// `floor(amount * numerator / denominator)` for a numerator that is at most the denominator.
pub(super) fn fraction(amount: Frost, numerator: u128, denominator: u128) -> Frost {
    let share = share_down(u128::from(amount.0), numerator, denominator);
    u64::try_from(share).map_or(amount, |share| Frost(share).min(amount))
}
