//! The gateways of a cluster, as the database knows them.

use serde::{Deserialize, Serialize};

use crate::admin::error::Result;
use crate::admin::{Admin, Operation};
use crate::metadata::LivingGateway;

/// List the gateways that use this database now, and those whose leases ran out and that nobody has marked dead yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ListGateways {}

/// One run of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedGateway {
    /// The first part of the ids of its blobs.
    pub incarnation: u32,
    /// Host, data folder, and the folder's number.
    pub gateway: String,
    /// Microseconds since 1970, by the database's clock.
    pub started_at: i64,
    /// Seconds until its lease runs out, unless it is renewed; negative when it has.
    pub lease_seconds: i64,
    /// Background work that only one gateway does at a time, and that this one does now.
    pub tasks: Vec<String>,
    /// It answered this.
    pub is_asked: bool,
}

impl Operation for ListGateways {
    const NAME: &'static str = "gateway-list";
    type Reply = Vec<ListedGateway>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Vec<ListedGateway>> {
        let asked = admin.objects.incarnation();
        let listed = |row: LivingGateway| ListedGateway {
            incarnation: row.incarnation,
            gateway: row.gateway,
            started_at: row.started_at.0,
            lease_seconds: row.lease_seconds,
            tasks: row.tasks,
            is_asked: row.incarnation == asked,
        };
        Ok(admin.metadata.living_gateways().await?.into_iter().map(listed).collect())
    }
}
