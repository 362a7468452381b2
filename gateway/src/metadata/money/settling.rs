//! What settlement asks for, and the transaction that applies its plan.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::{BackendId, Timestamp};
use crate::ledger::Entry;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{self, int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::epochs::{self, EpochState};
use crate::metadata::money::posting::LedgerEnd;
use crate::metadata::money::stored_entry;

/// Verdicts of one kind about a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictCount {
    /// The backend.
    pub backend: BackendId,
    /// The verdict by its name.
    pub verdict: String,
    /// How many.
    pub count: u64,
}

/// What a backend holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBytes {
    /// The backend.
    pub backend: BackendId,
    /// Bytes of its slivers.
    pub bytes: u64,
}

/// What settles an epoch.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The epoch.
    pub epoch: Epoch,
    /// In which book.
    pub book: Book,
    /// What its plan gives besides charges, in order.
    pub entries: Vec<Entry>,
    /// What it was planned from, as it is published.
    pub inputs: Vec<u8>,
    /// What the remainder had when it was planned: money that came meanwhile makes another plan.
    pub remainder: Frost,
    /// What is carried to the next epoch, as JSON.
    pub state: String,
}

/// The inputs of a settled epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledInputs {
    /// The epoch.
    pub epoch: Epoch,
    /// The canonical text.
    pub inputs: Vec<u8>,
    /// The number of the ledger's last transfer that belongs to it.
    pub through: u64,
}

impl MetadataStore {
    /// Verdicts of audits by backend and kind, judged in a span of time.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn count_verdicts(&self, from: Timestamp, until: Timestamp) -> Result<Vec<VerdictCount>> {
        let text = "SELECT backend, verdict, COUNT(*) FROM verdict WHERE judged_at >= $1 AND judged_at < $2 \
                    GROUP BY backend, verdict ORDER BY backend, verdict";
        let rows = self.database().rows(Statement::new(text).bind(from.0).bind(until.0)).await?;
        let count = |row: &Row| -> Result<_> {
            Ok(VerdictCount {
                backend: columns::backend_id(row.text(0)?)?,
                verdict: row.text(1)?.to_owned(),
                count: row.number(2)?,
            })
        };
        rows.iter().map(count).collect()
    }

    /// Audits of each backend that are to be asked once more.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn count_contained(&self) -> Result<Vec<(BackendId, u64)>> {
        let text = "SELECT backend, COUNT(*) FROM contained_audit GROUP BY backend ORDER BY backend";
        let rows = self.database().rows(Statement::new(text)).await?;
        rows.iter().map(|row| Ok((columns::backend_id(row.text(0)?)?, row.number(1)?))).collect()
    }

    /// What each backend holds. Reads the rows of all slivers.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn held_by_backends(&self) -> Result<Vec<HeldBytes>> {
        let text = "SELECT s.backend, b.scheme, b.chunk_bytes, b.chunks_per_block, b.content_len, b.catalog_len, COUNT(*) \
                    FROM sliver s JOIN blob b ON b.id = s.blob_id \
                    GROUP BY s.backend, b.scheme, b.chunk_bytes, b.chunks_per_block, b.content_len, b.catalog_len \
                    ORDER BY s.backend";
        let mut held: Vec<HeldBytes> = Vec::new();
        for row in self.database().rows(Statement::new(text)).await? {
            let (backend, count) = (columns::backend_id(row.text(0)?)?, row.number::<u64>(6)?);
            let bytes = columns::layout(&row, 1)?.sliver_len().saturating_mul(count);
            match held.last_mut().filter(|last| last.backend == backend) {
                Some(last) => last.bytes = last.bytes.saturating_add(bytes),
                None => held.push(HeldBytes { backend, bytes }),
            }
        }
        Ok(held)
    }

    /// What settlement carries from one epoch to the next; empty before the first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn settlement_state(&self) -> Result<String> {
        let row = self.database().row(Statement::new("SELECT state FROM settlement_state WHERE id = 1")).await?;
        row.map_or(Ok(String::new()), |row| row.text(0).map(str::to_owned))
    }

    /// Settles an epoch: all of it in one transaction, once. False when it is not to be settled, or money came meanwhile: plan again.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn settle(&self, settlement: Settlement) -> Result<bool> {
        self.database().transact(settlement).await
    }

    /// The first settled epochs after a number, with what they were planned from.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn settled_inputs(&self, after: Epoch, most: usize) -> Result<Vec<SettledInputs>> {
        let text = "SELECT epoch, inputs, through FROM settlement WHERE epoch > $1 ORDER BY epoch LIMIT $2";
        let rows = self.database().rows(Statement::new(text).bind(int(after.0)?).bind(limit(most))).await?;
        let settled = |row: &Row| -> Result<_> {
            Ok(SettledInputs { epoch: Epoch(row.number(0)?), inputs: row.bytes(1)?.to_vec(), through: row.number(2)? })
        };
        rows.iter().map(settled).collect()
    }
}

impl Work for Settlement {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let mut end = LedgerEnd::hold(tx).await?;
        let Some(epoch) = epochs::numbered(tx, self.epoch).await? else { return Ok(false) };
        let remainder = stored_entry::free_of(tx, self.book, [LedgerAccount::Remainder].into_iter()).await?;
        let remainder = remainder.into_values().next().unwrap_or_default();
        if epoch.state != EpochState::Charged || remainder != self.remainder {
            return Ok(false);
        }
        for (entry, outcome) in self.entries.iter().zip(end.append(tx, &self.entries).await?) {
            if !outcome.stands() {
                let what = format!("epoch {}: {:?} is refused: {outcome:?}", self.epoch, entry.transfer);
                return Err(MetadataError::Damaged(what));
            }
        }
        let text = "INSERT INTO settlement (epoch, inputs, through) VALUES ($1, $2, $3)";
        let statement = Statement::new(text).bind(int(self.epoch.0)?).bind(&*self.inputs).bind(int(end.seq())?);
        tx.execute(statement).await?;
        let text = "INSERT INTO settlement_state (id, state) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET state = EXCLUDED.state";
        tx.execute(Statement::new(text).bind(&*self.state)).await?;
        epochs::set_state(tx, self.epoch, EpochState::Settled, epoch.charged_through).await?;
        Ok(true)
    }
}
