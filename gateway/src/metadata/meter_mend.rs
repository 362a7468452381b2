//! Mends what was metered for versions and parts: a gateway of an earlier release, beside this one during an upgrade, moves extents to blobs of
//! another size without metering the difference.

use crate::domain::{BucketId, PartNumber, UploadId};
use crate::metadata::MetadataStore;
use crate::metadata::commit::apply::{Circumstances, apply};
use crate::metadata::commit::facts::{Facts, MeteredFact, MeteredRow};
use crate::metadata::commit::load;
use crate::metadata::commit::plan::{Flow, Plan};
use crate::metadata::engine::columns;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::meter_check::{self, MeteredPlace, WrongMeter};

/// What a step of the walk over versions and parts did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MendedMeters {
    /// Versions and parts for which another number was metered.
    pub mended: u64,
    /// Encoded bytes that were not metered and are now; negative where too many were.
    pub bytes: i128,
    /// Where it goes on; none at its end.
    pub next: Option<MeteredPlace>,
}

impl MetadataStore {
    /// Compares what was metered for the next few versions or parts with what they account for, and mends rows and meters together. Commits
    /// go on: each row is looked at once more with its lock held.
    ///
    /// # Errors
    /// [`MetadataError::Fenced`] when the incarnation was marked dead.
    pub async fn mend_meters(&self, incarnation: u32, after: &MeteredPlace) -> Result<MendedMeters> {
        let page = meter_check::page(&mut self.database().reader().await?, after).await?;
        let mut done = MendedMeters { next: page.next, ..MendedMeters::default() };
        for wrong in page.wrong {
            let given = Circumstances::now(&self.shared, incarnation);
            let change = self.database().transact(Mend { given, wrong }).await?;
            done.mended += u64::from(change != 0);
            done.bytes += change;
        }
        Ok(done)
    }
}

struct Mend {
    given: Circumstances,
    wrong: WrongMeter,
}

impl Work for Mend {
    /// By how many bytes more is metered.
    type Done = i128;

    async fn run(&self, tx: &mut Session) -> Result<i128> {
        let mut facts = Facts::default();
        load::ask(tx, &mut facts, [load::now(tx.dialect(), Some(self.given.incarnation))]).await?;
        let Some(metered) = lock(tx, &self.wrong).await? else { return Ok(0) };
        // What moves extents holds the same lock.
        let Some(share) = meter_check::share_of(tx, &self.wrong.place).await? else { return Ok(0) };
        let before = metered.encoded_bytes;
        if share == before {
            return Ok(0);
        }
        let mut plan = Plan::default();
        let flow = Flow {
            encoded_added: share.saturating_sub(before),
            encoded_removed: before.saturating_sub(share),
            ..Flow::default()
        };
        plan.flows.insert(metered.bucket, flow);
        plan.remetered.insert(self.wrong.owner, (metered, share));
        apply(tx, &facts, &plan, self.given).await?;
        Ok(i128::from(share) - i128::from(before))
    }
}

/// Locks the row and reads what was metered for it; none when it is gone.
async fn lock(tx: &mut Session, wrong: &WrongMeter) -> Result<Option<MeteredFact>> {
    let for_update = tx.dialect().for_update();
    match &wrong.place {
        MeteredPlace::Version(bucket, key, seq) => {
            let text = format!(
                "SELECT encoded_bytes FROM version WHERE bucket_id = $1 AND key = $2 AND seq = $3 AND version_id = $4{for_update}"
            );
            let statement = Statement::new(text).bind(*bucket).bind(key.clone()).bind(*seq).bind(wrong.owner.0);
            let Some(row) = tx.row(statement).await? else { return Ok(None) };
            let version = MeteredRow::Version(columns::key(key)?, *seq);
            Ok(Some(MeteredFact { bucket: BucketId(*bucket), row: version, encoded_bytes: row.number(0)? }))
        }
        MeteredPlace::Part(upload, number) => {
            let text = format!("SELECT bucket_id FROM upload WHERE id = $1{}", tx.dialect().for_share());
            let Some(found) = tx.row(Statement::new(text).bind(upload.clone())).await? else { return Ok(None) };
            let text = format!(
                "SELECT encoded_bytes, upload_id FROM part WHERE upload_id = $1 AND number = $2 AND part_id = $3{for_update}"
            );
            let statement = Statement::new(text).bind(upload.clone()).bind(*number).bind(wrong.owner.0);
            let Some(row) = tx.row(statement).await? else { return Ok(None) };
            let number = PartNumber::new(*number).map_err(|error| MetadataError::Damaged(error.to_string()))?;
            let part = MeteredRow::Part(UploadId(row.array(1)?), number);
            Ok(Some(MeteredFact { bucket: BucketId(found.int(0)?), row: part, encoded_bytes: row.number(0)? }))
        }
    }
}
