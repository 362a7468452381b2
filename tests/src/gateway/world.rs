//! The look at the world when a story has been told.

use anyhow::{Result, ensure};

use super::TestGateway;

impl TestGateway {
    /// Plaintext that must not be found in backends, database or log.
    pub fn watch_for(&mut self, canary: &[u8]) {
        self.canaries.add_content(canary);
    }

    /// The story leaves damage behind on purpose: do not hold `check` against it at the end.
    pub fn leaves_damage(&mut self) {
        self.clean = false;
    }

    /// The look at the world: nothing missing, wrong or left over, a good end, and no canary where none belongs.
    ///
    /// # Errors
    /// A promise is broken.
    pub async fn finish(mut self) -> Result<()> {
        let looked_at = self.look_at_the_world().await;
        if looked_at.is_err() {
            self.print_log();
        }
        self.kill();
        self.database.remove().await?;
        looked_at
    }

    async fn look_at_the_world(&mut self) -> Result<()> {
        if self.clean {
            self.check(true).await?.must_be_clean()?;
        }
        self.stop()?;
        ensure!(!self.log().contains("panicked at"), "a task of the gateway panicked");
        let dump = self.database.dump(&self.place.data)?;
        self.canaries.search(&self.place.data, &self.log(), &dump)
    }
}
