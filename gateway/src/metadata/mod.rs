//! All SQL of the gateway: one file for each aggregate, one text for SQLite and PostgreSQL wherever possible.
//!
//! Whatever changes rows is a `database::Work`: it runs in a transaction, in a task that a dropped request cannot
//! cancel, and is run again when it lost against another transaction. What is decided from rows is decided by the pure
//! `commit::plan`; the rest loads its facts and applies its plan.

mod audits;
mod blobs;
mod buckets;
mod check;
mod cluster;
mod commit;
mod engine;
mod error;
mod events;
mod identity;
mod journal;
mod ledger_log;
mod meter_check;
mod meter_mend;
mod money;
mod objects;
mod shared;
mod staking;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

pub use audits::containment::ContainedAudit;
pub use audits::epochs::AuditEpoch;
pub(crate) use audits::evidence::array as evidence_bytes;
#[cfg(test)]
pub(crate) use audits::evidence::tests::signed_wrong_answer;
pub use audits::evidence::{Evidence, EvidenceAnswer, EvidenceDraw, EvidenceError, EvidenceSliver};
pub use audits::method::AuditMethod;
pub use audits::rechecks::Recheck;
pub use audits::reputation::{Decay, Record, Reputation, Standing, Thresholds};
pub use audits::reputations::{BackendReputation, ReputationRules};
pub use audits::samples::AuditedSliver;
pub use audits::shares::{AuditShare, ShareProgress};
pub use audits::verdicts::{VerdictBatch, VerdictRow};
pub use blobs::compact::SparseBlob;
pub use blobs::early_reclaim::{DeadBlobPosition, DeadBlobs};
pub use blobs::enqueue_repairs::{LeavingPage, LeavingPlace};
pub use blobs::findings::Finding;
pub use blobs::owned_extent::{ExtentMove, ExtentOwner, OwnedExtent};
pub use blobs::placement_walk::{ContentPage, ContentPosition};
pub use blobs::repair_jobs::{RepairEnd, RepairJob};
pub use blobs::repair_queue::{RepairQueue, Unrepairable};
pub use blobs::rewrap::{AttributesCursor, KmsAttributes};
pub use blobs::sliver_moves::{SliverLocation, SliverMove};
pub use blobs::thin_blobs::ThinBlob;
pub use blobs::thin_walk::ThinPage;
pub use buckets::bucket::{BucketEntry, CreateBucket, DeleteBucket, NewBucket};
pub use buckets::quota_count::MissingUsage;
pub use buckets::quota_row::{Quota, QuotaLimits, QuotaScope};
pub use buckets::settings::EditSetting;
pub use buckets::usage::UsageRow;
pub use buckets::versioning::SetState;
pub use check::ExpectedSliver;
pub use cluster::absences::Absence;
pub use cluster::backend_flags::FlaggedBackend;
pub use cluster::backends::BackendRow;
pub use cluster::cluster_row::Cluster;
pub use cluster::draining::DrainStart;
pub use cluster::heartbeats::{BackendSighting, SightedBackend};
pub use cluster::incarnations::{IncarnationState, LivingGateway};
pub use cluster::invitations::{Invitation, InvitationUse};
pub use cluster::rebalancing::RebalanceStart;
pub use commit::{
    AmendChange, Amendment, AppendChange, Appended, AttributeEdit, Batch, Change, CommitChange, Committed,
    DeleteChange, Deleted, NewBlob, NewMarker, OnlyVersion, Outcome, PartChange, PutChange, Refusal, RenameChange,
    StoredVersion,
};
pub use error::{MetadataError, Result};
pub use events::{ClaimedEvents, Event, EventDraft, EventTrigger};
pub use identity::users::{AddAccessKey, AddUser, RemoveUser};
pub use identity::{
    AddKey, AddPolicyVersion, AttachPolicy, CreateIdentity, CreatePolicy, DeleteIdentity, DeletePolicy,
    DeletePolicyVersion, IdentityEdit, IdentityQuery, JoinGroup, KeyGrant, KeyOwner, KeyRow, KeyUse, NewIdentity,
    NewPolicy, PolicyScope, PutInlinePolicy, UpdateIdentity,
};
pub use journal::dump::{Dump, DumpedMoment, DumpedRows};
pub use journal::outbox::Unjournaled;
pub use journal::records::{JournalRecord, NewRecord, RecordKind};
pub use journal::restore::{Restore, RestoreError, RestoredEnd};
pub use ledger_log::log_rows::{LogCheckpoint, LogEnd};
pub use ledger_log::log_secrets::LogSecrets;
pub use ledger_log::sections::LogSection;
pub use ledger_log::witnesses::{LogRefusal, WitnessProgress};
pub use meter_check::MeteredPlace;
pub use meter_mend::MendedMeters;
pub use money::accounts::NumberedEntry;
pub use money::arrears::{ArrearsNotice, EndDecision};
pub use money::bills::BillRow;
pub use money::bucket_costs::{BucketCost, FundsAlert};
pub use money::charging::ChargeStep;
pub use money::earnings::EarningsRow;
pub use money::epoch_jumps::{EpochAdvance, EpochJump};
pub use money::epochs::{EpochState, EpochTerms, MoneyEpoch};
pub use money::held_samples::HeldSample;
pub use money::losses::LossRow;
pub use money::provider_accounts::{OpenPeriodRow, ProviderAccount, ProviderVetting};
pub use money::settling::{SettledEpoch, Settlement, SettlementFacts};
pub use objects::complete::{CompleteChange, CompleteOutcome, CompletedUpload, PartRevision};
pub use objects::list::{ListEntry, ListPage, ListQuery, ListedObject};
pub use objects::list_versions::{ListedContent, ListedVersion, VersionEntry, VersionListQuery, VersionPage};
pub use objects::uploads::{AbortUpload, CreateUpload, UploadEntry, UploadListQuery, UploadPage};
pub use objects::versions::VersionHead;
pub use objects::walk::{StaleUpload, WalkPage, WalkPosition, WalkedVersion};
pub use staking::decisions::{CountedVote, ProposalCount, ProposalOutcome, VotingOutcome, VotingRevision};
pub use staking::moment::VotingMoment;
pub use staking::pools::{PoolRow, RateRow};
pub use staking::price_floors::{PriceFloorRow, RegisteredFloor};
pub use staking::proposals::{NewProposal, ProposalRow, Proposed};
pub use staking::providers::{Registered, Registration, StakingProvider};
pub use staking::settled_stakes::{SettledStake, SettledStakes, StakeRows};
pub use staking::stake_rows::{StakeRow, StakeState};
pub use staking::stakes::{AddedStake, NewStake, StakeFilter, Withdrawn};
pub use staking::votes::{Ballot, CastVote, VoteRow};
pub use staking::voting::VotingFacts;

#[cfg(test)]
pub(crate) use engine::simulated;

use crate::clock::Ambient;
use crate::metadata::engine::database::{Database, Pools};
use crate::metadata::shared::Shared;

/// The metadata of a cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MetadataStore {
    shared: Arc<Shared>,
    queue: commit::Queue,
    committer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl MetadataStore {
    /// Opens `sqlite:PATH` or `postgres://...`, migrates the schema and checks that the settings are durable. A
    /// missing SQLite file is created when its directory exists; a PostgreSQL database is never created.
    ///
    /// # Errors
    /// Says what to do about it, see [`MetadataError`].
    pub async fn open(url: &str, ambient: Ambient) -> Result<Self> {
        let pools = if let Some(path) = url.strip_prefix("sqlite:") {
            engine::sqlite::open(Path::new(path.strip_prefix("//").unwrap_or(path)), journal::relations::UNJOURNALED)
                .await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Pools::Postgres(engine::postgres::open(url).await?)
        } else {
            return Err(MetadataError::Unavailable("a database URL is sqlite:PATH or postgres://...".to_owned()));
        };
        let shared = Arc::new(Shared::new(pools, ambient));
        let (queue, committer) = commit::start(shared.clone());
        Ok(Self { shared, queue, committer: Arc::new(Mutex::new(Some(committer))) })
    }

    /// Finishes the commits that are waiting and closes all connections. Later calls fail.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        let committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(committer) = committer
            && let Err(error) = committer.await
        {
            tracing::error!(%error, "the commit queue panicked");
        }
        self.shared.database.close().await;
    }

    fn database(&self) -> &Database {
        &self.shared.database
    }
}
