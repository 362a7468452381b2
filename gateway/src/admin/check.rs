//! Checks, as the operator asks for them.

use serde::{Deserialize, Serialize};

use crate::admin::error::Result;
use crate::admin::{Admin, Operation};
use crate::audit::{self, CheckReport};

/// Compare the metadata with the backends.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Check {
    /// Read every byte, not only names and lengths.
    pub deep: bool,
    /// Have what is missing or wrong rebuilt.
    #[serde(default)]
    pub repair: bool,
}

impl Operation for Check {
    const NAME: &'static str = "check";
    type Reply = CheckReport;

    fn changes(&self) -> bool {
        self.repair
    }

    async fn run(self, admin: &Admin) -> Result<CheckReport> {
        let stores = admin.objects.committee().stores();
        let how = audit::How { deep: self.deep, repair: self.repair };
        let mut report = audit::check(&admin.metadata, &stores, admin.cluster, how).await?;
        let flagged = admin.metadata.flagged_backends().await?.into_iter();
        report.metadata.extend(flagged.map(|one| format!("backend {}: {} ({})", one.backend, one.flag, one.reason)));
        Ok(report)
    }
}
