//! Appending to the ledger: the rules of `ledger` over rows, in one transaction, one appender at a time.

use std::collections::BTreeSet;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::transfer::TransferId;
use crate::ledger::{Balance, Books, Entry, Outcome};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::stored_entry::{self, BALANCE_COLUMNS, ENTRY_COLUMN_COUNT, ENTRY_COLUMNS};

impl MetadataStore {
    /// Records a batch by the rules of the ledger; one outcome for each entry. The same batch again changes nothing.
    ///
    /// # Errors
    /// See [`MetadataError`]. Then nothing was recorded, except when the outcome of the commit is unknown: repeat the batch.
    pub async fn post(&self, batch: Vec<Entry>) -> Result<Vec<Outcome>> {
        self.database().transact(Post(batch)).await
    }
}

struct Post(Vec<Entry>);

impl Work for Post {
    type Done = Vec<Outcome>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<Outcome>> {
        let mut end = LedgerEnd::hold(tx).await?;
        end.append(tx, &self.0).await
    }
}

/// The end of the ledger, held alone until the transaction ends.
pub(in crate::metadata) struct LedgerEnd {
    seq: u64,
    /// The database's time, never before that of the last transfer.
    pub(in crate::metadata) now: i64,
}

impl LedgerEnd {
    /// Waits for whoever appends. The first thing that a transaction about money does, so that none waits for another in a circle.
    pub(in crate::metadata) async fn hold(tx: &mut Session) -> Result<Self> {
        let dialect = tx.dialect();
        let lock = Statement::new(format!("SELECT id FROM ledger_end WHERE id = 1{}", dialect.for_update()));
        // In another statement, which sees what whoever was waited for has written.
        let text = format!("SELECT seq, last_at, {} FROM ledger_end WHERE id = 1", dialect.now());
        let missing = || MetadataError::Damaged("the ledger has no end".to_owned());
        tx.row(lock).await?.ok_or_else(missing)?;
        let row = tx.row(Statement::new(text)).await?.ok_or_else(missing)?;
        Ok(Self { seq: row.number(0)?, now: row.int(2)?.max(row.int(1)?) })
    }

    /// The number of the last transfer.
    pub(in crate::metadata) fn seq(&self) -> u64 {
        self.seq
    }

    /// Records a batch; one outcome for each entry.
    pub(in crate::metadata) async fn append(&mut self, tx: &mut Session, batch: &[Entry]) -> Result<Vec<Outcome>> {
        let mut books = self.books(tx, batch).await?;
        let before = books.balances.clone();
        let outcomes = books.apply(batch, self.now);
        let recorded = batch.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Recorded);
        let mut rows = Vec::new();
        for (entry, _) in recorded {
            self.seq += 1;
            let [a, b, c, d, e, f, g, h, i, j, k, l, m] = stored_entry::values(entry, self.now)?;
            rows.push([int(self.seq)?.into(), a, b, c, d, e, f, g, h, i, j, k, l, m]);
        }
        if rows.is_empty() {
            return Ok(outcomes);
        }
        let changed = books.balances.iter().filter(|(account, balance)| before.get(account) != Some(balance));
        let balances = changed.map(|(account, balance)| balance_values(account, *balance)).collect::<Result<_>>()?;
        let tail = " ON CONFLICT (book, name) DO UPDATE SET debits_pending = EXCLUDED.debits_pending, \
                    debits_posted = EXCLUDED.debits_posted, credits_pending = EXCLUDED.credits_pending, \
                    credits_posted = EXCLUDED.credits_posted";
        let head = "INSERT INTO ledger_account (book, name, is_limited, debits_pending, debits_posted, credits_pending, \
                    credits_posted) VALUES ";
        tx.execute_rows(head, balances, tail).await?;
        let head = "INSERT INTO ledger_transfer (seq, id, book, debit, credit, amount, code, epoch, cause, phase, pending_id, \
                    timeout_micros, reference, recorded_at) VALUES ";
        tx.execute_rows(head, rows, "").await?;
        let end = Statement::new("UPDATE ledger_end SET seq = $1, last_at = $2 WHERE id = 1");
        tx.execute(end.bind(int(self.seq)?).bind(self.now)).await?;
        Ok(outcomes)
    }

    /// The facts that a batch is judged by.
    async fn books(&self, tx: &mut Session, batch: &[Entry]) -> Result<Books> {
        let mut books = Books::default();
        let sides = batch.iter().flat_map(|entry| {
            let transfer = &entry.transfer;
            [(transfer.book, &transfer.debit), (transfer.book, &transfer.credit)]
        });
        let accounts: BTreeSet<_> = sides.collect();
        let rows = accounts.iter().map(|(book, account)| account_key(*book, account)).collect();
        let head = format!("SELECT {BALANCE_COLUMNS} FROM ledger_account WHERE (book, name) IN (VALUES ");
        for row in tx.rows_of_rows(&head, rows, ")").await? {
            let (account, balance) = stored_entry::balance(&row)?;
            books.balances.insert(account, balance);
        }
        let ids: BTreeSet<TransferId> =
            batch.iter().flat_map(|entry| entry.resolves().into_iter().chain([entry.transfer.id])).collect();
        let rows = ids.into_iter().map(|id| [Value::from(id.0)]).collect();
        let head = format!(
            "SELECT {ENTRY_COLUMNS}, r.phase FROM ledger_transfer t LEFT JOIN ledger_transfer r ON r.pending_id = t.id \
             WHERE t.id IN (VALUES "
        );
        for row in tx.rows_of_rows(&head, rows, ")").await? {
            let recorded = stored_entry::recorded(&row, row.number_if_any(ENTRY_COLUMN_COUNT)?)?;
            books.recorded.insert(recorded.entry.transfer.id, recorded);
        }
        Ok(books)
    }
}

fn account_key(book: Book, account: &LedgerAccount) -> [Value; 2] {
    [stored_entry::book_number(book).into(), account.to_string().as_str().into()]
}

fn balance_values((book, account): &(Book, LedgerAccount), balance: Balance) -> Result<[Value; 7]> {
    let [book_number, name] = account_key(*book, account);
    Ok([
        book_number,
        name,
        crate::ledger::is_limited(*book, account).into(),
        int(balance.debits_pending.0)?.into(),
        int(balance.debits_posted.0)?.into(),
        int(balance.credits_pending.0)?.into(),
        int(balance.credits_posted.0)?.into(),
    ])
}
