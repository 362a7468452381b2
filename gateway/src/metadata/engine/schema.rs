//! The tables of the database, as the database describes them.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// Places of the columns of its primary key, in the key's order.
    pub key: Vec<usize>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Bytes,
    Text,
    /// Integers, and flags.
    Int,
}

impl ColumnKind {
    fn of(declared: &str) -> Self {
        match declared.to_ascii_lowercase().as_str() {
            "blob" | "bytea" => Self::Bytes,
            "text" => Self::Text,
            _ => Self::Int,
        }
    }
}

const SQLITE: &str = "SELECT m.name, c.name, c.type, c.pk FROM sqlite_master m \
                      JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                      ORDER BY m.name, c.cid";

// Of the catalog itself: the views of information_schema took seconds on a database whose catalog the server had no statistics of.
const POSTGRES: &str = "SELECT CAST(t.relname AS TEXT), CAST(c.attname AS TEXT), format_type(c.atttypid, NULL), \
                        CAST(COALESCE(array_position(k.conkey, c.attnum), 0) AS BIGINT) FROM pg_class t \
                        JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped \
                        LEFT JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'p' \
                        WHERE t.relnamespace = CAST(current_schema() AS REGNAMESPACE) AND t.relkind IN ('r', 'p') \
                        ORDER BY t.relname, c.attnum";

/// All tables but `without`, by name.
pub(crate) async fn relations(session: &mut Session, without: &[&str]) -> Result<Vec<Relation>> {
    let text = match session.dialect() {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    };
    let rows = session.rows(Statement::new(text)).await?;
    let columns = rows
        .iter()
        .map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?.to_owned(), row.int(3)?)));
    Ok(gathered(columns.collect::<Result<_>>()?, without))
}

/// The same, on a connection that is not in a pool yet.
pub(crate) async fn of_sqlite(connection: &mut SqliteConnection, without: &[&str]) -> Result<Vec<Relation>> {
    Ok(gathered(sqlx::query_as(SQLITE).fetch_all(connection).await?, without))
}

/// Tables of columns: table, name, type, place in the primary key or 0.
fn gathered(found: Vec<(String, String, String, i64)>, without: &[&str]) -> Vec<Relation> {
    let mut tables: BTreeMap<String, (Vec<Column>, BTreeMap<i64, usize>)> = BTreeMap::new();
    for (table, name, declared, place) in found.into_iter().filter(|(table, ..)| !without.contains(&&**table)) {
        let (columns, key) = tables.entry(table).or_default();
        if place > 0 {
            key.insert(place, columns.len());
        }
        columns.push(Column { name, kind: ColumnKind::of(&declared) });
    }
    let relation = |(name, (columns, key)): (String, (Vec<Column>, BTreeMap<i64, usize>))| Relation {
        name,
        columns,
        key: key.into_values().collect(),
    };
    tables.into_iter().map(relation).collect()
}
