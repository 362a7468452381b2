//! Segments and snapshots on the backends, as the database knows them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use crate::domain::Extent;
use crate::journal::record::JournalEnd;
use crate::metadata::MetadataStore;
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::commit::apply::{Circumstances, apply};
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::plan::Planner;
use crate::metadata::commit::{NewBlob, load};
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::database::{Database, Work};
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A segment of the journal.
    Segment,
    /// All rows.
    Snapshot,
}

impl RecordKind {
    fn name(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A record that is on the backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// Owner of its extents.
    pub id: ExtentOwner,
    /// Of a segment; of a snapshot that of the segment before it.
    pub number: u64,
    /// Bytes before they were coded.
    pub bytes: u64,
    /// When it was written, by the database's clock.
    pub written_at: i64,
}

/// A record that was written to the backends and is to be known.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// What it is.
    pub kind: RecordKind,
    /// Owner of its extents.
    pub id: ExtentOwner,
    /// Its blobs, in order.
    pub blobs: Vec<NewBlob>,
    /// For a segment: where the journal ended before it, and ends with it.
    pub end: Option<(JournalEnd, JournalEnd)>,
    /// For a segment: the changes it holds.
    pub changes: Vec<i64>,
    /// For a segment: the transaction that made all of them and goes on in the next one.
    pub unfinished: Option<i64>,
    /// For a snapshot: the last segment before it.
    pub after: u64,
}

impl MetadataStore {
    /// Where the journal ends.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn journal_end(&self) -> Result<JournalEnd> {
        end(&mut self.database().reader().await?, "").await
    }

    /// Compares the journal that the database knows with the last segment that backends have recorded, and keeps in mind whether the database
    /// is older. So it is when backends were `taken_over` by another database, which was rebuilt from them.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn compare_journal(&self, recorded: u64, taken_over: bool) -> Result<()> {
        let is_behind = taken_over || self.journal_end().await?.number < recorded;
        if self.shared.is_behind_journal.swap(is_behind, Ordering::Relaxed) != is_behind {
            if is_behind {
                tracing::error!(
                    recorded,
                    taken_over,
                    "the database is older than its journal on the backends: only reads are served"
                );
            } else {
                tracing::info!("the database is as new as its journal: writes are served");
            }
        }
        Ok(())
    }

    /// Whether the database was found to be older than its journal or to count no more, or to lack what this gateway had committed before another
    /// server took over.
    #[must_use]
    pub fn is_behind_journal(&self) -> bool {
        self.shared.is_behind_journal.load(Ordering::Relaxed) || self.database().lacks_commits()
    }

    /// Records a segment or snapshot. False when another gateway has written the next segment meanwhile: then nothing changed.
    ///
    /// # Errors
    /// [`MetadataError::Fenced`] when the incarnation was marked dead.
    pub async fn add_record(&self, incarnation: u32, record: NewRecord) -> Result<bool> {
        let given = Circumstances::now(&self.shared, incarnation);
        self.database().transact(Add { given, record }).await
    }

    /// Whether there is any bucket.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn has_buckets(&self) -> Result<bool> {
        Ok(self.database().row(Statement::new("SELECT id FROM bucket LIMIT 1")).await?.is_some())
    }

    /// The newest records of a kind, newest first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn newest_records(&self, kind: RecordKind, most: usize) -> Result<Vec<JournalRecord>> {
        records(self.database(), "kind = $1 ORDER BY number DESC, written_at DESC", kind, i64::MAX, most).await
    }

    /// The bytes and the number of segments after one.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn segments_after(&self, number: u64) -> Result<(u64, u64)> {
        let text = "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM journal_record \
                    WHERE kind = 'segment' AND number > $1";
        let row = self.database().row(Statement::new(text).bind(int(number)?)).await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.number(0)?, row.number(1)?)))
    }

    /// Gives up records of a kind whose number is below one, and that were written before a time: their bytes cease to live. Some at once;
    /// how many.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn forget_records(
        &self,
        kind: RecordKind,
        below: u64,
        written_before: i64,
        most: usize,
    ) -> Result<usize> {
        let found =
            records(self.database(), "kind = $1 AND number < $2 ORDER BY number", kind, int(below)?, most).await?;
        let ids = found.iter().filter(|record| record.written_at < written_before).map(|record| record.id).collect();
        self.database().transact(Forget(ids)).await
    }
}

async fn records(
    database: &Database,
    which: &str,
    kind: RecordKind,
    below: i64,
    most: usize,
) -> Result<Vec<JournalRecord>> {
    // All use both values, so that one statement binds them.
    let text = format!(
        "SELECT id, number, bytes, written_at FROM journal_record WHERE number <= $2 AND {which} LIMIT {}",
        limit(most)
    );
    let rows = database.rows(Statement::new(text).bind(kind.name()).bind(below)).await?;
    let record = |row: &crate::metadata::engine::row::Row| {
        let id = ExtentOwner(row.array(0)?);
        Ok(JournalRecord { id, number: row.number(1)?, bytes: row.number(2)?, written_at: row.int(3)? })
    };
    rows.iter().map(record).collect()
}

async fn end(session: &mut Session, lock: &str) -> Result<JournalEnd> {
    let row = session.row(Statement::new(format!("SELECT number, hash FROM journal_end{lock}"))).await?;
    let row = row.ok_or_else(|| MetadataError::Damaged("the end of the journal is gone".to_owned()))?;
    Ok(JournalEnd { number: row.number(0)?, hash: row.array(1)? })
}

/// Where the journal ends, as this session sees it.
pub(super) async fn seen_end(session: &mut Session) -> Result<JournalEnd> {
    end(session, "").await
}

struct Add {
    given: Circumstances,
    record: NewRecord,
}

impl Work for Add {
    type Done = bool;

    /// A journal about itself would never end.
    const IS_JOURNALED: bool = false;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let dialect = tx.dialect();
        let mut facts = Facts::default();
        load::ask(tx, &mut facts, [load::now(dialect, Some(self.given.incarnation))]).await?;
        let now = facts.fenced_now()?;
        let record = &self.record;
        let lock = dialect.for_update();
        if let Some((before, after)) = record.end {
            if end(tx, lock).await? != before {
                return Ok(false);
            }
            set_end(tx, after, record.unfinished).await?;
            take_out(tx, &record.changes).await?;
        }
        let extents = record.blobs.iter().map(|new| {
            let layout = &new.blob.layout;
            Extent { blob: new.blob.id, offset: 0, length: layout.content_len }
        });
        let extents: Vec<_> = extents.collect();
        let bytes = extents.iter().map(|extent| extent.length).sum::<u64>();
        let number = record.end.map_or(record.after, |(_, after)| after.number);
        let text = "INSERT INTO journal_record (id, kind, number, bytes, written_at) VALUES ($1, $2, $3, $4, $5)";
        let statement = Statement::new(text).bind(record.id.0).bind(record.kind.name()).bind(int(number)?);
        tx.execute(statement.bind(int(bytes)?).bind(now)).await?;
        let mut planner = Planner::new(&facts);
        planner.blobs(&record.blobs);
        planner.hold(record.id, extents);
        apply(tx, &facts, &planner.finish()?, self.given).await?;
        Ok(true)
    }
}

/// Says where the journal ends, and with which transaction it must go on.
pub(super) async fn set_end(tx: &mut Session, end: JournalEnd, unfinished: Option<i64>) -> Result<()> {
    let text = "UPDATE journal_end SET number = $1, hash = $2, unfinished = $3";
    let statement = Statement::new(text).bind(int(end.number)?).bind(end.hash);
    tx.execute(statement.bind(unfinished.map_or(Value::NoInt, Value::Int))).await.map(drop)
}

/// Takes the changes of a segment out of the outbox.
async fn take_out(tx: &mut Session, changes: &[i64]) -> Result<()> {
    let taken = match (tx.dialect(), changes.last()) {
        // One writer: all up to the last were there when they were read.
        (Dialect::Sqlite, Some(last)) => {
            tx.execute(Statement::new("DELETE FROM journal_outbox WHERE id <= $1").bind(*last)).await?
        }
        _ => {
            let rows = changes.iter().map(|id| [(*id).into()]).collect();
            tx.execute_rows("DELETE FROM journal_outbox WHERE id IN (VALUES ", rows, ")").await?
        }
    };
    // Were some of them in another segment, they would come after it in the wrong order.
    if taken == changes.len() as u64 { Ok(()) } else { Err(MetadataError::Conflict) }
}

/// Lets the journal go on after `recorded`, in a database that is older than it: what it holds is given up, and a new snapshot is due.
pub(in crate::metadata) async fn go_on_after(tx: &mut Session, recorded: u64, hash: [u8; 32]) -> Result<()> {
    if end(tx, tx.dialect().for_update()).await?.number >= recorded {
        return Ok(());
    }
    set_end(tx, JournalEnd { number: recorded, hash }, None).await?;
    let now = tx.dialect().now();
    let text = format!("INSERT INTO removal (id, is_upload, not_before) SELECT id, $1, {now} FROM journal_record");
    tx.execute(Statement::new(text).bind(false)).await?;
    tx.execute(Statement::new("DELETE FROM journal_record")).await.map(drop)
}

struct Forget(BTreeSet<ExtentOwner>);

impl Work for Forget {
    type Done = usize;

    const IS_JOURNALED: bool = false;

    async fn run(&self, tx: &mut Session) -> Result<usize> {
        let now = tx.dialect().now();
        let mut forgotten = 0;
        for id in &self.0 {
            let text = "DELETE FROM journal_record WHERE id = $1";
            if tx.execute(Statement::new(text).bind(id.0)).await? > 0 {
                let text = format!("INSERT INTO removal (id, is_upload, not_before) VALUES ($1, $2, {now})");
                tx.execute(Statement::new(text).bind(id.0).bind(false)).await?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}
