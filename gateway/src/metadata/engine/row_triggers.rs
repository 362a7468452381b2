//! Triggers on SQLite's writing connection that record what a transaction changes, row by row: no statement can be left out. They are made
//! from the schema whenever the file is opened, so they never lag behind it. On PostgreSQL migration 0028 makes them.

use std::fmt::Write as _;

use sqlx::SqliteConnection;

use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::schema::{self, Column, ColumnKind, Relation};
use crate::metadata::engine::simulated;
use crate::metadata::error::Result;

/// While this table has a row, nothing is recorded.
const SWITCH: &str = "CREATE TEMP TABLE unjournaled (one INTEGER PRIMARY KEY)";

/// The number of the transaction that is under way.
const NUMBER: &str =
    "CREATE TEMP TABLE journal_transaction (number INTEGER NOT NULL); INSERT INTO journal_transaction VALUES (0)";

/// Begins a transaction that writes. Its number is that of the last change before it: no two that record anything have the same.
pub(crate) const BEGIN: &str = "BEGIN IMMEDIATE; UPDATE journal_transaction SET number = \
                                COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'journal_outbox'), 0)";

/// Nothing that the transaction does from here on is recorded.
pub(crate) const PAUSE: &str = "INSERT INTO unjournaled (one) VALUES (1)";

/// Again it is.
pub(crate) const RESUME: &str = "DELETE FROM unjournaled";

/// Text that makes the triggers for all tables but `without`.
///
/// # Errors
/// The schema cannot be read.
pub(crate) async fn script(connection: &mut SqliteConnection, without: &[&str]) -> Result<String> {
    let relations = schema::of_sqlite(connection, without).await?;
    Ok(relations.iter().fold(format!("{SWITCH}; {NUMBER};"), |mut text, relation| {
        triggers(relation, &mut text);
        text
    }))
}

fn triggers(relation: &Relation, text: &mut String) {
    let name = &relation.name;
    let all = |row| object(row, relation.columns.iter());
    let key = |row| object(row, relation.key.iter().filter_map(|place| relation.columns.get(*place)));
    let same = relation.key.iter().filter_map(|place| relation.columns.get(*place));
    let same: Vec<_> = same.map(|column| format!("new.{0} = old.{0}", column.name)).collect();
    let removed = format!("CASE WHEN {} THEN '[]' ELSE json_array({}) END", same.join(" AND "), key("old"));
    for (event, removed, written) in [
        ("INSERT", "'[]'".to_owned(), format!("json_array({})", all("new"))),
        ("UPDATE", removed, format!("json_array({})", all("new"))),
        ("DELETE", format!("json_array({})", key("old")), "'[]'".to_owned()),
    ] {
        let now = simulated::with_its_time(Dialect::Sqlite.now().into());
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "CREATE TEMP TRIGGER journal_{name}_{event} AFTER {event} ON main.{name} \
             WHEN NOT EXISTS (SELECT 1 FROM unjournaled) BEGIN \
             INSERT INTO journal_outbox (relation, removed, written, recorded_at, transaction_id) \
             SELECT '{name}', {removed}, {written}, {now}, number FROM journal_transaction; END;"
        );
    }
}

/// Some columns of a row as a JSON object. Bytes are text: `\x` and hexadecimal digits.
pub(crate) fn object<'a>(row: &str, columns: impl Iterator<Item = &'a Column>) -> String {
    let value = |Column { name, kind }: &Column| match kind {
        ColumnKind::Bytes => {
            format!("'{name}', CASE WHEN {row}.{name} IS NULL THEN NULL ELSE '\\x' || lower(hex({row}.{name})) END")
        }
        ColumnKind::Text | ColumnKind::Int => format!("'{name}', {row}.{name}"),
    };
    format!("json_object({})", columns.map(value).collect::<Vec<_>>().join(", "))
}
