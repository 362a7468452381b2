//! The nodes' side of audits: their part in the choice, the secrets of epochs that are over, and what was found about them.

use std::sync::Arc;

use backends::{SliverName, SliverStore, VerdictReport};
use codec::SamplePosition;
use futures::{StreamExt as _, TryStreamExt as _};

use crate::audit::auditor::Auditor;
use crate::domain::BackendId;
use crate::metadata::{AuditEpoch, Evidence, MetadataError, VerdictRow};

/// Verdicts reported to one backend in one step.
const REPORTS_PER_STEP: usize = 256;

/// Backends that verdicts are sent to at once: for one that is away nobody else waits.
const REPORTED_AT_ONCE: usize = 16;

impl Auditor {
    /// A backend's part in the choice of an epoch, and its signature; zeros of one that has none to give, or does not give it: then the
    /// gateway alone chooses.
    pub(super) async fn nonce(&self, store: &Arc<dyn SliverStore>, epoch: &AuditEpoch) -> ([u8; 32], Option<[u8; 64]>) {
        match store.begin_epoch(epoch.number, epoch.commitment).await {
            Ok(Some(drawn)) => (drawn.nonce, Some(drawn.signature)),
            Ok(None) => ([0; 32], None),
            Err(error) => {
                tracing::info!(epoch = epoch.number, %error, "a backend gave no nonce for an epoch of audits");
                ([0; 32], None)
            }
        }
    }

    /// Shows every node the secret of an epoch that is over. One that is away does not learn it.
    pub(super) async fn publish_secret(&self, epoch: &AuditEpoch) {
        let mut shown = Vec::new();
        for (backend, audited) in &self.backends {
            shown.push(show_secret(backend, &audited.store, epoch));
        }
        futures::future::join_all(shown).await;
    }

    /// Reports to each backend what audits found about it and it does not know yet.
    ///
    /// # Errors
    /// When the database cannot be read or written. What a backend does not take is reported again.
    pub async fn report(&self) -> Result<(), MetadataError> {
        let mut reported = Vec::new();
        for (backend, audited) in &self.backends {
            reported.push(self.report_to(backend, &audited.store));
        }
        futures::stream::iter(reported).buffer_unordered(REPORTED_AT_ONCE).try_collect().await
    }

    async fn report_to(&self, backend: &BackendId, store: &Arc<dyn SliverStore>) -> Result<(), MetadataError> {
        let verdicts = self.metadata.unreported_verdicts(backend, REPORTS_PER_STEP).await?;
        if verdicts.is_empty() {
            return Ok(());
        }
        let reports: Vec<VerdictReport> = verdicts.iter().map(report).collect();
        match store.report_verdicts(&reports).await {
            Ok(()) => self.metadata.verdicts_reported(verdicts.iter().map(|verdict| verdict.id).collect()).await,
            Err(error) => {
                unreported(backend, &error);
                Ok(())
            }
        }
    }
}

async fn show_secret(backend: &BackendId, store: &Arc<dyn SliverStore>, epoch: &AuditEpoch) {
    if let Err(error) = store.reveal_epoch(epoch.number, epoch.secret).await {
        tracing::debug!(%backend, epoch = epoch.number, %error, "a backend was not shown the secret of an epoch");
    }
}

fn unreported(backend: &BackendId, error: &backends::StoreError) {
    tracing::debug!(%backend, %error, "verdicts were not reported; they are reported again");
}

fn report(verdict: &VerdictRow) -> VerdictReport {
    let evidence: Option<Evidence> = serde_json::from_str(&verdict.evidence).ok();
    let (stripe, sample) = evidence.map_or((0, 0), |evidence| (evidence.draw.stripe, evidence.draw.sample));
    let printable = verdict.reason.chars().map(|character| if character.is_control() { ' ' } else { character });
    VerdictReport {
        id: verdict.id,
        epoch: verdict.epoch,
        name: SliverName { blob: verdict.blob, index: verdict.index, attempt: verdict.attempt },
        position: SamplePosition { stripe, sample },
        verdict: verdict.verdict,
        reason: printable.take(VerdictReport::REASON_MAX).collect(),
        time: u64::try_from(verdict.judged_at.0 / 1_000_000).unwrap_or(0),
    }
}
