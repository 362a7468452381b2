//! Rebuilds the rows of an empty database from a snapshot and the journal, in one transaction: all of them or none.

use std::collections::BTreeMap;

use codec::Scheme;
use serde::de::IgnoredAny;

use crate::clock::random;
use crate::domain::RepairRank;
use crate::journal::line::JournalLine;
use crate::journal::record::{JournalEnd, RecordError};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, urgency};
use crate::metadata::engine::database::pause_journal;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::row_triggers;
use crate::metadata::engine::schema::{self, ColumnKind, Relation};
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::journal::records::set_end;
use crate::metadata::journal::relations;

/// Numbers that are given once, such as those of accounts, go on this far above the highest that is known: some may have been given
/// after the journal's end.
const NUMBERS_SKIPPED: i64 = 1_000_000;

/// Why rows could not be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The database.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A record of the journal.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A line of it.
    #[error("a line of the journal cannot be applied: {0}")]
    Line(String),
}

/// A database that is being rebuilt. Dropped before [`Restore::finish`], nothing has changed.
pub struct Restore {
    tx: Session,
    store: MetadataStore,
    relations: BTreeMap<String, Relation>,
    /// On PostgreSQL, what puts the constraints back.
    constraints: Vec<String>,
    /// Tables that this schema does not have, and how many lines were about them.
    unknown: BTreeMap<String, u64>,
}

/// What was known at the end.
#[derive(Clone, Copy, Debug)]
pub struct RestoredEnd {
    /// The highest number of a segment that was found, or that any backend knows of.
    pub segment: u64,
    /// The highest number of a version that any backend knows of.
    pub sequence: u64,
}

impl MetadataStore {
    /// Refuses a database that is in use: it is none to rebuild.
    ///
    /// # Errors
    /// It is in use, or cannot be used.
    pub async fn refuse_unless_empty(&self) -> Result<()> {
        // A gateway that was started on it and refused to serve may have left the row of a cluster.
        if self.database().row(Statement::new("SELECT id FROM account LIMIT 1")).await?.is_none() {
            return Ok(());
        }
        Err(MetadataError::Unavailable("the database is in use already: rebuild into an empty one".to_owned()))
    }

    /// Begins to rebuild the rows of this database, in which nothing was made yet.
    ///
    /// # Errors
    /// It is in use, or cannot be used.
    pub async fn begin_restore(&self) -> std::result::Result<Restore, RestoreError> {
        self.refuse_unless_empty().await?;
        let token = crate::clock::time_ordered_id(&self.shared.ambient);
        let mut tx = self.database().begin(&token).await?;
        let found = schema::relations(&mut tx, relations::UNJOURNALED).await?;
        let relations: BTreeMap<_, _> = found.into_iter().map(|found| (found.name.clone(), found)).collect();
        let constraints = loosen(&mut tx, relations.keys()).await?;
        Ok(Restore { tx, store: self.clone(), relations, constraints, unknown: BTreeMap::new() })
    }
}

/// Lets rows come in any order, and takes away what keeps them from being changed. What is answered undoes it.
async fn loosen(tx: &mut Session, relations: impl Iterator<Item = &String>) -> Result<Vec<String>> {
    pause_journal(tx).await?;
    if tx.dialect() == Dialect::Sqlite {
        tx.command("PRAGMA defer_foreign_keys = ON").await?;
        let found = tx.rows(Statement::new("SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'")).await?;
        let mut again = Vec::new();
        for row in found {
            tx.execute(Statement::new(format!("DROP TRIGGER {}", row.text(0)?))).await?;
            again.push(row.text(1)?.to_owned());
        }
        return Ok(again);
    }
    tx.command("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
    tx.command("SET LOCAL statement_timeout = 0").await?;
    choose_indexes(tx, true).await?;
    let text = "SELECT CAST(c.conrelid::regclass AS TEXT), CAST(c.conname AS TEXT), pg_get_constraintdef(c.oid) FROM pg_constraint c \
                JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace s ON s.oid = t.relnamespace \
                WHERE c.contype = 'f' AND s.nspname = current_schema()";
    let mut again = Vec::new();
    for row in tx.rows(Statement::new(text)).await? {
        let (table, name, definition) = (row.text(0)?, row.text(1)?, row.text(2)?);
        tx.execute(Statement::new(format!("ALTER TABLE {table} DROP CONSTRAINT {name}"))).await?;
        again.push(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"));
    }
    for relation in relations {
        tx.execute(Statement::new(format!("ALTER TABLE {relation} DISABLE TRIGGER USER"))).await?;
        again.push(format!("ALTER TABLE {relation} ENABLE TRIGGER USER"));
    }
    Ok(again)
}

/// Whether PostgreSQL finds the rows of a line by their keys, whatever it thinks. It has no statistics of tables that are filled in the same
/// transaction, takes them for empty, and would read all of them for each line.
async fn choose_indexes(tx: &mut Session, always: bool) -> Result<()> {
    if tx.dialect() == Dialect::Postgres {
        let choice = if always { "off" } else { "on" };
        for other in ["seqscan", "hashjoin", "mergejoin"] {
            tx.execute(Statement::new(format!("SET LOCAL enable_{other} = {choice}"))).await?;
        }
    }
    Ok(())
}

impl Restore {
    /// Applies a line: rows that went are gone, rows that were written are as they were then.
    ///
    /// # Errors
    /// It contradicts the schema, or the database failed.
    pub async fn apply(&mut self, line: &JournalLine) -> std::result::Result<(), RestoreError> {
        let Some(relation) = self.relations.get(&line.relation) else {
            *self.unknown.entry(line.relation.clone()).or_default() += 1;
            return Ok(());
        };
        let refused =
            |error: MetadataError| RestoreError::Line(format!("change {} of {}: {error}", line.id, line.relation));
        let dialect = self.tx.dialect();
        let written = line.written.get();
        for gone in [line.removed.get(), written] {
            // What was written replaces what was there: on SQLite by itself.
            if is_empty(gone) || (dialect == Dialect::Sqlite && std::ptr::eq(gone, written)) {
                continue;
            }
            self.tx.execute(remove(dialect, relation).bind(gone)).await.map_err(refused)?;
        }
        if !is_empty(written) {
            let present = columns_of(written).map_err(|error| RestoreError::Line(error.to_string()))?;
            self.tx.execute(insert(dialect, relation, &present).bind(written)).await.map_err(refused)?;
        }
        Ok(())
    }

    /// Completes what follows from the rows, and commits. Answers tables that this schema does not have, with the number of lines about them.
    ///
    /// # Errors
    /// The rows contradict each other, or the database failed: nothing has changed.
    pub async fn finish(mut self, end: RestoredEnd) -> std::result::Result<BTreeMap<String, u64>, RestoreError> {
        let tx = &mut self.tx;
        choose_indexes(tx, false).await?;
        follow_up(tx).await?;
        renumber(tx, &self.relations, end.sequence).await?;
        // With numbers and a hash of its own: gateways on the old database may go on where the old one ended, and what they write does not follow.
        let number = end.segment.saturating_add(NUMBERS_SKIPPED.unsigned_abs());
        let hash = random(&*self.store.shared.ambient.entropy);
        set_end(tx, JournalEnd { number, hash }, None).await?;
        if tx.dialect() == Dialect::Sqlite {
            tx.command(row_triggers::RESUME).await.map_err(MetadataError::from)?;
        }
        for again in std::mem::take(&mut self.constraints) {
            tx.execute(Statement::new(again)).await?;
        }
        tx.command("COMMIT").await.map_err(MetadataError::from)?;
        self.store.database().finished();
        Ok(self.unknown)
    }
}

fn is_empty(array: &str) -> bool {
    array.trim_matches(|c: char| c == '[' || c == ']' || c.is_ascii_whitespace()).is_empty()
}

/// The columns that the first of some rows has; the others have the same.
fn columns_of(rows: &str) -> std::result::Result<Vec<String>, serde_json::Error> {
    let rows: Vec<BTreeMap<String, IgnoredAny>> = serde_json::from_str(rows)?;
    Ok(rows.into_iter().next().map(|row| row.into_keys().collect()).unwrap_or_default())
}

/// A value of a row in JSON, as SQLite takes it.
fn sqlite_value(column: &schema::Column) -> String {
    let value = format!("json_extract(value, '$.{}')", column.name);
    match column.kind {
        ColumnKind::Bytes => format!("unhex(substr({value}, 3))"),
        ColumnKind::Text | ColumnKind::Int => value,
    }
}

/// Removes the rows whose keys a JSON array has.
fn remove(dialect: Dialect, relation: &Relation) -> Statement {
    let key: Vec<_> = relation.key.iter().map(|place| &relation.columns[*place]).collect();
    let names: Vec<_> = key.iter().map(|column| column.name.as_str()).collect();
    let (name, names) = (&relation.name, names.join(", "));
    Statement::new(match dialect {
        Dialect::Sqlite => {
            let values: Vec<_> = key.iter().map(|column| sqlite_value(column)).collect();
            format!("DELETE FROM {name} WHERE ({names}) IN (SELECT {} FROM json_each($1))", values.join(", "))
        }
        Dialect::Postgres => format!(
            "DELETE FROM {name} WHERE ({names}) IN (SELECT {names} FROM json_populate_recordset(NULL::{name}, CAST($1 AS JSON)))"
        ),
    })
}

/// Inserts the rows of a JSON array, of which these columns are present.
fn insert(dialect: Dialect, relation: &Relation, present: &[String]) -> Statement {
    let columns: Vec<_> = relation.columns.iter().filter(|column| present.contains(&column.name)).collect();
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    let (name, names) = (&relation.name, names.join(", "));
    Statement::new(match dialect {
        Dialect::Sqlite => {
            let values: Vec<_> = columns.iter().map(|column| sqlite_value(column)).collect();
            format!("INSERT OR REPLACE INTO {name} ({names}) SELECT {} FROM json_each($1)", values.join(", "))
        }
        Dialect::Postgres => format!(
            "INSERT INTO {name} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{name}, CAST($1 AS JSON))"
        ),
    })
}

/// Rows that follow from others: what died waits for its deletion, what has too few slivers for its repair, what nobody owns for its
/// removal.
async fn follow_up(tx: &mut Session) -> Result<()> {
    let now = tx.dialect().now();
    for text in [
        "DELETE FROM sliver WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = sliver.blob_id)".to_owned(),
        format!("INSERT INTO reclaim (blob_id, not_before) SELECT id, {now} FROM blob WHERE live_bytes = 0"),
        // The time is none of what is distinct: PostgreSQL's clock goes on from row to row.
        format!(
            "INSERT INTO removal (id, is_upload, not_before) SELECT owner, FALSE, {now} FROM (SELECT DISTINCT e.owner FROM extent e \
             WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.version_id = e.owner) \
             AND NOT EXISTS (SELECT 1 FROM part p WHERE p.part_id = e.owner) \
             AND NOT EXISTS (SELECT 1 FROM removal r WHERE r.id = e.owner)) AS nobodys"
        ),
    ] {
        tx.execute(Statement::new(text)).await?;
    }
    let text = "SELECT scheme, slivers FROM (SELECT b.scheme AS scheme, \
                (SELECT COUNT(*) FROM sliver s WHERE s.blob_id = b.id) AS slivers FROM blob b WHERE b.live_bytes > 0) AS counted \
                GROUP BY scheme, slivers";
    for row in tx.rows(Statement::new(text)).await? {
        let (scheme, slivers) = (row.text(0)?.to_owned(), row.int(1)?);
        let parsed: Scheme =
            scheme.parse().map_err(|error| MetadataError::Damaged(format!("scheme {scheme:?}: {error}")))?;
        let count = usize::try_from(slivers).unwrap_or(0);
        if count >= parsed.n() {
            continue;
        }
        let text = format!(
            "INSERT INTO job (kind, blob_id, created_at, urgency) SELECT 'repair', b.id, {now}, $1 FROM blob b \
             WHERE b.scheme = $2 AND b.live_bytes > 0 AND (SELECT COUNT(*) FROM sliver s WHERE s.blob_id = b.id) = $3"
        );
        let rank = urgency(RepairRank::of(parsed, count));
        tx.execute(Statement::new(text).bind(rank).bind(scheme.as_str()).bind(slivers)).await?;
    }
    Ok(())
}

/// Numbers that are given once go on above all that may have been given.
async fn renumber(tx: &mut Session, relations: &BTreeMap<String, Relation>, sequence: u64) -> Result<()> {
    let text = "SELECT CAST(MAX(seq) AS BIGINT) FROM (SELECT COALESCE(MAX(seq), 0) AS seq FROM version \
                UNION ALL SELECT COALESCE(MAX(seq), 0) FROM event) AS numbers";
    let known = tx.row(Statement::new(text)).await?.map_or(Ok(0), |row| row.int(0))?;
    let next = known.max(int(sequence)?).saturating_add(NUMBERS_SKIPPED);
    match tx.dialect() {
        Dialect::Sqlite => {
            let text = "UPDATE counter SET value = $1 WHERE name = 'version_seq'";
            tx.execute(Statement::new(text).bind(next)).await?;
            // Of tables whose numbers are never given twice.
            let text = format!("UPDATE sqlite_sequence SET seq = seq + {NUMBERS_SKIPPED}");
            tx.execute(Statement::new(text)).await?;
        }
        Dialect::Postgres => {
            tx.rows(Statement::new("SELECT setval('version_seq', $1)").bind(next)).await?;
            let text = "SELECT setval('blob_serial_seq', (SELECT COALESCE(MAX(serial), 0) + 1 FROM blob))";
            tx.rows(Statement::new(text)).await?;
            let text = "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
                        WHERE table_schema = current_schema() AND is_identity = 'YES'";
            for row in tx.rows(Statement::new(text)).await? {
                let (table, column) = (row.text(0)?, row.text(1)?);
                if relations.contains_key(table) {
                    let text = format!(
                        "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), \
                         (SELECT COALESCE(MAX({column}), 0) FROM {table}) + {NUMBERS_SKIPPED})"
                    );
                    tx.rows(Statement::new(text)).await?;
                }
            }
        }
    }
    Ok(())
}
