//! Placement rules, as the operator sets and tries them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::{Bucket, BucketName, PlacementRule};
use crate::placement::Evaluation;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementRequest {
    /// Say what the rule is.
    Show,
    /// Set it instead of what was there.
    Set(PlacementRule),
    /// Let slivers of the bucket lie anywhere; those that are there stay where they are.
    Clear,
}

/// Show or change the placement rule of a bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlaceBucket {
    /// The bucket's name.
    pub bucket: String,
    /// What is asked for.
    pub request: PlacementRequest,
}

/// Where the slivers of a bucket may lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketPlacement {
    /// The bucket's name.
    pub bucket: String,
    /// Its rule; absent when they may lie anywhere.
    pub rule: Option<PlacementRule>,
    /// What that comes to now.
    pub evaluation: Evaluation,
}

/// Say what a rule would come to; nothing changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EvaluatePlacement {
    /// The rule.
    pub rule: PlacementRule,
}

impl Operation for PlaceBucket {
    const NAME: &'static str = "bucket-placement";
    type Reply = BucketPlacement;

    fn changes(&self) -> bool {
        self.request != PlacementRequest::Show
    }

    async fn run(self, admin: &Admin) -> Result<BucketPlacement> {
        let bucket = find(admin, &self.bucket).await?;
        admin.heartbeats.refresh().await?;
        let rule = match self.request {
            PlacementRequest::Show => {
                let rule = bucket.settings.get::<PlacementRule>();
                rule.map_err(|error| AdminError::refused(error.to_string()))?.map(Arc::unwrap_or_clone)
            }
            PlacementRequest::Set(rule) => {
                accept(admin, &rule).await?;
                if !admin.metadata.set_setting(&bucket, &rule).await? {
                    return Err(missing(&self.bucket));
                }
                tracing::info!(
                    bucket = self.bucket,
                    ?rule,
                    "its placement rule was set; what lies outside is to be moved"
                );
                Some(rule)
            }
            PlacementRequest::Clear => {
                if !admin.metadata.clear_setting::<PlacementRule>(&bucket).await? {
                    return Err(missing(&self.bucket));
                }
                tracing::info!(bucket = self.bucket, "its placement rule was cleared");
                None
            }
        };
        let evaluation = admin.objects.evaluate_placement(rule.as_ref().unwrap_or(&PlacementRule::default()));
        Ok(BucketPlacement { bucket: self.bucket, rule, evaluation })
    }
}

impl Operation for EvaluatePlacement {
    const NAME: &'static str = "placement-evaluate";
    type Reply = Evaluation;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Evaluation> {
        check(admin, &self.rule).await?;
        admin.heartbeats.refresh().await?;
        Ok(admin.objects.evaluate_placement(&self.rule))
    }
}

/// Refuses a rule under which writes would be refused.
async fn accept(admin: &Admin, rule: &PlacementRule) -> Result<()> {
    check(admin, rule).await?;
    let evaluation = admin.objects.evaluate_placement(rule);
    let Some(short) = evaluation.schemes.iter().find(|scheme| scheme.placed < scheme.floor) else { return Ok(()) };
    let relax = match &evaluation.relax {
        Some(relaxation) => format!("to change that, {relaxation}"),
        None => "no single change of the rule is enough: add backends of other providers".to_owned(),
    };
    let (scheme, floor, providers) = (&short.scheme, short.floor, evaluation.providers);
    Err(AdminError::refused(format!(
        "{providers} providers qualify and {scheme} needs {floor}, so every write would be refused; {relax} (`haulout placement evaluate` \
         says who does not qualify, and why)"
    )))
}

/// Refuses names that nobody bears: what was meant would not be what is done.
async fn check(admin: &Admin, rule: &PlacementRule) -> Result<()> {
    rule.check().map_err(|error| AdminError::refused(error.to_string()))?;
    let rows = admin.metadata.backends().await?;
    let backends = admin.objects.committee().backends();
    let is_known = |name: &str| {
        let in_use = backends.iter().any(|one| one.id.as_str() == name || one.provider == name || one.zone == name);
        in_use || rows.iter().any(|row| row.id.as_str() == name || row.provider == name || row.zone == name)
    };
    match rule.names().find(|name| !is_known(name)) {
        Some(name) => Err(AdminError::refused(format!("no backend, provider or zone is named {name:?}"))),
        None => Ok(()),
    }
}

async fn find(admin: &Admin, name: &str) -> Result<Arc<Bucket>> {
    let parsed: BucketName = name.parse().map_err(|_| missing(name))?;
    admin.metadata.bucket(&parsed).await?.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> AdminError {
    AdminError::refused(format!("there is no bucket named {name:?}"))
}
