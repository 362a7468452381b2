//! What must be in the journal before it is answered, or before something is deleted.

mod deletions;
mod snapshots;
mod writes;

use crate::objects::tests::fixture::Fixture;

impl Fixture {
    /// Changes that the journal lacks.
    async fn unjournaled(&self) -> u64 {
        self.metadata.unjournaled(1_000).await.expect("rows").0
    }
}
