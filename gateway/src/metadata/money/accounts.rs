//! What accounts have, and what moved.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::ledger::{Balance, Recorded};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::money::stored_entry::{self, BALANCE_COLUMNS, ENTRY_COLUMN_COUNT, ENTRY_COLUMNS};

/// An entry of the ledger with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedEntry {
    /// From 1, without gaps.
    pub seq: u64,
    /// The entry.
    pub recorded: Recorded,
}

impl MetadataStore {
    /// The sums of an account; zeros for one that nothing ever touched.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn balance(&self, book: Book, account: &LedgerAccount) -> Result<Balance> {
        let text = format!("SELECT {BALANCE_COLUMNS} FROM ledger_account WHERE book = $1 AND name = $2");
        let statement = Statement::new(text).bind(stored_entry::book_number(book)).bind(account.to_string().as_str());
        let row = self.database().row(statement).await?;
        row.map_or(Ok(Balance::default()), |row| stored_entry::balance(&row).map(|(_, balance)| balance))
    }

    /// Accounts of a book by name, after `after`.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn ledger_accounts(&self, book: Book, after: &str, most: usize) -> Result<Vec<(LedgerAccount, Balance)>> {
        let text = format!(
            "SELECT {BALANCE_COLUMNS} FROM ledger_account WHERE book = $1 AND name > $2 ORDER BY name LIMIT $3"
        );
        let statement = Statement::new(text).bind(stored_entry::book_number(book)).bind(after).bind(limit(most));
        let rows = self.database().rows(statement).await?;
        rows.iter().map(|row| stored_entry::balance(row).map(|((_, account), balance)| (account, balance))).collect()
    }

    /// The last entries that touch an account, newest first.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn entries_of(&self, book: Book, account: &LedgerAccount, most: usize) -> Result<Vec<NumberedEntry>> {
        let text = format!(
            "SELECT {ENTRY_COLUMNS}, r.phase, t.seq FROM ledger_transfer t \
             LEFT JOIN ledger_transfer r ON r.pending_id = t.id \
             WHERE t.book = $1 AND (t.debit = $2 OR t.credit = $3) ORDER BY t.seq DESC LIMIT $4"
        );
        let name = account.to_string();
        let statement = Statement::new(text).bind(stored_entry::book_number(book)).bind(&*name).bind(&*name);
        self.numbered(statement.bind(limit(most))).await
    }

    /// The entries after number `after`, in order: what a log of the ledger is made of.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn entries_after(&self, after: u64, most: usize) -> Result<Vec<NumberedEntry>> {
        let text = format!(
            "SELECT {ENTRY_COLUMNS}, r.phase, t.seq FROM ledger_transfer t \
             LEFT JOIN ledger_transfer r ON r.pending_id = t.id WHERE t.seq > $1 ORDER BY t.seq LIMIT $2"
        );
        self.numbered(Statement::new(text).bind(int(after)?).bind(limit(most))).await
    }

    /// The entries of an epoch, in order.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn entries_of_epoch(&self, epoch: Epoch, after: u64, most: usize) -> Result<Vec<NumberedEntry>> {
        let text = format!(
            "SELECT {ENTRY_COLUMNS}, r.phase, t.seq FROM ledger_transfer t \
             LEFT JOIN ledger_transfer r ON r.pending_id = t.id WHERE t.epoch = $1 AND t.seq > $2 ORDER BY t.seq LIMIT $3"
        );
        self.numbered(Statement::new(text).bind(int(epoch.0)?).bind(int(after)?).bind(limit(most))).await
    }

    async fn numbered(&self, statement: Statement) -> Result<Vec<NumberedEntry>> {
        self.database().rows(statement).await?.iter().map(numbered_entry).collect()
    }
}

fn numbered_entry(row: &Row) -> Result<NumberedEntry> {
    let recorded = stored_entry::recorded(row, row.number_if_any(ENTRY_COLUMN_COUNT)?)?;
    Ok(NumberedEntry { seq: row.number(ENTRY_COLUMN_COUNT + 1)?, recorded })
}
