//! Reads all rows of the database for a snapshot, as they are at one moment.

use crate::journal::record::JournalEnd;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::row_triggers;
use crate::metadata::engine::schema::{self, ColumnKind, Relation};
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::journal::records::seen_end;
use crate::metadata::journal::{outbox, relations};

/// With more changes than this that no segment holds, no snapshot is taken: it would have to name them all.
const WAITING_MAX: usize = 200_000;

/// Rows read at once.
const PAGE: usize = 1_000;

/// The moment a snapshot is of.
#[derive(Clone, Debug)]
pub struct DumpedMoment {
    /// The last segment whose changes are all in it.
    pub after: JournalEnd,
    /// When it was.
    pub taken_at: i64,
    /// Changes that no segment held and that are in it.
    pub included: Vec<i64>,
}

/// Some rows of one table.
#[derive(Clone, Debug)]
pub struct DumpedRows {
    /// The table.
    pub relation: String,
    /// The rows, an array of objects in JSON.
    pub rows: String,
}

/// All rows at one moment, being read.
pub struct Dump {
    session: Session,
    /// Tables that are still to be read, the next one last.
    relations: Vec<Relation>,
    /// The key of the row that was read last, in the next table.
    after: Option<Vec<Value>>,
}

impl MetadataStore {
    /// Begins to read all rows. None while too much waits for the journal: write that first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn dump(&self) -> Result<Option<(DumpedMoment, Dump)>> {
        let mut session = self.database().snapshot().await?;
        if session.dialect() == Dialect::Postgres {
            // The backends may take longer than the server lets a transaction of a request do nothing.
            session.command("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
        }
        let Some(included) = outbox::waiting(&mut session, WAITING_MAX).await? else { return Ok(None) };
        let after = seen_end(&mut session).await?;
        let text = format!("SELECT {}", session.dialect().now());
        let row = session.row(Statement::new(text)).await?;
        let taken_at = row.ok_or_else(|| MetadataError::Damaged("the database has no time".to_owned()))?.int(0)?;
        let mut relations = schema::relations(&mut session, relations::UNJOURNALED).await?;
        relations.reverse();
        Ok(Some((DumpedMoment { after, taken_at, included }, Dump { session, relations, after: None })))
    }
}

impl Dump {
    /// The next rows, table by table; none at the end.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn next(&mut self) -> Result<Option<DumpedRows>> {
        while let Some(relation) = self.relations.last() {
            let statement = page(self.session.dialect(), relation, self.after.take());
            let rows = self.session.rows(statement).await?;
            let page = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>>>()?;
            let page = (!page.is_empty())
                .then(|| DumpedRows { relation: relation.name.clone(), rows: format!("[{}]", page.join(",")) });
            match rows.last() {
                Some(last) if rows.len() == PAGE => self.after = Some(key_of(relation, last)?),
                _ => drop(self.relations.pop()),
            }
            if page.is_some() {
                return Ok(page);
            }
        }
        Ok(None)
    }
}

/// A page of a table in the order of its key, after a key: each row as JSON, then the columns of its key.
fn page(dialect: Dialect, relation: &Relation, after: Option<Vec<Value>>) -> Statement {
    let object = match dialect {
        Dialect::Postgres => "CAST(row_to_json(x) AS TEXT)".to_owned(),
        Dialect::Sqlite => row_triggers::object("x", relation.columns.iter()),
    };
    let key: Vec<_> = relation.key.iter().map(|column| format!("x.{}", relation.columns[*column].name)).collect();
    let (key, count) = (key.join(", "), key.len());
    let (mut values, condition) = match after {
        Some(values) => {
            let places: Vec<_> = (1..=count).map(|place| format!("${place}")).collect();
            (values, format!(" WHERE ({key}) > ({})", places.join(", ")))
        }
        None => (Vec::new(), String::new()),
    };
    values.push(Value::Int(limit(PAGE)));
    let text =
        format!("SELECT {object}, {key} FROM {} x{condition} ORDER BY {key} LIMIT ${}", relation.name, values.len());
    values.into_iter().fold(Statement::new(text), Statement::bind)
}

fn key_of(relation: &Relation, row: &Row) -> Result<Vec<Value>> {
    let value = |(place, column): (usize, &usize)| {
        Ok(match relation.columns[*column].kind {
            ColumnKind::Bytes => row.bytes(place + 1)?.into(),
            ColumnKind::Text => row.text(place + 1)?.into(),
            ColumnKind::Int => match row.int(place + 1) {
                Ok(value) => value.into(),
                Err(_) => row.flag(place + 1)?.into(),
            },
        })
    };
    relation.key.iter().enumerate().map(value).collect()
}
