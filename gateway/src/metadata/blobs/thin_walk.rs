//! The walk that finds thin blobs without a job: those that became thin under a release that asked for none.

use codec::BlobId;

use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{ids, keys};
use crate::metadata::blobs::thin_blobs::is_thin;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// A page of the walk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThinPage {
    /// How many blobs got a job.
    pub enqueued: u64,
    /// The last blob that was looked at; none when there are none behind it.
    pub next: Option<BlobId>,
}

impl MetadataStore {
    /// Looks at the blobs after one, at most so many, and asks for what lives of the thin ones to be moved where nobody has.
    /// Nothing is locked or written but for those.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn find_thin_blobs(&self, after: Option<BlobId>, most: usize) -> Result<ThinPage> {
        let text = format!(
            "SELECT b.id, CAST(CASE WHEN {} AND NOT EXISTS \
             (SELECT 1 FROM job j WHERE j.kind = 'thin' AND j.blob_id = b.id) THEN 1 ELSE 0 END AS BIGINT) \
             FROM blob b WHERE b.id > $1 ORDER BY b.id LIMIT $2",
            is_thin()
        );
        let after = after.map_or_else(Vec::new, |id| id.0.to_vec());
        let rows = self.database().rows(Statement::new(text).bind(after).bind(limit(most))).await?;
        let (mut thin, mut last) = (Vec::new(), None);
        for row in &rows {
            let id = BlobId(row.array(0)?);
            if row.number::<u8>(1)? == 1 {
                thin.push(id);
            }
            last = Some(id);
        }
        let enqueued = if thin.is_empty() { 0 } else { self.database().transact(Enqueue(thin)).await? };
        Ok(ThinPage { enqueued, next: last.filter(|_| rows.len() >= most) })
    }
}

struct Enqueue(Vec<BlobId>);

impl Work for Enqueue {
    type Done = u64;

    /// The blobs are kept from going meanwhile: the job of one that is gone would be nobody's.
    async fn run(&self, tx: &mut Session) -> Result<u64> {
        let dialect = tx.dialect();
        let now = dialect.now();
        let tail = format!(") AND {} ORDER BY b.id{}", is_thin(), dialect.for_share());
        let rows = tx.rows_of_rows("SELECT b.id FROM blob b WHERE b.id IN (VALUES ", keys(&self.0), &tail).await?;
        let thin = ids(&rows)?;
        let tail = format!(
            ") INSERT INTO job (kind, blob_id, created_at, waits) SELECT 'thin', n.id, {now}, TRUE FROM n WHERE TRUE \
             ON CONFLICT (kind, blob_id) DO NOTHING"
        );
        tx.execute_rows("WITH n (id) AS (VALUES ", keys(&thin), &tail).await
    }
}
