//! Numbers for blobs that came before blobs had numbers.

use codec::BlobId;

use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{ids, keys};
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

impl MetadataStore {
    /// Numbers those of the blobs after one, at most so many, that have no number; the last blob that was looked at, none when
    /// there are none behind it. Blobs get their numbers when they are committed: this is for those of earlier releases.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn number_blobs(&self, after: Option<BlobId>, most: usize) -> Result<Option<BlobId>> {
        let text = "SELECT id, serial FROM blob WHERE id > $1 ORDER BY id LIMIT $2";
        let begin = after.map_or_else(Vec::new, |id| id.0.to_vec());
        let rows = self.database().rows(Statement::new(text).bind(begin).bind(limit(most))).await?;
        let mut unnumbered = Vec::new();
        for row in &rows {
            if row.number_if_any::<u64>(1)?.is_none() {
                unnumbered.push(BlobId(row.array(0)?));
            }
        }
        if !unnumbered.is_empty() {
            self.database().transact(Number(unnumbered)).await?;
        }
        let last = ids(&rows)?.pop();
        Ok(last.filter(|_| rows.len() >= most))
    }
}

struct Number(Vec<BlobId>);

impl Work for Number {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let head = format!(
            "UPDATE blob SET serial = n.serial FROM (SELECT u.id, {} AS serial FROM blob u WHERE u.serial IS NULL AND u.id IN (VALUES ",
            tx.dialect().next_serial()
        );
        tx.execute_rows(&head, keys(&self.0), ")) AS n WHERE blob.id = n.id AND blob.serial IS NULL").await.map(drop)
    }
}
