//! Audits backends: a few samples in each step, spread over the epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use backends::failpoint::fails_at;
use backends::node::protocol::PublicKey;
use backends::{Answer, Challenge, SliverName, SliverStore, StoreError, Verdict};
use codec::{BlobOpener, PossessionProof};
use futures::StreamExt as _;

use crate::audit::asking::Request;
use crate::audit::backend_step::{Audited, BackendStep};
use crate::audit::judgement::{Sample, Shown, judge};
use crate::audit::pacing::{samples_due, wanted};
use crate::audit::selection::{Draw, Draws};
use crate::audit::unjudged::unjudged_backends;
use crate::clock::{Ambient, random};
use crate::config::AuditConfig;
use crate::domain::{BackendId, StoredBlob, Timestamp};
use crate::metadata::{
    AuditEpoch, AuditMethod, AuditShare, AuditedSliver, ContainedAudit, Evidence, MetadataError, MetadataStore,
    ShareProgress, VerdictRow,
};

/// Samples of one backend in one step.
const SAMPLES_PER_STEP: u64 = 8;

/// Contained audits of one backend in one step.
const CONTAINED_PER_STEP: usize = 4;

/// Draws of one backend in one step: how many blobs of others are passed over for a sample.
const DRAWS_PER_STEP: u64 = 1_024;

/// Bytes of answers to challenges: proofs and signatures. Label: backend.
const AUDITED_BYTES: &str = "haulout_audited_bytes_total";

/// Backends asked side by side.
const BACKENDS_AT_ONCE: usize = 16;

/// Seconds of the time over which billed bytes are counted.
const MONTH_SECONDS: u64 = 30 * 86_400;

/// Gives what opens the chunks of a blob; none where its key is not known.
pub type OpenBlob = Arc<dyn Fn(&StoredBlob) -> Option<BlobOpener> + Send + Sync>;

/// A backend as audits see it.
#[derive(Clone, Debug)]
pub struct AuditedBackend {
    /// Its slivers.
    pub store: Arc<dyn SliverStore>,
    /// Somebody bills what is read from it.
    pub is_billed: bool,
    /// The key of a storage node, by which it signs; none of other backends.
    pub node_key: Option<PublicKey>,
}

/// Asks backends for samples and records what comes of it.
pub struct Auditor {
    /// The rows.
    pub metadata: MetadataStore,
    /// Whose slivers.
    pub cluster: codec::ClusterId,
    /// Those that are asked.
    pub backends: BTreeMap<BackendId, AuditedBackend>,
    /// The scheme that says how many may be silent at once.
    pub scheme: codec::Scheme,
    /// How often, and how patiently.
    pub settings: AuditConfig,
    /// What opens the chunks of blobs, so that they can be read as clients read them.
    pub open_blob: OpenBlob,
    /// Clock and randomness.
    pub ambient: Ambient,
}

impl Auditor {
    /// Asks each backend for as many samples as are due, at most a few, and records the verdicts. Returns these.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn step(&self) -> Result<Vec<VerdictRow>, MetadataError> {
        let secret = random::<32>(&*self.ambient.entropy);
        let commitment = *blake3::hash(&secret).as_bytes();
        let (epoch, now) = self.metadata.audit_epoch(self.settings.epoch_seconds.into(), secret, commitment).await?;
        let shares = self.begin_shares(&epoch).await?;
        let unjudged = unjudged_backends(&self.metadata).await?;
        let mut asking = Vec::new();
        for (backend, share) in &shares {
            if let Some(audited) = self.backends.get(backend).filter(|_| !unjudged.contains(backend)) {
                asking.push(self.audit(&epoch, now, backend, audited, share));
            }
        }
        let steps: Vec<Result<BackendStep, MetadataError>> =
            futures::stream::iter(asking).buffer_unordered(BACKENDS_AT_ONCE).collect().await;
        let steps = steps.into_iter().collect::<Result<Vec<_>, _>>()?;
        let batch = self.batch(steps, &self.metadata.absences().await?);
        if batch.verdicts.is_empty() && batch.progress.is_empty() {
            return Ok(Vec::new());
        }
        fail_at("audit-judged")?;
        let verdicts = self.metadata.record_verdicts(batch).await?;
        fail_at("audit-recorded")?;
        verdicts.iter().for_each(note);
        Ok(verdicts)
    }

    /// The shares of the epoch, those that had not begun begun now.
    async fn begin_shares(&self, epoch: &AuditEpoch) -> Result<BTreeMap<BackendId, AuditShare>, MetadataError> {
        let shares = self.metadata.audit_shares(epoch.number).await?;
        if self.backends.keys().all(|backend| shares.contains_key(backend)) {
            return Ok(shares);
        }
        let before = self.metadata.audit_shares(epoch.number.saturating_sub(1)).await?;
        let mut drawing = Vec::new();
        for (backend, audited) in &self.backends {
            if !shares.contains_key(backend) {
                drawing.push(self.draw_of(backend, audited, epoch));
            }
        }
        let drawn: Vec<_> = futures::stream::iter(drawing).buffer_unordered(BACKENDS_AT_ONCE).collect().await;
        fail_at("audit-drawn")?;
        for (backend, (nonce, nonce_signature)) in drawn {
            let due = samples_due(&self.settings, epoch.serials, before.get(backend));
            let share = AuditShare { nonce, nonce_signature, due, drawn: 0, found: 0, bytes: 0 };
            self.metadata.begin_audit_share(epoch.number, backend.clone(), share).await?;
        }
        fail_at("audit-begun")?;
        self.metadata.audit_shares(epoch.number).await
    }

    /// A backend, and its part in an epoch.
    async fn draw_of<'a>(
        &self,
        backend: &'a BackendId,
        audited: &AuditedBackend,
        epoch: &AuditEpoch,
    ) -> (&'a BackendId, ([u8; 32], Option<[u8; 64]>)) {
        (backend, self.nonce(&audited.store, epoch).await)
    }

    /// Asks one backend.
    async fn audit(
        &self,
        epoch: &AuditEpoch,
        now: Timestamp,
        backend: &BackendId,
        audited: &AuditedBackend,
        share: &AuditShare,
    ) -> Result<BackendStep, MetadataError> {
        let mut step = BackendStep { backend: backend.clone(), audits: Vec::new(), progress: None };
        if audited.is_billed && share.bytes >= self.billed_bytes_per_epoch() {
            return Ok(step);
        }
        for contained in self.metadata.contained_audits(backend, CONTAINED_PER_STEP).await? {
            if let Some(audit) = self.ask_again(audited, &contained).await? {
                step.audits.push(audit);
            }
        }
        let wanted = wanted(epoch, now, share).min(SAMPLES_PER_STEP);
        if wanted == 0 || step.is_silent() {
            return Ok(step);
        }
        let draws = Draws::new(&epoch.secret, epoch.number, &share.nonce, backend.as_str(), epoch.serials);
        let numbers: Vec<Draw> = (share.drawn..share.drawn + DRAWS_PER_STEP).filter_map(|at| draws.draw(at)).collect();
        let serials: BTreeSet<u64> = numbers.iter().map(|draw| draw.serial).collect();
        let serials: Vec<u64> = serials.into_iter().collect();
        let slivers = self.metadata.slivers_of_serials(backend, &serials).await?;
        let mut progress =
            ShareProgress { epoch: epoch.number, backend: backend.clone(), drawn: share.drawn, found: 0, bytes: 0 };
        for draw in numbers {
            if progress.found >= wanted || step.is_silent() {
                break;
            }
            progress.drawn = draw.number + 1;
            let Some(sliver) = slivers.iter().find(|sliver| sliver.serial == draw.serial) else { continue };
            let method = self.method(&draw);
            let Some(audit) = self.ask((epoch, share), audited, sliver, draw, method).await else { continue };
            progress.found += 1;
            progress.bytes += sliver.blob.layout.block_len(0) as u64;
            step.audits.push(audit);
        }
        step.progress = (progress.drawn > share.drawn).then_some(progress);
        Ok(step)
    }

    /// How a sample is asked for, each time: a backend that proves, but has no bytes for those who read, would pass a challenge.
    fn method(&self, draw: &Draw) -> AuditMethod {
        if draw.is_disguised(self.settings.reads_percent) { AuditMethod::Read } else { AuditMethod::Challenge }
    }

    /// Asks for one sample; none of a blob without bytes.
    async fn ask(
        &self,
        (epoch, share): (&AuditEpoch, &AuditShare),
        audited: &AuditedBackend,
        sliver: &AuditedSliver,
        draw: Draw,
        method: AuditMethod,
    ) -> Option<Audited> {
        let position = draw.position(&sliver.blob.layout)?;
        let challenge = Challenge { position, epoch: epoch.number, nonce: draw.nonce };
        let placement = &sliver.placement;
        let name = SliverName { blob: sliver.blob.id, index: placement.index, attempt: placement.attempt };
        let patience = Duration::from_secs(self.settings.answer_seconds.into());
        let bytes = (sliver.blob.layout.block_len(0) + PossessionProof::BYTES_MAX) as u64;
        let identity = sliver.blob.sliver_identity(self.cluster, placement.index);
        let (store, root, opener) = (&*audited.store, &placement.root, (self.open_blob)(&sliver.blob));
        let (identity, opener) = (&identity, opener.as_ref());
        let asking = Request { store, name, identity, root, opener, challenge, method, bytes, patience };
        let (answer, presence) = asking.ask().await;
        count_answer(&sliver.placement.backend, &answer);
        // As if the answer had not come.
        let answer = if fails_at("audit-asked") { Err(StoreError::TimedOut) } else { answer };
        let is_of_node = audited.node_key.is_some();
        let judgement = judge(&Sample { identity, root, position, is_of_node }, &answer, presence);
        let by = (self.cluster, audited.node_key);
        let evidence = Evidence::new(by, (epoch, share), (&draw, position), sliver, &answer);
        Some(Audited { sliver: sliver.clone(), draw, method, judgement, evidence, tries: 1, presence })
    }

    /// Asks once more for what a backend gave no data for; none when its sliver is not there any more.
    async fn ask_again(
        &self,
        audited: &AuditedBackend,
        contained: &ContainedAudit,
    ) -> Result<Option<Audited>, MetadataError> {
        let Some(epoch) = self.metadata.audit_epoch_numbered(contained.epoch).await? else { return Ok(None) };
        let shares = self.metadata.audit_shares(contained.epoch).await?;
        let Some(share) = shares.get(&contained.backend) else { return Ok(None) };
        let draws = Draws::new(&epoch.secret, epoch.number, &share.nonce, contained.backend.as_str(), epoch.serials);
        let Some(draw) = draws.draw(contained.draw) else { return Ok(None) };
        let slivers = self.metadata.slivers_of_serials(&contained.backend, &[draw.serial]).await?;
        let same = |sliver: &&AuditedSliver| {
            (sliver.blob.id, sliver.placement.index, sliver.placement.attempt)
                == (contained.blob, contained.index, contained.attempt)
        };
        let Some(sliver) = slivers.iter().find(same) else {
            self.metadata.forget_contained(contained).await?;
            return Ok(None);
        };
        let asked = self.ask((&epoch, share), audited, sliver, draw, self.method(&draw)).await;
        Ok(asked.map(|audit| Audited { tries: contained.tries + 1, ..audit }))
    }

    fn billed_bytes_per_epoch(&self) -> u64 {
        let bytes = u128::from(self.settings.billed_bytes_per_month) * u128::from(self.settings.epoch_seconds);
        u64::try_from(bytes / u128::from(MONTH_SECONDS)).unwrap_or(u64::MAX)
    }
}

/// Counts the bytes of an answer that a node has signed, as the node does; reads it cannot tell from those of clients.
fn count_answer(backend: &BackendId, answer: &Result<Shown, StoreError>) {
    if let Ok(Shown::Proof(Answer { proof, signature: Some(signature) })) = answer {
        let bytes = (proof.len() + signature.len()) as u64;
        metrics::counter!(AUDITED_BYTES, "backend" => backend.to_string()).increment(bytes);
    }
}

fn note(verdict: &VerdictRow) {
    let name = verdict.verdict.text();
    metrics::counter!("haulout_audits_total", "backend" => verdict.backend.to_string(), "verdict" => name).increment(1);
    let id = hex::encode(verdict.id);
    let (backend, blob, index, reason) = (&verdict.backend, &verdict.blob, verdict.index, &verdict.reason);
    match verdict.verdict {
        Verdict::Passed => tracing::debug!(%backend, id, %blob, index, "an audit passed"),
        Verdict::Wrong | Verdict::Missing => {
            tracing::warn!(%backend, id, %blob, index, reason, verdict = name, "an audit found a sliver lost");
        }
        _ => tracing::info!(%backend, id, %blob, index, reason, verdict = name, "an audit came to nothing"),
    }
}

/// Where a test may end the process, or let a step fail.
fn fail_at(point: &'static str) -> Result<(), MetadataError> {
    if fails_at(point) { Err(MetadataError::Unavailable(format!("the test wants it at {point}"))) } else { Ok(()) }
}
