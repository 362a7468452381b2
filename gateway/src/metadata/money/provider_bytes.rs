//! What providers held when they were settled last.

use crate::metadata::MetadataStore;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// Providers that are read.
const PROVIDERS_MAX: u64 = 10_000;

impl MetadataStore {
    /// Encoded bytes that each provider held when its last epoch was settled, by name.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn provider_bytes(&self) -> Result<Vec<(String, u64)>> {
        let text = format!("SELECT provider, held_bytes FROM provider_account ORDER BY provider LIMIT {PROVIDERS_MAX}");
        let rows = self.database().rows(Statement::new(text)).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.number(1)?))).collect()
    }
}
