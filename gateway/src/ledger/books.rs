//! Applies entries to balances. Balances and earlier entries are facts that are given; what is missing among them is not there.

use std::collections::{BTreeMap, HashMap};

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::TransferId;
use crate::ledger::balance::{Balance, is_limited};
use crate::ledger::entry::{Entry, Phase};
use crate::ledger::outcome::{Field, Outcome, Refusal, Resolution};

/// An entry that stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// As it was asked for.
    pub entry: Entry,
    /// When it was recorded, in microseconds.
    pub at: i64,
    /// How it ended, if it was pending and is no more.
    pub resolution: Option<Resolution>,
}

impl Recorded {
    /// When a pending one stops reserving anything.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        match self.entry.phase {
            Phase::Pending { timeout_micros: Some(timeout) } => {
                Some(self.at.saturating_add(i64::try_from(timeout).unwrap_or(i64::MAX)))
            }
            _ => None,
        }
    }
}

/// The part of the ledger that a batch is about.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// The balances of the accounts; those that are missing have none yet.
    pub balances: BTreeMap<(Book, LedgerAccount), Balance>,
    /// The entries with the ids of the batch, and those that the batch resolves.
    pub recorded: HashMap<TransferId, Recorded>,
}

/// What was there before an entry, so that a chain can be taken back.
enum Undo {
    Balance((Book, LedgerAccount), Option<Balance>),
    Recorded(TransferId),
    Resolution(TransferId),
}

impl Books {
    /// Applies a batch at a time, entry by entry; one outcome for each. Entries that are linked, up to the first that is not, are
    /// applied all or not at all.
    pub fn apply(&mut self, batch: &[Entry], now: i64) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut rest = batch;
        while !rest.is_empty() {
            let end = rest.iter().position(|entry| !entry.linked);
            let (chain, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            outcomes.extend(self.chain(chain, now, end.is_none()));
            rest = after;
        }
        outcomes
    }

    fn chain(&mut self, chain: &[Entry], now: i64, is_open: bool) -> Vec<Outcome> {
        let mut undo = Vec::new();
        let mut outcomes = Vec::with_capacity(chain.len());
        let mut failed = None;
        for (at, entry) in chain.iter().enumerate() {
            let outcome = match self.one(entry, now, &mut undo) {
                Ok(outcome) => outcome,
                Err(refusal) => Outcome::Refused(refusal),
            };
            let outcome = if is_open && at + 1 == chain.len() { Outcome::Refused(Refusal::ChainOpen) } else { outcome };
            outcomes.push(outcome);
            if !outcome.stands() {
                failed = Some(at);
                break;
            }
        }
        if let Some(failed) = failed {
            self.take_back(undo);
            let others = |at| if at == failed { outcomes[failed] } else { Outcome::Refused(Refusal::LinkedFailed) };
            return (0..chain.len()).map(others).collect();
        }
        outcomes
    }

    fn take_back(&mut self, undo: Vec<Undo>) {
        for step in undo.into_iter().rev() {
            match step {
                Undo::Balance(account, Some(balance)) => drop(self.balances.insert(account, balance)),
                Undo::Balance(account, None) => drop(self.balances.remove(&account)),
                Undo::Recorded(id) => drop(self.recorded.remove(&id)),
                Undo::Resolution(id) => {
                    if let Some(pending) = self.recorded.get_mut(&id) {
                        pending.resolution = None;
                    }
                }
            }
        }
    }

    fn one(&mut self, entry: &Entry, now: i64, undo: &mut Vec<Undo>) -> Result<Outcome, Refusal> {
        let transfer = &entry.transfer;
        if let Some(before) = self.recorded.get(&transfer.id) {
            return match difference(&before.entry, entry) {
                None => Ok(Outcome::Exists),
                Some(field) => Err(Refusal::ExistsWithDifferent(field)),
            };
        }
        if transfer.amount.is_zero() || transfer.amount > Frost::MAX {
            return Err(Refusal::AmountOutOfRange);
        }
        if transfer.debit == transfer.credit {
            return Err(Refusal::AccountsMustBeDifferent);
        }
        if matches!(entry.phase, Phase::Pending { timeout_micros: Some(0) }) {
            return Err(Refusal::TimeoutOutOfRange);
        }
        let pending = entry.resolves().map(|id| self.resolvable(id, entry, now)).transpose()?;
        let debit = (transfer.book, transfer.debit.clone());
        let credit = (transfer.book, transfer.credit.clone());
        let mut gives = self.balances.get(&debit).copied().unwrap_or_default();
        let mut gets = self.balances.get(&credit).copied().unwrap_or_default();
        if let Some((_, reserved)) = pending {
            gives.debits_pending = gives.debits_pending.checked_sub(reserved).ok_or(Refusal::Overflows)?;
            gets.credits_pending = gets.credits_pending.checked_sub(reserved).ok_or(Refusal::Overflows)?;
        }
        let sum = |sum: Frost| sum.checked_add(transfer.amount).ok_or(Refusal::Overflows);
        match entry.phase {
            Phase::Posted | Phase::PostPending(_) => {
                gives.debits_posted = sum(gives.debits_posted)?;
                gets.credits_posted = sum(gets.credits_posted)?;
            }
            Phase::Pending { .. } => {
                gives.debits_pending = sum(gives.debits_pending)?;
                gets.credits_pending = sum(gets.credits_pending)?;
            }
            Phase::VoidPending(_) | Phase::Expire(_) => {}
        }
        // What is reserved has passed its limit before.
        if pending.is_none() && is_limited(transfer.book, &transfer.debit) && !gives.missing().is_zero() {
            return Err(Refusal::ExceedsCredits { missing: gives.missing() });
        }
        self.set(debit, gives, undo);
        self.set(credit, gets, undo);
        if let Some((id, _)) = pending
            && let Some(recorded) = self.recorded.get_mut(&id)
        {
            recorded.resolution = Some(match entry.phase {
                Phase::PostPending(_) => Resolution::Posted,
                Phase::Expire(_) => Resolution::Expired,
                _ => Resolution::Voided,
            });
            undo.push(Undo::Resolution(id));
        }
        let recorded = Recorded { entry: entry.clone(), at: now, resolution: None };
        self.recorded.insert(transfer.id, recorded);
        undo.push(Undo::Recorded(transfer.id));
        Ok(Outcome::Recorded)
    }

    fn set(&mut self, account: (Book, LedgerAccount), balance: Balance, undo: &mut Vec<Undo>) {
        let before = self.balances.insert(account.clone(), balance);
        undo.push(Undo::Balance(account, before));
    }

    /// The pending transfer that an entry resolves, and what it reserves.
    fn resolvable(&self, id: TransferId, entry: &Entry, now: i64) -> Result<(TransferId, Frost), Refusal> {
        let pending = self.recorded.get(&id).ok_or(Refusal::PendingNotFound)?;
        if !matches!(pending.entry.phase, Phase::Pending { .. }) {
            return Err(Refusal::NotPending);
        }
        match pending.resolution {
            Some(Resolution::Posted) => return Err(Refusal::AlreadyPosted),
            Some(Resolution::Voided) => return Err(Refusal::AlreadyVoided),
            Some(Resolution::Expired) => return Err(Refusal::Expired),
            None => {}
        }
        let is_over = pending.expires_at().is_some_and(|end| now >= end);
        match entry.phase {
            Phase::Expire(_) if !is_over => return Err(Refusal::NotExpired),
            Phase::Expire(_) => {}
            _ if is_over => return Err(Refusal::Expired),
            _ => {}
        }
        let (meant, is) = (&entry.transfer, &pending.entry.transfer);
        let differs = [
            (meant.book != is.book, Field::Book),
            (meant.debit != is.debit, Field::Debit),
            (meant.credit != is.credit, Field::Credit),
        ];
        if let Some((_, field)) = differs.into_iter().find(|(differs, _)| *differs) {
            return Err(Refusal::PendingDiffers(field));
        }
        if meant.amount > is.amount {
            return Err(Refusal::ExceedsPending);
        }
        if !matches!(entry.phase, Phase::PostPending(_)) && meant.amount != is.amount {
            return Err(Refusal::PendingDiffers(Field::Amount));
        }
        Ok((id, is.amount))
    }
}

/// The first field in which two entries with one id differ. Whether they were linked does not matter afterwards.
fn difference(before: &Entry, now: &Entry) -> Option<Field> {
    let (one, other) = (&before.transfer, &now.transfer);
    let kind = |entry: &Entry| std::mem::discriminant(&entry.phase);
    [
        (kind(before) != kind(now), Field::Phase),
        (before.resolves() != now.resolves(), Field::PendingId),
        (before.phase != now.phase, Field::Timeout),
        (one.book != other.book, Field::Book),
        (one.debit != other.debit, Field::Debit),
        (one.credit != other.credit, Field::Credit),
        (one.amount != other.amount, Field::Amount),
        (one.code != other.code, Field::Code),
        (one.epoch != other.epoch, Field::Epoch),
        (one.cause != other.cause, Field::Cause),
    ]
    .into_iter()
    .find_map(|(differs, field)| differs.then_some(field))
}
