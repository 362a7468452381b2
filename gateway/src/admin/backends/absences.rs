//! After how long a backend that is away counts as lost, as the operator says it.

use serde::{Deserialize, Serialize};

use crate::admin::error::Result;
use crate::admin::{Admin, Operation};

/// Show, and set, after how long a backend that is away counts as lost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct LostAfter {
    /// From now on, in seconds; 0 for never. It stays as it is when absent.
    pub seconds: Option<u64>,
}

/// After how long that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostAfterReport {
    /// In seconds; 0 for never.
    pub seconds: u64,
}

impl Operation for LostAfter {
    const NAME: &'static str = "backend-lost-after";
    type Reply = LostAfterReport;

    fn changes(&self) -> bool {
        self.seconds.is_some()
    }

    async fn run(self, admin: &Admin) -> Result<LostAfterReport> {
        if let Some(seconds) = self.seconds {
            admin.metadata.set_lost_after_seconds(seconds).await?;
            tracing::info!(seconds, "after so long a backend that is away counts as lost");
        }
        Ok(LostAfterReport { seconds: admin.metadata.lost_after_seconds().await? })
    }
}
