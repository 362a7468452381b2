//! What audits came to, for operators.

use serde::{Deserialize, Serialize};

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::audit::rules;
use crate::domain::BackendId;
use crate::metadata::{BackendReputation, Standing, VerdictRow};

/// Verdicts that are shown of one backend.
const VERDICTS_SHOWN: usize = 50;

/// Show the standing of every backend, or of one with its last verdicts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowAudits {
    /// Of one backend.
    pub backend: Option<String>,
}

/// The standing of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedStanding {
    /// The backend.
    pub backend: String,
    /// `trusted`, `vetting`, `unreliable` or `suspended`.
    pub standing: String,
    /// Why it is suspended, if it is.
    pub reason: Option<String>,
    /// Audits that were judged.
    pub audits: u64,
    /// What it has of what it should have, in thousandths, by what was seen lately.
    pub data_score: i64,
    /// How often it gave data when it was reached.
    pub answer_score: i64,
    /// How often it was reached.
    pub presence_score: i64,
    /// Samples of this epoch: asked for, and due in all of it.
    pub samples: (u64, u64),
    /// Its last verdicts, the newest first; empty where every backend is shown.
    pub verdicts: Vec<ShownVerdict>,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownVerdict {
    /// Its id, 32 digits: `haulout audit show ID` gives the evidence.
    pub id: String,
    /// Microseconds since 1970.
    pub judged_at: i64,
    /// The sliver.
    pub sliver: String,
    /// How the backend was asked.
    pub method: String,
    /// What it came to.
    pub verdict: String,
    /// Why.
    pub reason: String,
}

/// Show a verdict with its evidence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowVerdict {
    /// Its id.
    pub id: String,
}

/// A verdict with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictWithEvidence {
    /// The verdict.
    pub verdict: ShownVerdict,
    /// The epoch's secret, once the epoch is over.
    pub secret: Option<String>,
    /// From which it follows; none when it was pruned.
    pub evidence: Option<serde_json::Value>,
}

/// Begin a backend's reputation again, because the operator has looked at it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReinstateBackend {
    /// Which.
    pub backend: String,
}

impl Operation for ShowAudits {
    const NAME: &'static str = "audit-status";
    type Reply = Vec<AuditedStanding>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let only = self.backend.as_deref().map(|name| backend(admin, name)).transpose()?;
        let reputations = admin.metadata.reputations().await?;
        let shares = match admin.metadata.last_audit_epoch().await? {
            Some(epoch) => admin.metadata.audit_shares(epoch).await?,
            None => Default::default(),
        };
        let mut shown = Vec::new();
        for one in admin.objects.committee().backends() {
            if only.as_ref().is_some_and(|only| *only != one.id) {
                continue;
            }
            let known = reputations.get(&one.id);
            let samples = shares.get(&one.id).map_or((0, 0), |share| (share.found, share.due));
            let mut standing = standing(admin, &one.id, known, samples);
            if only.is_some() {
                let verdicts = admin.metadata.verdicts_of(&one.id, VERDICTS_SHOWN).await?;
                standing.verdicts = verdicts.iter().map(shown_verdict).collect();
            }
            shown.push(standing);
        }
        Ok(shown)
    }
}

impl Operation for ShowVerdict {
    const NAME: &'static str = "audit-show";
    type Reply = VerdictWithEvidence;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let mut id = [0; 16];
        let missing = || AdminError::refused(format!("there is no verdict {:?}", self.id));
        hex::decode_to_slice(&self.id, &mut id).map_err(|_| missing())?;
        let verdict = admin.metadata.verdict(id).await?.ok_or_else(missing)?;
        let secret = admin.metadata.revealed_secret(verdict.epoch).await?.map(hex::encode);
        let evidence = serde_json::from_str(&verdict.evidence).ok();
        Ok(VerdictWithEvidence { verdict: shown_verdict(&verdict), secret, evidence })
    }
}

impl Operation for ReinstateBackend {
    const NAME: &'static str = "audit-reinstate";
    type Reply = AuditedStanding;

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let id = backend(admin, &self.backend)?;
        admin.metadata.reset_reputation(&id).await?;
        Ok(standing(admin, &id, None, (0, 0)))
    }
}

fn backend(admin: &Admin, name: &str) -> Result<BackendId> {
    let known = name.parse::<BackendId>().ok().filter(|id| admin.objects.committee().backend(id).is_some());
    known.ok_or_else(|| AdminError::refused(format!("there is no backend named {name:?} in the configuration")))
}

fn standing(
    admin: &Admin,
    backend: &BackendId,
    known: Option<&BackendReputation>,
    samples: (u64, u64),
) -> AuditedStanding {
    let reputation = known.map(|known| known.reputation).unwrap_or_default();
    let suspended = known.is_some_and(|known| known.suspended_at.is_some());
    let member = admin.objects.committee().backend(backend);
    let is_vetted = member.is_some_and(|member| member.terms_in_force().is_none());
    let standing = if suspended {
        Standing::Suspended
    } else {
        Standing::of(&reputation, rules(&admin.audit).thresholds, is_vetted)
    };
    AuditedStanding {
        backend: backend.to_string(),
        standing: standing.name().to_owned(),
        reason: known.filter(|_| suspended).map(|known| known.reason.clone()),
        audits: reputation.audits,
        data_score: reputation.data.score(),
        answer_score: reputation.answers.score(),
        presence_score: reputation.presence.score(),
        samples,
        verdicts: Vec::new(),
    }
}

fn shown_verdict(row: &VerdictRow) -> ShownVerdict {
    let sliver = backends::SliverName { blob: row.blob, index: row.index, attempt: row.attempt };
    ShownVerdict {
        id: hex::encode(row.id),
        judged_at: row.judged_at.0,
        sliver: sliver.to_string(),
        method: row.method.name().to_owned(),
        verdict: row.verdict.text().to_owned(),
        reason: row.reason.clone(),
    }
}
