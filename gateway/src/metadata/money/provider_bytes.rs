//! What providers held when they were looked at last.

use crate::metadata::MetadataStore;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// Providers that are read.
const PROVIDERS_MAX: u64 = 10_000;

impl MetadataStore {
    /// Encoded bytes that each provider held when providers were looked at last, by name: eight times in an epoch. Nothing of one that
    /// is no longer among the backends and has been settled.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn provider_bytes(&self) -> Result<Vec<(String, u64)>> {
        let text = format!(
            "SELECT provider, MAX(held) FROM (\
             SELECT provider, held_bytes AS held FROM held_sample WHERE taken_at = (SELECT MAX(taken_at) FROM held_sample) \
             UNION ALL SELECT provider, 0 AS held FROM provider_account) n \
             GROUP BY provider ORDER BY provider LIMIT {PROVIDERS_MAX}"
        );
        let rows = self.database().rows(Statement::new(text)).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.number(1)?))).collect()
    }
}
