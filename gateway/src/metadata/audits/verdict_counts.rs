//! How audits came out in a period, for whoever pays by it.

use crate::domain::Timestamp;
use crate::domain::money::epoch::Epoch;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;

impl MetadataStore {
    /// How audits of backends came out between two times, by backend and verdict.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn verdict_counts(&self, from: Timestamp, to: Timestamp) -> Result<Vec<(String, String, u64)>> {
        let text = "SELECT backend, verdict, COUNT(*) FROM verdict WHERE judged_at >= $1 AND judged_at < $2 \
                    GROUP BY backend, verdict ORDER BY backend, verdict";
        let rows = self.database().rows(Statement::new(text).bind(from.0).bind(to.0)).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.number(2)?))).collect()
    }

    /// Challenges that were answered wrongly between two times: backend, id and evidence; the first ones.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn wrong_answers(
        &self,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Result<Vec<(String, [u8; 16], String)>> {
        let text = "SELECT backend, id, evidence FROM verdict WHERE judged_at >= $1 AND judged_at < $2 AND verdict = 'wrong' \
                    AND method = 'challenge' ORDER BY judged_at, id LIMIT $3";
        let rows = self.database().rows(Statement::new(text).bind(from.0).bind(to.0).bind(limit(most))).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.array(1)?, row.text(2)?.to_owned()))).collect()
    }
}

/// Notes that a settlement slashes for these verdicts: they are kept as its proof.
pub(in crate::metadata) async fn note_slashed(tx: &mut Session, epoch: Epoch, ids: &[[u8; 16]]) -> Result<()> {
    let head = format!("UPDATE verdict SET slashed_in = {} WHERE id IN (VALUES ", epoch.0);
    tx.execute_rows(&head, ids.iter().map(|id| [Value::from(*id)]).collect(), ")").await.map(drop)
}
