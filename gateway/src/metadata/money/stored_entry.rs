//! How entries and balances stand in rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::{Balance, Entry, Phase, Recorded, Resolution};
use crate::metadata::engine::columns::int;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Value;
use crate::metadata::error::{MetadataError, Result};

/// The columns that [`recorded`] reads, of a transfer `t`.
pub(super) const ENTRY_COLUMNS: &str = "t.id, t.book, t.debit, t.credit, t.amount, t.code, t.epoch, t.cause, t.phase, \
                                        t.pending_id, t.timeout_micros, t.recorded_at";

/// How many they are.
pub(super) const ENTRY_COLUMN_COUNT: usize = 12;

/// The columns that [`balance`] reads.
pub(super) const BALANCE_COLUMNS: &str = "book, name, debits_pending, debits_posted, credits_pending, credits_posted";

/// The number of a book.
pub(in crate::metadata) fn book_number(book: Book) -> i64 {
    match book {
        Book::Track => 0,
        Book::On => 1,
    }
}

/// The reverse of [`book_number`].
pub(in crate::metadata) fn book(number: i64) -> Result<Book> {
    match number {
        0 => Ok(Book::Track),
        1 => Ok(Book::On),
        _ => Err(MetadataError::Damaged(format!("there is no book {number}"))),
    }
}

/// An account by its name.
pub(in crate::metadata) fn account(name: &str) -> Result<LedgerAccount> {
    name.parse().map_err(|error| MetadataError::Damaged(format!("{error}")))
}

/// An amount.
pub(in crate::metadata) fn frost(row: &Row, column: usize) -> Result<Frost> {
    row.number(column).map(Frost)
}

/// An account and its sums.
pub(super) fn balance(row: &Row) -> Result<((Book, LedgerAccount), Balance)> {
    let balance = Balance {
        debits_pending: frost(row, 2)?,
        debits_posted: frost(row, 3)?,
        credits_pending: frost(row, 4)?,
        credits_posted: frost(row, 5)?,
    };
    Ok(((book(row.int(0)?)?, account(row.text(1)?)?), balance))
}

/// An entry, and how it ended by the phase of what resolved it, in the column after its own.
pub(super) fn recorded(row: &Row, resolved_by: Option<i64>) -> Result<Recorded> {
    let damaged = |what: &str| MetadataError::Damaged(format!("a transfer of unknown {what}"));
    let pending = || -> Result<_> { Ok(TransferId(row.array(9)?)) };
    let phase = match row.int(8)? {
        0 => Phase::Posted,
        1 => Phase::Pending { timeout_micros: row.number_if_any(10)? },
        2 => Phase::PostPending(pending()?),
        3 => Phase::VoidPending(pending()?),
        4 => Phase::Expire(pending()?),
        _ => return Err(damaged("phase")),
    };
    let transfer = Transfer {
        id: TransferId(row.array(0)?),
        book: book(row.int(1)?)?,
        debit: account(row.text(2)?)?,
        credit: account(row.text(3)?)?,
        amount: frost(row, 4)?,
        code: TransferCode::from_name(row.text(5)?).ok_or_else(|| damaged("code"))?,
        epoch: Epoch(row.number(6)?),
        cause: row.text(7)?.to_owned(),
    };
    let resolution = match resolved_by {
        None => None,
        Some(2) => Some(Resolution::Posted),
        Some(3) => Some(Resolution::Voided),
        Some(4) => Some(Resolution::Expired),
        Some(_) => return Err(damaged("resolution")),
    };
    // Whether it was linked when it came does not matter any more.
    Ok(Recorded { entry: Entry { transfer, phase, linked: false }, at: row.int(11)?, resolution })
}

/// The columns of a transfer as they are inserted, after its number.
pub(super) fn values(entry: &Entry, at: i64) -> Result<[Value; 13]> {
    let transfer = &entry.transfer;
    let (phase, timeout) = match entry.phase {
        Phase::Posted => (0, Value::NoInt),
        Phase::Pending { timeout_micros } => (1, timeout_micros.map(int).transpose()?.map_or(Value::NoInt, Value::Int)),
        Phase::PostPending(_) => (2, Value::NoInt),
        Phase::VoidPending(_) => (3, Value::NoInt),
        Phase::Expire(_) => (4, Value::NoInt),
    };
    let pending = entry.resolves().map_or(Value::NoBytes, |id| id.0.into());
    Ok([
        transfer.id.0.into(),
        book_number(transfer.book).into(),
        transfer.debit.to_string().as_str().into(),
        transfer.credit.to_string().as_str().into(),
        int(transfer.amount.0)?.into(),
        transfer.code.as_str().into(),
        int(transfer.epoch.0)?.into(),
        transfer.cause.as_str().into(),
        Value::Int(phase),
        pending,
        timeout,
        reference(entry).map_or(Value::NoText, Value::from),
        at.into(),
    ])
}

/// What an operator calls the transfer by: none for those that follow from something else.
fn reference(entry: &Entry) -> Option<&str> {
    let transfer = &entry.transfer;
    let by_hand = matches!(
        transfer.code,
        TransferCode::Credit | TransferCode::Payout | TransferCode::Endowment | TransferCode::Move
    );
    (by_hand && entry.resolves().is_none()).then_some(transfer.cause.as_str())
}

/// What accounts may still give.
pub(super) async fn free_of(
    session: &mut Session,
    book: Book,
    accounts: impl Iterator<Item = LedgerAccount>,
) -> Result<BTreeMap<LedgerAccount, Frost>> {
    let accounts: BTreeSet<_> = accounts.collect();
    let number = book_number(book);
    let rows = accounts.iter().map(|account| [Value::Int(number), account.to_string().as_str().into()]).collect();
    let head = format!("SELECT {BALANCE_COLUMNS} FROM ledger_account WHERE (book, name) IN (VALUES ");
    let rows = session.rows_of_rows(&head, rows, ")").await?;
    rows.iter().map(|row| balance(row).map(|((_, account), balance)| (account, balance.free()))).collect()
}
