//! Findings: what reads noticed of slivers, each with a repair job.

use std::collections::{BTreeSet, HashSet};

use codec::BlobId;

use crate::domain::BackendId;
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::{ids, keys};
use crate::metadata::blobs::enqueue_repairs::enqueue;
use crate::metadata::engine::columns::backend_id;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Value;
use crate::metadata::error::Result;

/// A read noticed a bad or missing sliver.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finding {
    /// Of which blob.
    pub blob: BlobId,
    /// Which of its slivers.
    pub index: u8,
    /// Where.
    pub backend: BackendId,
    /// What is wrong: a short word such as `missing` or `damaged`.
    pub kind: String,
}

impl MetadataStore {
    /// Records findings and adds their blobs to the repair queue, in one transaction. One that is known and whose blob waits
    /// for repair costs no write, and when all are, there is no transaction.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn record_findings(&self, findings: Vec<Finding>) -> Result<()> {
        let mut findings: BTreeSet<Finding> = findings.into_iter().collect();
        let known = self.known_findings(&findings).await?;
        findings.retain(|finding| !known.contains(finding));
        if findings.is_empty() {
            return Ok(());
        }
        self.database().transact(Record(findings)).await
    }

    /// What is recorded already of the blobs of these findings that wait for repair.
    async fn known_findings(&self, findings: &BTreeSet<Finding>) -> Result<HashSet<Finding>> {
        let mut session = self.database().reader().await?;
        let head = "SELECT f.blob_id, f.sliver_index, f.backend, f.kind FROM finding f \
                    JOIN job j ON j.kind = 'repair' AND j.blob_id = f.blob_id WHERE f.blob_id IN (VALUES ";
        let rows = session.rows_of_rows(head, keys(&blobs(findings)), ")").await?;
        let known = rows.iter().map(|row| {
            let (blob, index, backend) = (BlobId(row.array(0)?), row.number(1)?, backend_id(row.text(2)?)?);
            Ok(Finding { blob, index, backend, kind: row.text(3)?.to_owned() })
        });
        known.collect()
    }
}

/// The blobs of findings, each once, ascending.
fn blobs<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<BlobId> {
    let ids: BTreeSet<BlobId> = findings.into_iter().map(|finding| finding.blob).collect();
    ids.into_iter().collect()
}

struct Record(BTreeSet<Finding>);

impl Work for Record {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        record(tx, &self.0).await
    }
}

/// Records findings and adds their blobs to the repair queue. The blobs' rows are held, in one order, so that no finding outlives
/// its blob; a blob that is gone needs none.
pub(crate) async fn record(tx: &mut Session, findings: &BTreeSet<Finding>) -> Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let dialect = tx.dialect();
    let tail = format!(") ORDER BY id{}", dialect.for_share());
    let rows = tx.rows_of_rows("SELECT id FROM blob WHERE id IN (VALUES ", keys(&blobs(findings)), &tail).await?;
    let there = ids(&rows)?;
    let row = |finding: &Finding| -> [Value; 4] {
        let (blob, index) = (finding.blob.0.into(), u32::from(finding.index).into());
        [blob, index, finding.backend.as_str().into(), finding.kind.as_str().into()]
    };
    let found = findings.iter().filter(|finding| there.contains(&finding.blob)).map(row).collect();
    let tail = format!(
        ") INSERT INTO finding (blob_id, sliver_index, backend, kind, found_at, first_found_at) \
         SELECT n.blob_id, n.sliver_index, n.backend, n.kind, {now}, {now} FROM n WHERE TRUE \
         ON CONFLICT (blob_id, sliver_index, backend, kind) \
         DO UPDATE SET times = finding.times + 1, found_at = excluded.found_at",
        now = dialect.now()
    );
    tx.execute_rows("WITH n (blob_id, sliver_index, backend, kind) AS (VALUES ", found, &tail).await?;
    enqueue(tx, &there, BTreeSet::new(), "UPDATE SET urgency = excluded.urgency").await.map(drop)
}
