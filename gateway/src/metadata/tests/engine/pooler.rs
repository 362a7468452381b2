//! Through pgbouncer in transaction mode, which lends a session of the server for one transaction at a time.

use std::path::PathBuf;
use std::process::Command;

use futures::future::join_all;
use tempfile::TempDir;

use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::fixture::Fixture;
use crate::metadata::tests::server;

/// A running pgbouncer with a server's session for every two or more of its clients.
struct Pooler {
    /// Of the database behind it.
    url: String,
    folder: TempDir,
}

impl Pooler {
    fn before(database: &str, ignored: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL's user, which it runs as where this is root, passes through it.
        let passable = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(folder.path(), passable).unwrap();
        let settings = ["default_pool_size = 3".to_owned(), format!("ignore_startup_parameters = {ignored}")];
        let mut start = Command::new(script());
        let started =
            start.arg("start").arg(folder.path().join("pgbouncer")).arg(database).args(settings).output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Self { url: String::from_utf8(started.stdout).unwrap().trim().to_owned(), folder }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = Command::new(script()).arg("stop").arg(self.folder.path().join("pgbouncer")).status();
    }
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/pgbouncer")
}

/// Everything that needs a session for more than one trip, by more clients than there are sessions.
async fn works_through(ignored: &str) {
    let database = server::new_database().await;
    let pooler = Pooler::before(&database, ignored);
    let f = Fixture::at(pooler.url.clone()).await;
    join_all((0..40).map(|number| {
        let f = &f;
        async move {
            let name = format!("key{}", number % 7);
            f.put(&name, 10 + number).await;
            assert!(f.current(&name).await.is_some());
            f.put(&format!("own{number}"), 10).await;
            f.delete(&format!("own{number}")).await;
        }
    }))
    .await;
    let mut tx = f.store.database().begin(&[7; 16]).await.unwrap();
    for (setting, bound) in
        [("lock_timeout", "5s"), ("statement_timeout", "30s"), ("idle_in_transaction_session_timeout", "10s")]
    {
        let row = tx.row(Statement::new("SELECT current_setting($1)").bind(setting)).await.unwrap().unwrap();
        assert_eq!(row.text(0).unwrap(), bound, "{setting}");
    }
    drop(tx);
    assert_eq!(f.one_int("SELECT COUNT(*) FROM version").await, 7);
    f.agrees_with_itself().await;
    f.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_refuses_start_up_settings() {
    works_through("").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_forgets_start_up_settings() {
    works_through("options,extra_float_digits").await;
}
