//! What of the dead nobody reads any more, before its grace is over.

use codec::BlobId;

use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// Dead blobs that were seen, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadBlobs {
    /// The blobs, in the order in which they become due.
    pub blobs: Vec<BlobId>,
    /// Where the next ones come after; the end of a round when there is none.
    pub next: Option<DeadBlobPosition>,
    /// A number of the version sequence that was drawn after their deaths were committed: reads that began after it know them.
    pub number: i64,
}

/// A place in the queue of dead blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadBlobPosition {
    due_at: i64,
    blob: BlobId,
}

impl MetadataStore {
    /// Whether other gateways may work on this database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.versions.is_none()
    }

    /// Some of the dead blobs that nobody has claimed, due or not, after a place in their queue.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn dead_blobs(&self, after: Option<DeadBlobPosition>, most: usize) -> Result<DeadBlobs> {
        self.database().transact(Look { after, most }).await
    }

    /// Draws a number of the version sequence: what begins after this returned knows every commit that another number was drawn
    /// after, if that is lower.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn draw_number(&self) -> Result<i64> {
        self.database().transact(Draw).await
    }

    /// Publishes that every read of this gateway that is under way, or will be, began after a number was drawn.
    ///
    /// # Errors
    /// [`MetadataError::Fenced`] when the incarnation was marked dead.
    pub async fn publish_oldest_read(&self, incarnation: u32, number: i64) -> Result<()> {
        self.database().transact(Publish { incarnation, number }).await
    }

    /// The number after which every read of any living gateway began; 0 while one has not said so, because it is of an earlier
    /// release or has only just begun.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn oldest_read(&self) -> Result<i64> {
        let text = "SELECT COALESCE(MIN(COALESCE(oldest_read, 0)), 0) FROM incarnation WHERE NOT is_dead";
        match self.database().row(Statement::new(text)).await? {
            Some(row) => row.int(0),
            None => Ok(0),
        }
    }
}

struct Look {
    after: Option<DeadBlobPosition>,
    most: usize,
}

impl Work for Look {
    type Done = DeadBlobs;

    /// First the rows, then the number: were it drawn before, a read that began after it might not know of them.
    async fn run(&self, tx: &mut Session) -> Result<DeadBlobs> {
        let text = format!(
            "SELECT not_before, blob_id FROM reclaim WHERE (not_before, blob_id) > ($1, $2) AND claimed_until <= {} \
             ORDER BY not_before, blob_id LIMIT $3",
            tx.dialect().now()
        );
        let (due_at, blob) = self.after.map_or((i64::MIN, Vec::new()), |after| (after.due_at, after.blob.0.to_vec()));
        let rows = tx.rows(Statement::new(text).bind(due_at).bind(blob).bind(limit(self.most))).await?;
        let positions =
            rows.iter().map(|row| Ok(DeadBlobPosition { due_at: row.int(0)?, blob: BlobId(row.array(1)?) }));
        let positions = positions.collect::<Result<Vec<_>>>()?;
        let number = draw(tx).await?;
        let next = positions.last().filter(|_| positions.len() == self.most).copied();
        Ok(DeadBlobs { blobs: positions.into_iter().map(|position| position.blob).collect(), next, number })
    }
}

struct Draw;

impl Work for Draw {
    type Done = i64;

    async fn run(&self, tx: &mut Session) -> Result<i64> {
        draw(tx).await
    }
}

async fn draw(tx: &mut Session) -> Result<i64> {
    let row = tx.row(Statement::new(tx.dialect().take_numbers(1))).await?;
    row.ok_or_else(|| MetadataError::Damaged("the version sequence gave no number".to_owned()))?.int(1)
}

struct Publish {
    incarnation: u32,
    number: i64,
}

impl Work for Publish {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let text = "UPDATE incarnation SET oldest_read = $1 WHERE id = $2 AND NOT is_dead";
        match tx.execute(Statement::new(text).bind(self.number).bind(self.incarnation)).await? {
            0 => Err(MetadataError::Fenced),
            _ => Ok(()),
        }
    }
}
