//! The published log of the ledger, page by page, for whoever exports it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::ledger::log::note::NoteKey;
use crate::metadata::{LogCheckpoint, LogRefusal};
use crate::publication::{LogKeys, PublicationError};

/// Leaves of one page: each has up to 4,096 bytes.
const LEAVES: usize = 2_000;
/// Refusals that are shown.
const REFUSALS: usize = 1_000;
/// Checkpoints of one page.
const CHECKPOINTS: usize = 100;

/// Show the log's key and its last checkpoint.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ShowLog {}

/// The head of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownLog {
    /// The policy that trusts this log, names its witnesses, and asks for none of them.
    pub policy: String,
    /// The last checkpoint, once an epoch was published.
    pub checkpoint: Option<ShownCheckpoint>,
    /// The witnesses that are asked for cosignatures.
    pub witnesses: Vec<ShownWitness>,
    /// What witnesses refused, the oldest first, as they signed it.
    pub refusals: Vec<ShownRefusal>,
}

/// How far a witness is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownWitness {
    /// Its name.
    pub name: String,
    /// Where it is asked.
    pub url: String,
    /// How many leaves it cosigned last.
    pub cosigned: u64,
    /// Why it has not cosigned more; empty when it answered as it should.
    pub problem: String,
}

/// What a witness refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownRefusal {
    /// The size of the checkpoint.
    pub size: u64,
    /// The witness's name.
    pub witness: String,
    /// The signed note.
    pub note: String,
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCheckpoint {
    /// How many leaves the tree has.
    pub size: u64,
    /// The epoch that it ends with.
    pub epoch: u64,
    /// The signed note.
    pub note: String,
}

/// Give leaves of the log from a number on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ListLeaves {
    /// The number of the first.
    pub from: u64,
}

/// Give checkpoints, the oldest first.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ListCheckpoints {
    /// Of more leaves than these.
    pub above: u64,
}

/// Give the inputs of a published epoch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ShowInputs {
    /// The epoch.
    pub epoch: u64,
}

impl Operation for ShowLog {
    const NAME: &'static str = "ledger-log";
    type Reply = ShownLog;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let keys = LogKeys::find(&admin.metadata, admin.cluster, &admin.key, &admin.ambient).await.map_err(failed)?;
        let checkpoint = admin.metadata.log_checkpoint().await?.map(shown);
        let mut witnesses = Vec::new();
        let mut policy = keys.policy().trim_end_matches("quorum none\n").to_owned();
        for witness in &admin.money.witnesses {
            let Ok(key) = witness.key.parse::<NoteKey>() else { continue };
            let (progress, _) = admin.metadata.witness_progress(key.name.as_str()).await?;
            policy.push_str(&format!("witness {} {key} {}\n", key.name, witness.url));
            witnesses.push(ShownWitness {
                name: key.name.to_string(),
                url: witness.url.clone(),
                cosigned: progress.size,
                problem: progress.problem,
            });
        }
        policy.push_str("quorum none\n");
        let refusals = admin.metadata.log_refusals(0, REFUSALS).await?.into_iter();
        let refusals = refusals.map(|LogRefusal { size, witness, note }| ShownRefusal { size, witness, note });
        Ok(ShownLog { policy, checkpoint, witnesses, refusals: refusals.collect() })
    }
}

impl Operation for ListLeaves {
    const NAME: &'static str = "ledger-leaves";
    type Reply = Vec<String>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        Ok(admin.metadata.log_leaves(self.from, LEAVES).await?)
    }
}

impl Operation for ListCheckpoints {
    const NAME: &'static str = "ledger-checkpoints";
    type Reply = Vec<ShownCheckpoint>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        let checkpoints = admin.metadata.log_checkpoints(self.above, CHECKPOINTS).await?;
        Ok(checkpoints.into_iter().map(shown).collect())
    }
}

impl Operation for ShowInputs {
    const NAME: &'static str = "ledger-inputs";
    /// In base64.
    type Reply = Option<String>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        Ok(admin.metadata.log_inputs(self.epoch).await?.map(|inputs| STANDARD.encode(inputs)))
    }
}

fn shown(checkpoint: LogCheckpoint) -> ShownCheckpoint {
    let LogCheckpoint { size, epoch, note } = checkpoint;
    ShownCheckpoint { size, epoch, note }
}

fn failed(error: PublicationError) -> AdminError {
    match error {
        PublicationError::Metadata(error) => error.into(),
        other => AdminError::Unavailable(other.to_string()),
    }
}
