//! What settlement remembers of providers from one epoch to the next: facts that are about no money once, and what is about money in a row
//! for each book.

use std::collections::BTreeMap;

use crate::domain::money::account::Book;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;
use crate::metadata::money::stored_entry;

/// What is remembered of a provider from one settlement to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderAccount {
    /// The first epoch that it was settled in, whatever its book.
    pub since: Epoch,
    /// What it held when its last epoch was settled, whatever its book.
    pub held_bytes: u64,
    /// Audits that count for its vetting, whatever their book.
    pub vetting: u64,
    /// Those were enough, over enough epochs, when it was settled last.
    pub is_vetted: bool,
    /// Half of what this book held back was returned.
    pub is_half_returned: bool,
    /// What the repair fund of this book owes it.
    pub owed: Frost,
}

/// How far the vetting of a provider is, as the last settlement left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderVetting {
    /// Audits that count.
    pub audits: u64,
    /// It has been through it.
    pub is_vetted: bool,
}

/// A period that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPeriodRow {
    /// Whose.
    pub provider: String,
    /// Of which epoch, in whose book it is settled.
    pub epoch: Epoch,
    /// What that epoch's escrow keeps for it.
    pub reserved: Frost,
}

impl MetadataStore {
    /// How far the vetting of each provider is that was ever settled, by name.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn provider_vettings(&self) -> Result<BTreeMap<String, ProviderVetting>> {
        let text = "SELECT provider, vetting, is_vetted FROM provider_account";
        let rows = self.database().rows(Statement::new(text)).await?;
        let vetting = |row: &Row| -> Result<_> {
            let vetting = ProviderVetting { audits: row.number(1)?, is_vetted: row.flag(2)? };
            Ok((row.text(0)?.to_owned(), vetting))
        };
        rows.iter().map(vetting).collect()
    }
}

/// The epochs that are settled in a book: those that are not charged are planned in `track`.
const fn epochs_of(book: Book) -> &'static str {
    match book {
        Book::On => "SELECT number FROM epoch WHERE mode = 1",
        Book::Track => "SELECT number FROM epoch WHERE mode <> 1",
    }
}

/// All providers of earlier epochs, as a book has them.
pub(super) async fn read(session: &mut Session, book: Book) -> Result<BTreeMap<String, ProviderAccount>> {
    let text = "SELECT a.provider, a.since_epoch, a.held_bytes, a.vetting, COALESCE(b.is_half_returned, FALSE), COALESCE(b.owed, 0), a.is_vetted \
                FROM provider_account a LEFT JOIN provider_book b ON b.provider = a.provider AND b.book = $1";
    let mut providers = BTreeMap::new();
    for row in session.rows(Statement::new(text).bind(stored_entry::book_number(book))).await? {
        let account = ProviderAccount {
            since: Epoch(row.number(1)?),
            held_bytes: row.number(2)?,
            vetting: row.number(3)?,
            is_half_returned: row.flag(4)?,
            owed: stored_entry::frost(&row, 5)?,
            is_vetted: row.flag(6)?,
        };
        providers.insert(row.text(0)?.to_owned(), account);
    }
    Ok(providers)
}

/// The periods of a book that wait.
pub(super) async fn open_periods(session: &mut Session, book: Book) -> Result<Vec<OpenPeriodRow>> {
    let epochs = epochs_of(book);
    let text =
        format!("SELECT provider, epoch, reserved FROM open_period WHERE epoch IN ({epochs}) ORDER BY provider, epoch");
    let rows = session.rows(Statement::new(text)).await?;
    rows.iter()
        .map(|row| {
            let (provider, reserved) = (row.text(0)?.to_owned(), stored_entry::frost(row, 2)?);
            Ok(OpenPeriodRow { provider, epoch: Epoch(row.number(1)?), reserved })
        })
        .collect()
}

/// Notes providers as a settlement in a book leaves them. What other books owe them stays.
pub(super) async fn note(tx: &mut Session, book: Book, providers: &BTreeMap<String, ProviderAccount>) -> Result<()> {
    let (mut facts, mut of_book) = (Vec::with_capacity(providers.len()), Vec::with_capacity(providers.len()));
    for (provider, account) in providers {
        let owed = int(account.owed.0)?;
        facts.push([
            provider.as_str().into(),
            int(account.since.0)?.into(),
            int(account.held_bytes)?.into(),
            int(account.vetting)?.into(),
            account.is_half_returned.into(),
            Value::Int(owed),
            account.is_vetted.into(),
        ]);
        let book = stored_entry::book_number(book);
        of_book.push([provider.as_str().into(), book.into(), owed.into(), account.is_half_returned.into()]);
    }
    let head = "INSERT INTO provider_account (provider, since_epoch, held_bytes, vetting, is_half_returned, owed, is_vetted) VALUES ";
    let tail = " ON CONFLICT (provider) DO UPDATE SET held_bytes = EXCLUDED.held_bytes, vetting = EXCLUDED.vetting, \
                is_half_returned = EXCLUDED.is_half_returned, owed = EXCLUDED.owed, is_vetted = EXCLUDED.is_vetted";
    tx.execute_rows(head, facts, tail).await?;
    let head = "INSERT INTO provider_book (provider, book, owed, is_half_returned) VALUES ";
    let tail = " ON CONFLICT (provider, book) DO UPDATE SET owed = EXCLUDED.owed, \
                is_half_returned = EXCLUDED.is_half_returned";
    tx.execute_rows(head, of_book, tail).await.map(drop)
}

/// Notes which periods of a book wait from now on. Those of other books go on waiting.
pub(super) async fn note_open_periods(tx: &mut Session, book: Book, open: &[OpenPeriodRow]) -> Result<()> {
    let epochs = epochs_of(book);
    tx.execute(Statement::new(format!("DELETE FROM open_period WHERE epoch IN ({epochs})"))).await?;
    let mut rows = Vec::with_capacity(open.len());
    for OpenPeriodRow { provider, epoch, reserved } in open {
        rows.push([provider.as_str().into(), int(epoch.0)?.into(), Value::Int(int(reserved.0)?)]);
    }
    tx.execute_rows("INSERT INTO open_period (provider, epoch, reserved) VALUES ", rows, "").await.map(drop)
}
