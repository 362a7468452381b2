//! The invariants that are checked after every scenario.

use anyhow::{Result, ensure};

use super::TestGateway;

impl TestGateway {
    /// Plaintext that must not be found in backends, database or log.
    pub fn add_canary(&mut self, canary: &[u8]) {
        self.canaries.add_content(canary);
    }

    /// The scenario leaves damage on purpose: `check` need not be clean at the end.
    pub fn leaves_damage(&mut self) {
        self.clean = false;
    }

    /// Checks the invariants: nothing missing, wrong or left over, a clean stop, and no canary where none belongs.
    ///
    /// # Errors
    /// A promise is broken.
    pub async fn finish(mut self) -> Result<()> {
        let looked_at = self.check_invariants().await;
        if looked_at.is_err() {
            self.print_log();
        }
        self.kill();
        self.database.remove().await?;
        looked_at
    }

    async fn check_invariants(&mut self) -> Result<()> {
        if self.clean {
            let report = self.check(true).await?;
            // Slivers that a killed gateway was about to commit are no damage: they go once every backend has been seen again.
            if self.was_killed && report.missing() + report.wrong() == 0 {
                self.wait_for_collection().await?;
            } else {
                report.must_be_clean()?;
            }
        }
        self.stop()?;
        // Those of the crate `fail` are on purpose.
        let log = self.log();
        let panicked = log.lines().find(|line| line.contains("panicked at") && !line.contains("/fail-"));
        ensure!(panicked.is_none(), "a task of the gateway panicked: {panicked:?}");
        let dump = self.database.dump(&self.layout.data)?;
        self.canaries.search(&self.layout.data, &self.log(), &dump)
    }
}
