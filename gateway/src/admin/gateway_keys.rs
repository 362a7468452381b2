//! What storage nodes know this cluster's gateways by.

use backends::GatewayIdentity;
use serde::{Deserialize, Serialize};

use crate::admin::error::Result;
use crate::admin::{Admin, Operation};

/// Show the keys of the cluster's gateways.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ShowGatewayKeys {}

impl Operation for ShowGatewayKeys {
    const NAME: &'static str = "gateway-keys";
    /// Names for `haulout node allow`, the one that signs first.
    type Reply = Vec<String>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Vec<String>> {
        let identity = GatewayIdentity::new(admin.cluster, &admin.key);
        Ok(identity.names().iter().map(ToString::to_string).collect())
    }
}
