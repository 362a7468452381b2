//! Admin operations: users, backends, checks and collection.
//!
//! Each [`Operation`] is a plain request, an async function and a plain reply. The caller, the command line in
//! a process of its own or a running gateway on behalf of its admin socket, runs the same function.

mod audits;
mod backends;
mod check;
mod client;
mod collect;
pub mod credentials;
mod database;
mod error;
mod gateway_keys;
mod gateways;
mod http;
mod keys;
mod ledger_log;
pub mod money;
mod placement;
mod providers;
pub mod quotas;
mod repairs;
mod socket;
pub mod users;

use codec::{ClusterId, ClusterKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use audits::{AuditedStanding, ReinstateBackend, ShowAudits, ShowVerdict, ShownVerdict, VerdictWithEvidence};
pub use backends::absences::{LostAfter, LostAfterReport};
pub use backends::adding::{AddBackend, AddedBackend, AddedState};
pub use backends::draining::{DrainBackend, DrainProgress, DrainReport, DrainRequest};
pub use backends::rebalancing::{
    DrainMove, MovesReport, RebalanceBackends, RebalanceProgress, RebalanceReport, ShowMoves,
};
#[cfg(test)]
pub(crate) use backends::replacing::begin_replacement;
pub use backends::replacing::{ReplaceBackend, ReplacementReport};
pub use backends::{AcceptBackend, AwayBackend, ListBackends, ListedBackend, RemoveBackend};
pub use check::Check;
pub use client::{CallError, call};
pub use collect::{Collect, Collected};
pub use database::{ConfirmDatabase, ConfirmedDatabase};
pub use error::{AdminError, Result};
pub use gateway_keys::ShowGatewayKeys;
pub use gateways::{ListGateways, ListedGateway};
pub use keys::{KeyKind, RotateKeys, RotatedKeys};
pub use ledger_log::{
    ListCheckpoints, ListLeaves, ShowInputs, ShowLog, ShownCheckpoint, ShownLog, ShownRefusal, ShownWitness,
};
pub use placement::{BucketPlacement, EvaluatePlacement, PlaceBucket, PlacementRequest};
pub use providers::invitations::{AdmitProvider, AdmittedProvider, InviteProvider, InvitedProvider};
pub use providers::{ListProviders, ListedProvider};
pub use repairs::{RepairStatus, ShowRepairs, UnrepairableBlob};
pub use socket::{AdminSocket, serve};

use crate::clock::Ambient;
use crate::config::{AuditConfig, BackendConfig, MoneyConfig};
use crate::metadata::MetadataStore;
use crate::objects::{Heartbeats, Objects, READ_ONLY};

/// What operations work with.
pub struct Admin {
    /// The rows.
    pub metadata: MetadataStore,
    /// The cluster.
    pub cluster: ClusterId,
    /// Seals secrets.
    pub key: ClusterKey,
    /// The backends as they are configured.
    pub backends: Vec<BackendConfig>,
    /// The configuration names none, so they are the default ones.
    pub has_default_backends: bool,
    /// How audits are judged.
    pub audit: AuditConfig,
    /// Which books are kept.
    pub money: MoneyConfig,
    /// The use cases, with the same backends open.
    pub objects: Objects,
    /// Compares them with the database.
    pub heartbeats: Heartbeats,
    /// What relative backend folders are relative to.
    pub base: std::path::PathBuf,
    /// Clock and randomness.
    pub ambient: Ambient,
}

/// An admin operation.
pub trait Operation: Serialize + DeserializeOwned + Send + 'static {
    /// Its name on the admin socket.
    const NAME: &'static str;
    /// What it answers.
    type Reply: Serialize + DeserializeOwned + Send;

    /// Whether it may change rows that count: not while the database is older than its journal.
    fn changes(&self) -> bool {
        true
    }

    /// Does it; call [`perform`].
    fn run(self, admin: &Admin) -> impl Future<Output = Result<Self::Reply>> + Send;
}

/// Does an operation, unless it would change a database that is older than its journal.
///
/// # Errors
/// See [`AdminError`].
pub async fn perform<O: Operation>(operation: O, admin: &Admin) -> Result<O::Reply> {
    if operation.changes() && admin.objects.is_read_only() {
        return Err(AdminError::Unavailable(READ_ONLY.to_owned()));
    }
    operation.run(admin).await
}
