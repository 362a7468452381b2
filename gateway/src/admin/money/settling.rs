//! What settling the next epoch would come to.

use serde::{Deserialize, Serialize};

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::publication::LogKeys;
use crate::settlement::Settler;

/// Plan the oldest epoch that is charged and not settled; nothing changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanSettlement {}

impl Operation for PlanSettlement {
    const NAME: &'static str = "settle-plan";
    /// The plan as text; none where no epoch is charged and not settled.
    type Reply = Option<String>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Option<String>> {
        let failed = |error: &dyn std::error::Error| AdminError::Unavailable(error.to_string());
        let keys = LogKeys::find(&admin.metadata, admin.cluster, &admin.key, &admin.ambient).await;
        let keys = keys.map_err(|error| failed(&error))?;
        let held = admin.objects.held().await.map_err(|error| failed(&error))?;
        let held = held.into_iter().map(|(backend, held)| (backend, held.bytes)).collect();
        let settler = Settler::new(admin.metadata.clone(), keys.salter);
        let planned = settler.plan_next(&held).await.map_err(|error| failed(&error))?;
        Ok(planned.map(|planned| planned.plan.to_string()))
    }
}
