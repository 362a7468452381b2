//! Reads the log: where it ends, its leaves, its checkpoints and inputs. Adds cosignatures.

use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// Where the log ends: at its last checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogEnd {
    /// How many leaves there are.
    pub size: u64,
    /// The last epoch that was published; 0 before the first.
    pub epoch: u64,
    /// The number of the last transfer of the ledger that was looked at.
    pub through: u64,
    /// How many transfers are among the leaves.
    pub transfers: u64,
    /// The tree's complete subtrees, largest first.
    pub frontier: Vec<[u8; 32]>,
}

/// A checkpoint that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCheckpoint {
    /// How many leaves the tree has.
    pub size: u64,
    /// The epoch that it ends with.
    pub epoch: u64,
    /// The signed note.
    pub note: String,
}

pub(super) const END: &str =
    "SELECT size, epoch, through, transfers, frontier FROM ledger_checkpoint ORDER BY size DESC LIMIT 1";
const CHECKPOINT: &str = "SELECT size, epoch, note FROM ledger_checkpoint";

impl MetadataStore {
    /// Where the log ends.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn log_end(&self) -> Result<LogEnd> {
        self.database().row(Statement::new(END)).await?.as_ref().map_or_else(|| Ok(LogEnd::default()), end)
    }

    /// Leaves from this number on, at most so many.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn log_leaves(&self, from: u64, most: usize) -> Result<Vec<String>> {
        let text = "SELECT leaf FROM ledger_leaf WHERE number >= $1 ORDER BY number LIMIT $2";
        let rows = self.database().rows(Statement::new(text).bind(int(from)?).bind(limit(most))).await?;
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
    }

    /// Checkpoints of more than so many leaves, the oldest first, at most so many.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn log_checkpoints(&self, above: u64, most: usize) -> Result<Vec<LogCheckpoint>> {
        let text = format!("{CHECKPOINT} WHERE size > $1 ORDER BY size LIMIT $2");
        let rows = self.database().rows(Statement::new(text).bind(int(above)?).bind(limit(most))).await?;
        rows.iter().map(checkpoint).collect()
    }

    /// The checkpoint of a size.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn log_checkpoint_of(&self, size: u64) -> Result<Option<LogCheckpoint>> {
        let text = format!("{CHECKPOINT} WHERE size = $1");
        self.database().row(Statement::new(text).bind(int(size)?)).await?.as_ref().map(checkpoint).transpose()
    }

    /// The last checkpoint.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn log_checkpoint(&self) -> Result<Option<LogCheckpoint>> {
        let text = format!("{CHECKPOINT} ORDER BY size DESC LIMIT 1");
        self.database().row(Statement::new(text)).await?.as_ref().map(checkpoint).transpose()
    }

    /// The inputs from which an epoch was settled.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn log_inputs(&self, epoch: u64) -> Result<Option<Vec<u8>>> {
        let statement = Statement::new("SELECT inputs FROM ledger_checkpoint WHERE epoch = $1").bind(int(epoch)?);
        self.database().row(statement).await?.map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
    }

    /// Replaces a checkpoint's note by one with more signatures; says whether it was still the one before.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn cosign_log_checkpoint(&self, before: &LogCheckpoint, note: &str) -> Result<bool> {
        self.database().transact(Cosign(before.clone(), note.to_owned())).await
    }
}

struct Cosign(LogCheckpoint, String);

impl Work for Cosign {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "UPDATE ledger_checkpoint SET note = $1 WHERE size = $2 AND note = $3";
        let statement = Statement::new(text).bind(self.1.as_str()).bind(int(self.0.size)?);
        Ok(tx.execute(statement.bind(self.0.note.as_str())).await? == 1)
    }
}

pub(super) fn end(row: &Row) -> Result<LogEnd> {
    let (frontier, rest) = row.bytes(4)?.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(MetadataError::Damaged("the frontier of a checkpoint is no list of hashes".to_owned()));
    }
    Ok(LogEnd {
        size: row.number(0)?,
        epoch: row.number(1)?,
        through: row.number(2)?,
        transfers: row.number(3)?,
        frontier: frontier.to_vec(),
    })
}

fn checkpoint(row: &Row) -> Result<LogCheckpoint> {
    Ok(LogCheckpoint { size: row.number(0)?, epoch: row.number(1)?, note: row.text(2)?.to_owned() })
}
