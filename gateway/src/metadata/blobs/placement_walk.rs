//! The walk over what buckets with placement rules have: which blobs, and on which backends their slivers are.

use std::collections::{BTreeSet, HashMap};

use codec::BlobId;
use serde::{Deserialize, Serialize};

use crate::domain::{BackendId, BucketId};
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::keys;
use crate::metadata::blobs::enqueue_repairs::enqueue;
use crate::metadata::engine::columns::{backend_id, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// How far the walk through one bucket is: after an extent of a version, or, when there are no more of those, after one of a part of an
/// upload under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentPosition {
    /// After this extent of this version.
    Version {
        /// Its key; empty at the beginning.
        key: Vec<u8>,
        /// Its place among the versions of its key.
        seq: i64,
        /// The extent's place in it.
        ordinal: i64,
    },
    /// After this extent of this part.
    Part {
        /// The part; empty at the beginning.
        id: Vec<u8>,
        /// The extent's place in it.
        ordinal: i64,
    },
}

impl Default for ContentPosition {
    fn default() -> Self {
        Self::Version { key: Vec::new(), seq: 0, ordinal: 0 }
    }
}

/// A page of that walk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentPage {
    /// The blobs, each with the backends of its slivers.
    pub blobs: HashMap<BlobId, BTreeSet<BackendId>>,
    /// Where it goes on; none at its end.
    pub next: Option<ContentPosition>,
}

impl MetadataStore {
    /// Blobs in which a bucket has something, from a position on: those of `most` extents.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn walk_content(&self, bucket: BucketId, at: &ContentPosition, most: usize) -> Result<ContentPage> {
        let mut session = self.database().reader().await?;
        let rows = session.rows(page(bucket, at, most)).await?;
        let mut ids = BTreeSet::new();
        let mut next = match at {
            ContentPosition::Version { .. } => Some(ContentPosition::Part { id: Vec::new(), ordinal: 0 }),
            ContentPosition::Part { .. } => None,
        };
        for row in &rows {
            if let Some(id) = row.bytes_if_any(0)? {
                ids.extend(id.try_into().ok().map(BlobId));
            }
        }
        if let Some(last) = rows.last().filter(|_| rows.len() >= most) {
            next = Some(match at {
                ContentPosition::Version { .. } => {
                    ContentPosition::Version { key: last.bytes(1)?.to_vec(), seq: last.int(2)?, ordinal: last.int(3)? }
                }
                ContentPosition::Part { .. } => {
                    ContentPosition::Part { id: last.bytes(1)?.to_vec(), ordinal: last.int(2)? }
                }
            });
        }
        let ids: Vec<BlobId> = ids.into_iter().collect();
        let mut blobs = HashMap::<BlobId, BTreeSet<BackendId>>::new();
        let head = "SELECT blob_id, backend FROM sliver WHERE blob_id IN (VALUES ";
        for row in session.rows_of_rows(head, keys(&ids), ")").await? {
            blobs.entry(BlobId(row.array(0)?)).or_default().insert(backend_id(row.text(1)?)?);
        }
        Ok(ContentPage { blobs, next })
    }

    /// Asks for slivers of these blobs to be moved, behind everything that is endangered; returns how many blobs were not asked for before.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn enqueue_misplaced(&self, blobs: Vec<BlobId>) -> Result<u64> {
        if blobs.is_empty() { Ok(0) } else { self.database().transact(EnqueueMisplaced(blobs)).await }
    }
}

/// The first column is the blob, the others are the position.
fn page(bucket: BucketId, at: &ContentPosition, most: usize) -> Statement {
    match at {
        ContentPosition::Version { key, seq, ordinal } => {
            let text = "SELECT COALESCE(v.blob_id, e.blob_id), v.key, v.seq, COALESCE(e.ordinal, 0) \
                        FROM version v LEFT JOIN extent e ON e.owner = v.version_id AND v.extent_count > 1 \
                        WHERE v.bucket_id = $1 AND (v.key, v.seq) >= ($2, $3) \
                        AND NOT (v.key = $2 AND v.seq = $3 AND COALESCE(e.ordinal, 0) <= $4) \
                        ORDER BY v.key, v.seq, e.ordinal LIMIT $5";
            let statement = Statement::new(text).bind(bucket.0).bind(key.clone()).bind(*seq).bind(*ordinal);
            statement.bind(limit(most))
        }
        ContentPosition::Part { id, ordinal } => {
            let text = "SELECT e.blob_id, e.owner, e.ordinal FROM upload u JOIN part p ON p.upload_id = u.id \
                        JOIN extent e ON e.owner = p.part_id WHERE u.bucket_id = $1 AND (e.owner, e.ordinal) > ($2, $3) \
                        ORDER BY e.owner, e.ordinal LIMIT $4";
            let statement = Statement::new(text).bind(bucket.0).bind(id.clone()).bind(*ordinal);
            statement.bind(limit(most))
        }
    }
}

struct EnqueueMisplaced(Vec<BlobId>);

impl Work for EnqueueMisplaced {
    type Done = u64;

    /// A job that is there already is more urgent, or the same.
    async fn run(&self, tx: &mut Session) -> Result<u64> {
        enqueue(tx, &self.0, BTreeSet::new(), "NOTHING").await
    }
}
