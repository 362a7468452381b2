//! The queue of thin blobs: large ones that are sparse. What lives of them is moved by whoever holds the claim.

use codec::BlobId;

use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{BLOB_COLUMNS, ids, keys};
use crate::metadata::blobs::compact::{SparseBlob, with_extents};
use crate::metadata::blobs::sparse::IS_SPARSE;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// Jobs that are looked at to find one that can be claimed: some are over, some blobs are being changed.
const LOOKED_AT: usize = 16;

/// Whether a row `b` of `blob` is thin.
pub(super) fn is_thin() -> String {
    format!("NOT b.is_quilt AND {IS_SPARSE}")
}

/// A large blob that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThinBlob {
    /// The blob, and what lives of it.
    pub sparse: SparseBlob,
    /// When the claim ends, in microseconds of the database's clock. It tells this claim from every other.
    pub claimed_until: i64,
}

impl MetadataStore {
    /// Claims a large blob of which less than half is alive for `lease_seconds`, that first which was left alone longest. None when
    /// nothing waits that can be claimed now.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn claim_thin_blob(&self, lease_seconds: i64) -> Result<Option<ThinBlob>> {
        loop {
            match self.database().transact(ClaimThin { lease_seconds }).await? {
                Claimed::This(thin) => return Ok(Some(*thin)),
                Claimed::Nothing => return Ok(None),
                Claimed::OthersWereOver => {}
            }
        }
    }

    /// Extends a claim to `lease_seconds` from now. False when it is another's: it had run out.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn renew_thin_claim(&self, thin: &mut ThinBlob, lease_seconds: i64) -> Result<bool> {
        let renew = Renew { blob: thin.sparse.blob.id, claimed_until: thin.claimed_until, lease_seconds };
        let renewed = self.database().transact(renew).await?;
        thin.claimed_until = renewed.unwrap_or(thin.claimed_until);
        Ok(renewed.is_some())
    }
}

struct ClaimThin {
    lease_seconds: i64,
}

enum Claimed {
    This(Box<ThinBlob>),
    /// No job waits, or those that do are being worked on.
    Nothing,
    /// Jobs went that had nothing more to ask for; there may be others behind them.
    OthersWereOver,
}

impl Work for ClaimThin {
    type Done = Claimed;

    /// A job ends with its blob, or when half of that is alive again. That is decided while nobody changes the blob: a commit that makes
    /// it thin once more finds the job there and adds none, so the job must not go beside it.
    async fn run(&self, tx: &mut Session) -> Result<Claimed> {
        let dialect = tx.dialect();
        let now = dialect.now();
        let text = format!(
            "SELECT blob_id FROM job WHERE kind = 'thin' AND waits AND claimed_until <= {now} \
             ORDER BY claimed_until LIMIT {LOOKED_AT}{}",
            dialect.for_claim()
        );
        let waiting = ids(&tx.rows(Statement::new(text)).await?)?;
        let tail = format!(") ORDER BY id{}", dialect.for_share_of_idle());
        let held = ids(&tx.rows_of_rows("SELECT id FROM blob WHERE id IN (VALUES ", keys(&waiting), &tail).await?)?;
        // Asked once they are held: what was seen while they were being locked may be older.
        let head = "SELECT b.id FROM blob b WHERE b.id IN (VALUES ";
        let thin = ids(&tx.rows_of_rows(head, keys(&held), &format!(") AND {}", is_thin())).await?)?;
        let there = ids(&tx.rows_of_rows(head, keys(&waiting), ")").await?)?;
        let is_over = |id: &BlobId| {
            if held.contains(id) { !thin.contains(id) } else { !there.contains(id) }
        };
        let over: Vec<BlobId> = waiting.iter().copied().filter(is_over).collect();
        tx.execute_rows("DELETE FROM job WHERE kind = 'thin' AND blob_id IN (VALUES ", keys(&over), ")").await?;
        let Some(first) = waiting.iter().find(|id| thin.contains(id)) else {
            return Ok(if over.is_empty() { Claimed::Nothing } else { Claimed::OthersWereOver });
        };
        let until = self.lease_seconds.saturating_mul(1_000_000);
        let text = format!(
            "UPDATE job SET claimed_until = {now} + {until} WHERE kind = 'thin' AND blob_id = $1 RETURNING claimed_until"
        );
        let claimed = tx.row(Statement::new(text).bind(first.0)).await?;
        let head = format!("SELECT {BLOB_COLUMNS} FROM blob b WHERE b.id IN (VALUES ");
        let rows = tx.rows_of_rows(&head, keys(&[*first]), ")").await?;
        let sparse = with_extents(tx, &rows).await?.pop();
        let (Some(sparse), Some(claimed)) = (sparse, claimed) else { return Ok(Claimed::OthersWereOver) };
        Ok(Claimed::This(Box::new(ThinBlob { sparse, claimed_until: claimed.int(0)? })))
    }
}

struct Renew {
    blob: BlobId,
    claimed_until: i64,
    lease_seconds: i64,
}

impl Work for Renew {
    /// When it ends now.
    type Done = Option<i64>;

    async fn run(&self, tx: &mut Session) -> Result<Option<i64>> {
        let until = self.lease_seconds.saturating_mul(1_000_000);
        let text = format!(
            "UPDATE job SET claimed_until = {} + {until} WHERE kind = 'thin' AND blob_id = $1 AND claimed_until = $2 \
             RETURNING claimed_until",
            tx.dialect().now()
        );
        let renewed = tx.row(Statement::new(text).bind(self.blob.0).bind(self.claimed_until)).await?;
        renewed.map(|row| row.int(0)).transpose()
    }
}
