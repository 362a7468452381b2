//! What providers held at a few moments of each epoch: no row for a write, and yet no long straight line between two epochs.

use std::collections::BTreeMap;

use crate::domain::Timestamp;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;
use crate::metadata::money::epochs::MoneyEpoch;

/// What a provider held at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldSample {
    /// When, by the database's clock.
    pub taken_at: Timestamp,
    /// Encoded bytes of what lives.
    pub held_bytes: u64,
    /// Encoded bytes that it keeps although they were deleted, by its own word.
    pub trash_bytes: u64,
    /// What it has space for besides, by its own word.
    pub free_bytes: Option<u64>,
}

impl MetadataStore {
    /// Notes what providers hold now; the times of the samples are the database's.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn sample_held(&self, held: BTreeMap<String, HeldSample>) -> Result<()> {
        self.database().transact(Sample(held)).await
    }

    /// When providers were last looked at.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn last_sample_at(&self) -> Result<Option<Timestamp>> {
        let row = self.database().row(Statement::new("SELECT MAX(taken_at) FROM held_sample")).await?;
        Ok(row.map(|row| row.number_if_any::<i64>(0)).transpose()?.flatten().map(Timestamp))
    }

    /// What providers held in an epoch and around it, by name, the oldest first.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn held_samples(&self, epoch: &MoneyEpoch) -> Result<BTreeMap<String, Vec<HeldSample>>> {
        let text = "SELECT provider, taken_at, held_bytes, trash_bytes, free_bytes FROM held_sample WHERE taken_at >= $1 \
                    ORDER BY provider, taken_at";
        let mut samples = BTreeMap::<String, Vec<HeldSample>>::new();
        for row in self.database().rows(Statement::new(text).bind(oldest(epoch))).await? {
            let sample = HeldSample {
                taken_at: Timestamp(row.int(1)?),
                held_bytes: row.number(2)?,
                trash_bytes: row.number(3)?,
                free_bytes: row.number_if_any(4)?,
            };
            samples.entry(row.text(0)?.to_owned()).or_default().push(sample);
        }
        Ok(samples)
    }
}

/// One epoch more than it lasts, so that there is a sample before its beginning.
fn oldest(epoch: &MoneyEpoch) -> i64 {
    epoch.begins_at.0.saturating_sub(int(epoch.micros()).unwrap_or(i64::MAX))
}

/// Forgets what no later settlement needs.
pub(super) async fn forget_before(tx: &mut Session, epoch: &MoneyEpoch) -> Result<()> {
    let text = "DELETE FROM held_sample WHERE taken_at < $1";
    tx.execute(Statement::new(text).bind(oldest(epoch))).await.map(drop)
}

struct Sample(BTreeMap<String, HeldSample>);

impl Work for Sample {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let mut rows = Vec::with_capacity(self.0.len());
        for (provider, sample) in &self.0 {
            rows.push([
                provider.as_str().into(),
                int(sample.held_bytes)?.into(),
                int(sample.trash_bytes)?.into(),
                sample.free_bytes.map(int).transpose()?.map_or(Value::NoInt, Value::Int),
            ]);
        }
        // One moment for all of them: PostgreSQL's clock goes on from row to row.
        let tail = format!(
            ") INSERT INTO held_sample (provider, taken_at, held_bytes, trash_bytes, free_bytes) \
             SELECT n.provider, (SELECT {}), n.held_bytes, n.trash_bytes, n.free_bytes FROM n WHERE TRUE \
             ON CONFLICT (provider, taken_at) DO NOTHING",
            tx.dialect().now()
        );
        let head = "WITH n (provider, held_bytes, trash_bytes, free_bytes) AS (VALUES ";
        tx.execute_rows(head, rows, &tail).await.map(drop)
    }
}
