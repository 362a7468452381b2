//! The table as `gateway/S3.md` shows it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::s3::pipeline::target::Level;
use crate::s3::route::row::Row;
use crate::s3::route::table::Table;

/// The list of operations for `gateway/S3.md`: those that work, by level, those whose answer never
/// changes, those that answer 501.
#[must_use]
pub fn operations_as_markdown(table: &Table) -> String {
    let mut text = String::new();
    let levels = [
        (Level::Service, "Service"),
        (Level::Bucket, "Buckets"),
        (Level::Object, "Objects"),
        (Level::Resource, "S3 Control"),
    ];
    for (level, title) in levels {
        let works = |row: &&Row| row.level == level && row.is_supported() && !row.default_only;
        line(&mut text, title, table.rows().iter().filter(works));
    }
    let title = "Answered as where nothing was ever configured";
    line(&mut text, title, table.rows().iter().filter(|row| row.default_only));
    line(&mut text, "Answered 501 `NotImplemented` for now", table.rows().iter().filter(|row| !row.is_supported()));
    text
}

fn line<'a>(text: &mut String, title: &str, rows: impl Iterator<Item = &'a Row>) {
    let names: BTreeSet<_> = rows.map(|row| row.operation).collect();
    let names: Vec<_> = names.into_iter().collect();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "- **{title}**: {}", names.join(", "));
}
