//! What the tests of other modules read and change behind the store's back.

use crate::clock::{Ambient, Entropy, SystemEntropy, random};
use crate::metadata::MetadataStore;
use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::server;

impl MetadataStore {
    /// A store on a new, empty database of the tests' PostgreSQL server.
    pub(crate) async fn on_new_postgres() -> Self {
        Self::open(&server::new_database().await, Ambient::system()).await.unwrap()
    }

    /// Ends the pauses of all repair jobs: they can be claimed now.
    pub(crate) async fn make_repairs_due(&self) {
        let mut tx = self.database().begin(&random(&SystemEntropy as &dyn Entropy)).await.unwrap();
        tx.execute(Statement::new("UPDATE job SET claimed_until = 0 WHERE kind = 'repair'")).await.unwrap();
        tx.command("COMMIT").await.unwrap();
    }

    /// Runs a statement behind the store's back.
    pub(crate) async fn meddle(&self, text: &'static str) {
        let mut tx = self.database().begin(&random(&SystemEntropy as &dyn Entropy)).await.unwrap();
        tx.execute(Statement::new(text)).await.unwrap();
        tx.command("COMMIT").await.unwrap();
    }

    /// When the lease of an incarnation expires, in microseconds by the database's clock.
    pub(crate) async fn lease_until(&self, incarnation: u32) -> i64 {
        let text = "SELECT lease_until FROM incarnation WHERE id = $1";
        let row = self.database().row(Statement::new(text).bind(i64::from(incarnation))).await.unwrap();
        row.expect("it has begun").int(0).unwrap()
    }
}
