//! What was committed and is in no segment yet.

use std::collections::BTreeSet;

use crate::journal::line::JournalLine;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// What the next segment is to hold: whole transactions, or a part of one that is too large for a segment.
#[derive(Debug, Default)]
pub struct Unjournaled {
    /// The changes, in the order of their numbers.
    pub lines: Vec<JournalLine>,
    /// The transaction that made all of them, if there is more of it than a segment holds: the next one goes on with it.
    pub unfinished: Option<i64>,
}

/// How much a segment holds: so many changes, and bytes until it is full, but one change at least.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    most: usize,
    bytes_max: usize,
}

impl MetadataStore {
    /// The first changes that no segment holds: up to so many, and up to some bytes, but one at least. What a transaction changed stays together;
    /// of one that is larger the changes follow one another, without others between them.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn unjournaled_changes(&self, most: usize, bytes_max: usize) -> Result<Unjournaled> {
        let bounds = Bounds { most, bytes_max };
        let mut session = self.database().reader().await?;
        if let Some(transaction) = unfinished(&mut session).await? {
            let rest = part_of(&mut session, transaction, bounds).await?;
            if !rest.lines.is_empty() {
                return Ok(rest);
            }
        }
        // One statement sees all of one moment: what a later change relies on was committed before it, and is seen.
        let mut lines = page(&mut session, None, bounds).await?;
        let Some(last) = lines.last().map(|line| line.id) else { return Ok(Unjournaled::default()) };
        // What is on the page and whole relies on nothing that goes on after it: that was committed, and so had its numbers, before.
        let goes_on = going_on_after(&mut session, last).await?;
        lines.retain(|line| line.transaction.is_none_or(|transaction| !goes_on.contains(&transaction)));
        if !lines.is_empty() {
            return Ok(Unjournaled { lines, unfinished: None });
        }
        match ended_first(&mut session).await? {
            Some(transaction) => part_of(&mut session, transaction, bounds).await,
            None => Ok(Unjournaled::default()),
        }
    }

    /// How many changes no segment holds, as far as a count up to `most` goes, and how old the oldest is in microseconds.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn unjournaled(&self, most: usize) -> Result<(u64, i64)> {
        let mut session = self.database().reader().await?;
        let now = session.dialect().now();
        let text = format!(
            "SELECT COUNT(*), COALESCE({now} - MIN(recorded_at), 0) FROM \
             (SELECT recorded_at FROM journal_outbox ORDER BY id LIMIT $1) AS waiting"
        );
        let row = session.row(Statement::new(text).bind(limit(most))).await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.number(0)?, row.int(1)?)))
    }

    /// The number of the last change; all that was committed before this call has it or a lower one. None when segments hold everything.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn last_unjournaled(&self) -> Result<Option<i64>> {
        let row = self.database().row(Statement::new("SELECT MAX(id) FROM journal_outbox")).await?;
        row.map_or(Ok(None), |row| row.number_if_any(0))
    }

    /// Whether segments hold all changes up to a number.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn is_journaled(&self, upto: i64) -> Result<bool> {
        let text = "SELECT id FROM journal_outbox WHERE id <= $1 ORDER BY id LIMIT 1";
        Ok(self.database().row(Statement::new(text).bind(upto)).await?.is_none())
    }
}

/// The first changes in the order of their numbers; those of a transaction alone, if it is given.
async fn page(session: &mut Session, transaction: Option<i64>, bounds: Bounds) -> Result<Vec<JournalLine>> {
    let which = transaction.map_or("", |_| "WHERE transaction_id = $3");
    let text = format!(
        "SELECT id, recorded_at, relation, removed, written, transaction_id FROM (\
         SELECT id, recorded_at, relation, removed, written, transaction_id, \
         SUM(length(removed) + length(written)) OVER (ORDER BY id) - length(removed) - length(written) AS ahead \
         FROM journal_outbox {which} ORDER BY id LIMIT $1) AS page WHERE ahead < $2 ORDER BY id"
    );
    let statement = Statement::new(text).bind(limit(bounds.most)).bind(limit(bounds.bytes_max));
    let statement = match transaction {
        Some(transaction) => statement.bind(transaction),
        None => statement,
    };
    let rows = session.rows(statement).await?;
    let line = |row: &Row| {
        let line = JournalLine::new(row.int(0)?, row.int(1)?, row.text(2)?, row.text(3)?, row.text(4)?)
            .map_err(|error| MetadataError::Damaged(format!("a change in the journal's outbox: {error}")))?;
        Ok(line.by(row.int(5)?))
    };
    rows.iter().map(line).collect()
}

/// The first changes of a transaction.
async fn part_of(session: &mut Session, transaction: i64, bounds: Bounds) -> Result<Unjournaled> {
    let lines = page(session, Some(transaction), bounds).await?;
    let Some(last) = lines.last().map(|line| line.id) else { return Ok(Unjournaled::default()) };
    let text = "SELECT id FROM journal_outbox WHERE transaction_id = $1 AND id > $2 LIMIT 1";
    let goes_on = session.row(Statement::new(text).bind(transaction).bind(last)).await?.is_some();
    Ok(Unjournaled { lines, unfinished: goes_on.then_some(transaction) })
}

/// The transaction of which the last segment holds a part.
async fn unfinished(session: &mut Session) -> Result<Option<i64>> {
    let row = session.row(Statement::new("SELECT unfinished FROM journal_end")).await?;
    row.map_or(Ok(None), |row| row.number_if_any(0))
}

/// Transactions that have changes up to a number and after it.
async fn going_on_after(session: &mut Session, last: i64) -> Result<BTreeSet<i64>> {
    let text = "SELECT DISTINCT transaction_id FROM journal_outbox WHERE id > $1 \
                AND transaction_id IN (SELECT transaction_id FROM journal_outbox WHERE id <= $2)";
    let rows = session.rows(Statement::new(text).bind(last).bind(last)).await?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// The transaction whose last change has the lowest number: it relies on no other that is waiting.
async fn ended_first(session: &mut Session) -> Result<Option<i64>> {
    let text = "SELECT transaction_id FROM journal_outbox GROUP BY transaction_id ORDER BY MAX(id) LIMIT 1";
    session.row(Statement::new(text)).await?.map(|row| row.int(0)).transpose()
}

/// The numbers of all changes that no segment holds, if there are no more than `most`.
pub(super) async fn waiting(session: &mut Session, most: usize) -> Result<Option<Vec<i64>>> {
    let text = "SELECT id FROM journal_outbox ORDER BY id LIMIT $1";
    let rows = session.rows(Statement::new(text).bind(limit(most + 1))).await?;
    let ids = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>>>()?;
    Ok((ids.len() <= most).then_some(ids))
}
