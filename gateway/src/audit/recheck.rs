//! The audit of the audits: when an epoch is over and its secret may be known, some of its verdicts are judged again, from their evidence
//! alone and by the secret alone.

use crate::audit::auditor::Auditor;
use crate::metadata::{Evidence, MetadataError, Recheck, VerdictRow};

/// Epochs ended in one step.
const EPOCHS_PER_STEP: usize = 8;

/// Verdicts judged again in one step.
const VERDICTS_PER_STEP: usize = 256;

impl Auditor {
    /// Ends epochs that are over, and judges some of their verdicts again. Returns those that were not confirmed.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn recheck(&self) -> Result<Vec<VerdictRow>, MetadataError> {
        for epoch in self.metadata.unrevealed_epochs(EPOCHS_PER_STEP).await? {
            self.publish_secret(&epoch).await;
            self.metadata.reveal_epoch(epoch.number).await?;
        }
        let chosen = self.metadata.recheckable_verdicts(self.settings.recheck_percent, VERDICTS_PER_STEP).await?;
        let is_last = chosen.len() < VERDICTS_PER_STEP;
        let (mut results, mut contradicted) = (Vec::new(), Vec::new());
        for (verdict, secret) in chosen {
            let result = recheck(&verdict, &secret);
            if let Recheck::Contradicted(reason) = &result {
                let id = hex::encode(verdict.id);
                tracing::error!(id, backend = %verdict.backend, reason, "a verdict of an audit does not follow from its evidence");
                contradicted.push(verdict.clone());
            }
            metrics::counter!("haulout_audit_rechecks_total", "result" => result.name()).increment(1);
            results.push((verdict.id, result));
        }
        if !results.is_empty() {
            self.metadata.record_rechecks(results).await?;
        }
        if is_last {
            self.metadata.end_rechecks().await?;
        }
        Ok(contradicted)
    }
}

fn recheck(verdict: &VerdictRow, secret: &[u8; 32]) -> Recheck {
    let evidence: Result<Evidence, _> = serde_json::from_str(&verdict.evidence);
    match evidence.map(|evidence| evidence.confirms(verdict.verdict, secret)) {
        Ok(Ok(true)) => Recheck::Confirmed,
        Ok(Ok(false)) => Recheck::Contradicted("another verdict or another choice follows from it".to_owned()),
        Ok(Err(error)) => Recheck::Contradicted(error.to_string()),
        Err(error) => Recheck::Contradicted(format!("the evidence cannot be read: {error}")),
    }
}
