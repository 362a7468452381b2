//! Messages whose change was made, inserted in the same transaction.

use std::borrow::Cow;

use crate::domain::{BucketId, ObjectKey};
use crate::metadata::commit::{Appended, Deleted, Outcome, StoredVersion};
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;
use crate::metadata::events::event_draft::{EventDraft, EventTrigger};

impl EventTrigger {
    /// Whether an outcome triggers it. `named`: the deletion named a version, not the object.
    fn matches_outcome(self, named: bool, outcome: &Outcome) -> bool {
        match (self, outcome) {
            // Of a renaming, each key has its own drafts.
            (Self::Stored | Self::Removed, Outcome::Renamed)
            | (Self::Stored, Outcome::Stored(_) | Outcome::Appended(_))
            | (Self::Amended, Outcome::Amended { .. }) => true,
            (Self::Changed, Outcome::Amended { changed, .. }) => *changed,
            (Self::Marked, Outcome::Deleted(Deleted { marker, .. })) => *marker && !named,
            (Self::Removed, Outcome::Deleted(Deleted { existed, marker, .. })) => *existed && (named || !*marker),
            _ => false,
        }
    }
}

/// A draft whose change was made.
pub(in crate::metadata) struct DueEvent<'a> {
    bucket: BucketId,
    key: &'a ObjectKey,
    version: Option<String>,
    target: &'a str,
    record: Cow<'a, str>,
}

/// The drafts that this outcome triggers. `named`: the deletion named a version, not the object.
pub(in crate::metadata) fn due<'a>(
    bucket: BucketId,
    key: &'a ObjectKey,
    drafts: &'a [EventDraft],
    named: bool,
    outcome: &Outcome,
) -> Vec<DueEvent<'a>> {
    let (name, content) = match outcome {
        Outcome::Stored(StoredVersion { name, .. }) | Outcome::Deleted(Deleted { name, .. }) => (*name, None),
        Outcome::Amended { name, size, etag, .. } => (*name, Some((*size, *etag))),
        Outcome::Appended(Appended { size, etag }) => (None, Some((*size, *etag))),
        Outcome::Renamed | Outcome::Refused(_) => (None, None),
    };
    let version = name.map(|name| name.to_string());
    let due = drafts.iter().filter(|draft| draft.when.matches_outcome(named, outcome));
    due.map(|draft| {
        let record = match content {
            Some((size, etag)) => Cow::Owned((draft.complete)(&draft.record, size, etag)),
            None => Cow::Borrowed(&*draft.record),
        };
        DueEvent { bucket, key, version: version.clone(), target: &draft.target, record }
    })
    .collect()
}

/// Writes messages, in the transaction of their changes.
pub(in crate::metadata) async fn insert(tx: &mut Session, events: Vec<DueEvent<'_>>, now: i64) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let numbers = take_numbers(tx, events.len()).await?;
    let rows = events.into_iter().zip(numbers).map(|(event, seq)| {
        let row: [Value; 8] = [
            seq.into(),
            event.target.into(),
            event.bucket.0.into(),
            event.key.as_bytes().into(),
            event.version.unwrap_or_default().as_str().into(),
            (&*event.record).into(),
            now.into(),
            now.into(),
        ];
        row
    });
    let head = "WITH n (seq, target, bucket_id, key, version, record, not_before, created_at) AS (VALUES ";
    let tail = ") INSERT INTO event (seq, target, bucket_id, key, version, record, is_whole, not_before, created_at, account_id) \
                SELECT n.seq, n.target, n.bucket_id, n.key, n.version, n.record, FALSE, n.not_before, n.created_at, \
                (SELECT b.account_id FROM bucket b WHERE b.id = n.bucket_id) FROM n";
    tx.execute_rows(head, rows.collect(), tail).await.map(drop)
}

/// Numbers for so many messages, ascending.
pub(super) async fn take_numbers(tx: &mut Session, wanted: usize) -> Result<Vec<i64>> {
    let text = tx.dialect().take_numbers(wanted);
    let mut numbers = Vec::with_capacity(wanted);
    for row in tx.rows(Statement::new(text)).await? {
        numbers.extend(row.int(0)?..=row.int(1)?);
    }
    Ok(numbers)
}
