//! Verdicts: recorded together with what follows from them.

use std::collections::{BTreeMap, BTreeSet};

use backends::Verdict;
use codec::BlobId;

use crate::domain::{BackendId, Timestamp};
use crate::metadata::MetadataStore;
use crate::metadata::audits::containment::{self, ContainedAudit};
use crate::metadata::audits::method::AuditMethod;
use crate::metadata::audits::reputations::{self, ReputationRules};
use crate::metadata::audits::shares::{self, ShareProgress};
use crate::metadata::blobs::findings::{self, Finding};
use crate::metadata::engine::columns::{backend_id, int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// A judged audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictRow {
    /// Names it for operators and nodes.
    pub id: [u8; 16],
    /// Who was asked.
    pub backend: BackendId,
    /// In which epoch.
    pub epoch: u64,
    /// Of which blob.
    pub blob: BlobId,
    /// Which of its slivers.
    pub index: u8,
    /// Under which attempt.
    pub attempt: u32,
    /// How.
    pub method: AuditMethod,
    /// What it came to.
    pub verdict: Verdict,
    /// Why, in words.
    pub reason: String,
    /// From which the judgement can be repeated: JSON; empty when it was pruned.
    pub evidence: String,
    /// When it was recorded.
    pub judged_at: Timestamp,
}

/// What a step of auditing came to.
#[derive(Clone, Debug)]
pub struct VerdictBatch {
    /// The verdicts, at most a few hundred.
    pub verdicts: Vec<VerdictRow>,
    /// Audits among them that are asked again, and in how many seconds each.
    pub contained: Vec<(ContainedAudit, i64)>,
    /// How far shares came.
    pub progress: Vec<ShareProgress>,
    /// What follows for reputations.
    pub rules: ReputationRules,
}

const COLUMNS: &str =
    "id, backend, epoch, blob_id, sliver_index, attempt, method, verdict, reason, evidence, judged_at";

impl MetadataStore {
    /// Records verdicts, and in the same transaction what follows: findings with repair jobs for what is lost, reputations, audits to
    /// be asked again, and how far the shares are. A loss of a sliver that was moved or deleted meanwhile becomes void. Returns the
    /// verdicts as they were recorded.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn record_verdicts(&self, batch: VerdictBatch) -> Result<Vec<VerdictRow>> {
        self.database().transact(RecordBatch(batch)).await
    }

    /// Verdicts about a backend, the newest first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn verdicts_of(&self, backend: &BackendId, most: usize) -> Result<Vec<VerdictRow>> {
        let text = format!("SELECT {COLUMNS} FROM verdict WHERE backend = $1 ORDER BY judged_at DESC LIMIT $2");
        let statement = Statement::new(text).bind(backend.as_str()).bind(limit(most));
        self.database().rows(statement).await?.iter().map(verdict).collect()
    }

    /// Verdicts that were not reported to their backend yet, the oldest first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn unreported_verdicts(&self, backend: &BackendId, most: usize) -> Result<Vec<VerdictRow>> {
        let text =
            format!("SELECT {COLUMNS} FROM verdict WHERE backend = $1 AND NOT is_reported ORDER BY judged_at LIMIT $2");
        let statement = Statement::new(text).bind(backend.as_str()).bind(limit(most));
        self.database().rows(statement).await?.iter().map(verdict).collect()
    }

    /// Notes that verdicts were reported.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn verdicts_reported(&self, ids: Vec<[u8; 16]>) -> Result<()> {
        self.database().transact(Reported(ids)).await
    }

    /// A verdict.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn verdict(&self, id: [u8; 16]) -> Result<Option<VerdictRow>> {
        let text = format!("SELECT {COLUMNS} FROM verdict WHERE id = $1");
        self.database().row(Statement::new(text).bind(id)).await?.as_ref().map(verdict).transpose()
    }
}

struct RecordBatch(VerdictBatch);

impl Work for RecordBatch {
    type Done = Vec<VerdictRow>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<VerdictRow>> {
        let VerdictBatch { contained, progress, rules, .. } = &self.0;
        let verdicts = self.upheld(tx).await?;
        findings::record(tx, &losses(&verdicts)).await?;
        insert(tx, &verdicts).await?;
        // What was answered is not asked again; silence settles nothing.
        let settled = |row: &&VerdictRow| row.verdict == Verdict::Passed || row.verdict.is_loss();
        for verdict in verdicts.iter().filter(settled) {
            containment::release(tx, &verdict.backend, verdict.blob, verdict.index).await?;
        }
        for (audit, after_seconds) in contained {
            containment::contain(tx, audit, *after_seconds).await?;
        }
        for (backend, about) in by_backend(&verdicts) {
            let judged: Vec<Verdict> = about.iter().map(|verdict| verdict.verdict).collect();
            let reason = about.iter().rev().find(|verdict| verdict.verdict.is_loss());
            let reason = reason.map_or("", |verdict| verdict.reason.as_str());
            reputations::add(tx, backend, &judged, *rules, reason).await?;
        }
        shares::advance(tx, progress).await?;
        Ok(verdicts)
    }
}

impl RecordBatch {
    /// The verdicts, where losses of slivers that are not where they were have become void.
    async fn upheld(&self, tx: &mut Session) -> Result<Vec<VerdictRow>> {
        let mut verdicts = self.0.verdicts.clone();
        for verdict in verdicts.iter_mut().filter(|verdict| verdict.verdict.is_loss()) {
            let text = format!(
                "SELECT s.attempt FROM sliver s JOIN blob b ON b.id = s.blob_id WHERE s.blob_id = $1 AND s.sliver_index = $2 \
                 AND s.backend = $3 AND s.attempt = $4 AND b.live_bytes > 0{}",
                tx.dialect().for_share()
            );
            let sliver = Statement::new(text).bind(verdict.blob.0).bind(u32::from(verdict.index));
            if tx.row(sliver.bind(verdict.backend.as_str()).bind(verdict.attempt)).await?.is_none() {
                verdict.verdict = Verdict::Void;
                verdict.reason = format!("the sliver was moved or deleted meanwhile; before that: {}", verdict.reason);
            }
        }
        Ok(verdicts)
    }
}

fn losses(verdicts: &[VerdictRow]) -> BTreeSet<Finding> {
    let lost = verdicts.iter().filter(|verdict| verdict.verdict.is_loss());
    let finding = |verdict: &VerdictRow| {
        let kind = if verdict.verdict == Verdict::Missing { "missing" } else { "damaged" };
        let (blob, index, backend) = (verdict.blob, verdict.index, verdict.backend.clone());
        Finding { blob, index, backend, kind: kind.to_owned() }
    };
    lost.map(finding).collect()
}

fn by_backend(verdicts: &[VerdictRow]) -> BTreeMap<&BackendId, Vec<&VerdictRow>> {
    let mut grouped = BTreeMap::<_, Vec<_>>::new();
    for verdict in verdicts {
        grouped.entry(&verdict.backend).or_default().push(verdict);
    }
    grouped
}

async fn insert(tx: &mut Session, verdicts: &[VerdictRow]) -> Result<()> {
    let row = |verdict: &VerdictRow| -> Result<[Value; 10]> {
        Ok([
            verdict.id.into(),
            verdict.backend.as_str().into(),
            int(verdict.epoch)?.into(),
            verdict.blob.0.into(),
            u32::from(verdict.index).into(),
            verdict.attempt.into(),
            verdict.method.name().into(),
            verdict.verdict.text().into(),
            verdict.reason.as_str().into(),
            verdict.evidence.as_str().into(),
        ])
    };
    let rows = verdicts.iter().map(row).collect::<Result<Vec<_>>>()?;
    let tail = format!(
        ") INSERT INTO verdict (id, backend, epoch, blob_id, sliver_index, attempt, method, verdict, reason, evidence, judged_at, \
         is_reported, recheck) SELECT n.id, n.backend, n.epoch, n.blob_id, n.sliver_index, n.attempt, n.method, n.verdict, n.reason, \
         n.evidence, {}, FALSE, '' FROM n",
        tx.dialect().now()
    );
    let head =
        "WITH n (id, backend, epoch, blob_id, sliver_index, attempt, method, verdict, reason, evidence) AS (VALUES ";
    tx.execute_rows(head, rows, &tail).await.map(drop)
}

struct Reported(Vec<[u8; 16]>);

impl Work for Reported {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let rows = self.0.iter().map(|id| [Value::from(*id)]).collect();
        tx.execute_rows("UPDATE verdict SET is_reported = TRUE WHERE id IN (VALUES ", rows, ")").await.map(drop)
    }
}

/// The columns that [`verdict`] reads, of a table of this name.
pub(super) fn columns_of(table: &str) -> String {
    COLUMNS.split(", ").map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
}

/// A verdict from these columns, which come first.
pub(super) fn verdict(row: &Row) -> Result<VerdictRow> {
    let unknown = |what: &str| MetadataError::Damaged(format!("an audit has the unknown {what}"));
    Ok(VerdictRow {
        id: row.array(0)?,
        backend: backend_id(row.text(1)?)?,
        epoch: row.number(2)?,
        blob: BlobId(row.array(3)?),
        index: row.number(4)?,
        attempt: row.number(5)?,
        method: AuditMethod::named(row.text(6)?).ok_or_else(|| unknown("method"))?,
        verdict: Verdict::named(row.text(7)?).ok_or_else(|| unknown("verdict"))?,
        reason: row.text(8)?.to_owned(),
        evidence: row.text(9)?.to_owned(),
        judged_at: Timestamp(row.int(10)?),
    })
}
