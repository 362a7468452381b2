//! Accounts of the ledger: what they have, and how money enters and leaves.

use serde::{Deserialize, Serialize};

use super::{account, book};
use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode};
use crate::ledger::{ArrearsStage, Balance, Entry, Outcome, Phase, transfer_id};
use crate::metadata::NumberedEntry;

/// Entries that are shown of one account.
const ENTRIES_SHOWN: usize = 20;

/// Accounts that are shown.
const ACCOUNTS_SHOWN: usize = 10_000;

/// Buckets in arrears that are looked at for what an account owes.
const BUCKETS_LOOKED_AT: usize = 10_000;

/// The most characters of a reference.
const REFERENCE_CHARS_MAX: usize = 200;

/// Show all accounts, or one with its last entries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowAccounts {
    /// One: a user's name, or an account's.
    pub account: Option<String>,
}

/// An account. Amounts are FROST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownAccount {
    /// Its name in the ledger.
    pub account: String,
    /// What came less what went; below zero for accounts without a limit.
    pub balance: i128,
    /// What holds reserve of it.
    pub reserved: u64,
    /// What may still be taken out.
    pub free: u64,
    /// What it owes for buckets; zero where all accounts are shown.
    pub owes: u64,
    /// When the first of these buckets takes no change but deletions any more, and when the operator decides about it, if that was announced.
    pub dates: Option<[String; 2]>,
    /// Its last entries, the newest first; empty where all accounts are shown.
    pub entries: Vec<ShownEntry>,
}

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownEntry {
    /// Its number.
    pub seq: u64,
    /// When it was recorded.
    pub at: String,
    /// The account that gives.
    pub debit: String,
    /// The account that gets.
    pub credit: String,
    /// FROST.
    pub amount: u64,
    /// What it is for.
    pub code: String,
    /// `posted`, `pending`, or what it does to a pending one.
    pub phase: String,
    /// What it follows from.
    pub cause: String,
}

/// Which way money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It enters.
    Credit,
    /// It leaves.
    Payout,
}

/// Let money enter or leave an account. The same reference again does nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveMoney {
    /// Which way.
    pub direction: Direction,
    /// A user's name, or an account's.
    pub account: String,
    /// FROST.
    pub amount: u64,
    /// What it is called outside, such as the number of a bank's statement.
    pub reference: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedMoney {
    /// False where the reference was recorded before, with the same account and amount.
    pub is_new: bool,
    /// The account.
    pub account: ShownAccount,
}

impl Operation for ShowAccounts {
    const NAME: &'static str = "account-show";
    type Reply = Vec<ShownAccount>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let book = book(admin)?;
        let Some(name) = &self.account else {
            let accounts = admin.metadata.ledger_accounts(book, "", ACCOUNTS_SHOWN).await?;
            return Ok(accounts.iter().map(|(account, balance)| shown(account, balance)).collect());
        };
        let account = account(admin, name).await?;
        Ok(vec![with_entries(admin, book, &account).await?])
    }
}

impl Operation for MoveMoney {
    const NAME: &'static str = "account-move";
    type Reply = MovedMoney;

    async fn run(self, admin: &Admin) -> Result<MovedMoney> {
        let book = book(admin)?;
        let account = account(admin, &self.account).await?;
        if !matches!(
            account,
            LedgerAccount::Payer(_) | LedgerAccount::Bucket(_) | LedgerAccount::Provider(_) | LedgerAccount::Staker(_)
        ) {
            return Err(AdminError::refused(format!("money neither enters nor leaves through {account}")));
        }
        if self.reference.is_empty() || self.reference.chars().count() > REFERENCE_CHARS_MAX {
            return Err(AdminError::refused(format!("a reference has 1 to {REFERENCE_CHARS_MAX} characters")));
        }
        if book == Book::Track && self.direction == Direction::Payout {
            return Err(AdminError::refused("money is only tracked: there is nothing to pay out"));
        }
        let (debit, credit, code) = match self.direction {
            Direction::Credit => (LedgerAccount::Outside, account.clone(), TransferCode::Credit),
            Direction::Payout => (account.clone(), LedgerAccount::Outside, TransferCode::Payout),
        };
        let book_name: &[u8] = if book == Book::Track { b"track" } else { b"on" };
        let entry = Entry::posted(Transfer {
            id: transfer_id(&[b"reference", book_name, self.reference.as_bytes()]),
            book,
            debit,
            credit,
            amount: Frost(self.amount),
            code,
            // Not an epoch's: the same reference is the same transfer whenever it comes again.
            epoch: Epoch(0),
            cause: self.reference.clone(),
        });
        let outcome = admin.metadata.post(vec![entry]).await?.pop();
        let is_new = match outcome {
            Some(Outcome::Recorded) => true,
            Some(Outcome::Exists) => false,
            Some(Outcome::Refused(refusal)) => {
                return Err(AdminError::refused(format!("reference {:?}: {refusal}", self.reference)));
            }
            None => return Err(AdminError::Unavailable("the ledger did not answer".to_owned())),
        };
        Ok(MovedMoney { is_new, account: with_entries(admin, book, &account).await? })
    }
}

async fn with_entries(admin: &Admin, book: Book, account: &LedgerAccount) -> Result<ShownAccount> {
    let balance = admin.metadata.balance(book, account).await?;
    let entries = admin.metadata.entries_of(book, account, ENTRIES_SHOWN).await?;
    let mut shown = ShownAccount { entries: entries.iter().map(shown_entry).collect(), ..shown(account, &balance) };
    let owing = admin.metadata.buckets_in_arrears(i64::MIN, BUCKETS_LOOKED_AT).await?;
    let owing: Vec<_> = owing.iter().filter(|cost| cost.payer == *account).collect();
    shown.owes = owing.iter().fold(0, |sum: u64, cost| sum.saturating_add(cost.funds.unpaid.0));
    let announced = owing.iter().filter(|cost| cost.stage > ArrearsStage::Paid).map(|cost| cost.arrears.announced);
    let first = announced.filter(|announced| announced.stage > ArrearsStage::Paid).min_by_key(|it| it.ends_at);
    shown.dates = first.map(|announced| [announced.read_only_at.iso(), announced.ends_at.iso()]);
    Ok(shown)
}

fn shown(account: &LedgerAccount, balance: &Balance) -> ShownAccount {
    ShownAccount {
        account: account.to_string(),
        balance: balance.posted(),
        reserved: balance.debits_pending.0,
        free: balance.free().0,
        owes: 0,
        dates: None,
        entries: Vec::new(),
    }
}

fn shown_entry(entry: &NumberedEntry) -> ShownEntry {
    let transfer = &entry.recorded.entry.transfer;
    let phase = match entry.recorded.entry.phase {
        Phase::Posted => "posted",
        Phase::Pending { .. } => "pending",
        Phase::PostPending(_) => "posts pending",
        Phase::VoidPending(_) => "voids pending",
        Phase::Expire(_) => "expires pending",
    };
    ShownEntry {
        seq: entry.seq,
        at: crate::domain::Timestamp(entry.recorded.at).iso(),
        debit: transfer.debit.to_string(),
        credit: transfer.credit.to_string(),
        amount: transfer.amount.0,
        code: transfer.code.as_str().to_owned(),
        phase: phase.to_owned(),
        cause: transfer.cause.clone(),
    }
}
