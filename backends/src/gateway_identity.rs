//! Who opens backends: the cluster, and the keys with which its gateways sign requests to storage nodes.

use std::sync::Arc;

use codec::{ClusterId, ClusterKey};

use crate::node::protocol::{GatewayName, Invitation, InvitationSecret, SigningKey};

/// A gateway's identity. All gateways of a cluster have the same.
#[derive(Clone, Debug)]
pub struct GatewayIdentity {
    /// The cluster.
    pub cluster: ClusterId,
    keys: Vec<Arc<SigningKey>>,
}

impl GatewayIdentity {
    /// The identity of the gateways with this cluster key. While one cluster key replaces another, a node may know either.
    #[must_use]
    pub fn new(cluster: ClusterId, key: &ClusterKey) -> Self {
        let keys = key.gateway_seeds().iter().map(|seed| Arc::new(SigningKey::from_seed(seed))).collect();
        Self { cluster, keys }
    }

    /// The keys to try, the active one first.
    pub(crate) fn keys(&self) -> &[Arc<SigningKey>] {
        &self.keys
    }

    /// What nodes are given to admit the gateways: one name for each key.
    #[must_use]
    pub fn names(&self) -> Vec<GatewayName> {
        self.keys.iter().map(|key| GatewayName { cluster: self.cluster, key: key.public() }).collect()
    }
}

impl GatewayIdentity {
    /// An invitation of a node, good until a time in seconds since 1970; none of an identity that signs nothing.
    #[must_use]
    pub fn invite(&self, quota_bytes: u64, ends: u64, secret: InvitationSecret) -> Option<Invitation> {
        let key = self.keys.first()?;
        Some(Invitation::sign(self.cluster, key, quota_bytes, ends, secret))
    }
}

/// An identity that signs nothing: enough for directories and clouds, which check no signature of ours.
impl From<ClusterId> for GatewayIdentity {
    fn from(cluster: ClusterId) -> Self {
        Self { cluster, keys: Vec::new() }
    }
}

impl From<&GatewayIdentity> for GatewayIdentity {
    fn from(identity: &GatewayIdentity) -> Self {
        identity.clone()
    }
}
