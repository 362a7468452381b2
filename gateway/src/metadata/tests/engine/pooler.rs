//! Through pgbouncer in transaction mode, which lends a session of the server for one transaction at a time.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures::future::join_all;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::fixture::Fixture;
use crate::metadata::tests::server;
use crate::tests::wait_until;

/// A running pgbouncer with a server's session for every two or more of its clients.
struct Pooler {
    /// Of the database behind it.
    url: String,
    child: Child,
    _folder: TempDir,
}

impl Pooler {
    async fn before(database: &str, ignored: &str) -> Self {
        let (credentials, rest) = database.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let (user, password) = credentials.split_once(':').unwrap();
        let (host, server_port) = server.split_once(':').unwrap();
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let users = folder.path().join("users.txt");
        fs::write(&users, format!("\"{user}\" \"{password}\"\n")).unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 3\n\
             max_client_conn = 100\nignore_startup_parameters = {ignored}\n",
            users.display()
        );
        fs::write(&settings, text).unwrap();
        let child = start(folder.path(), &settings);
        wait_until("pgbouncer listens", async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
        Self { url: format!("postgres://{user}@127.0.0.1:{port}/{database}"), child, _folder: folder }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// pgbouncer refuses to run as root.
fn start(folder: &Path, settings: &Path) -> Child {
    let mut command = if rustix::process::getuid().is_root() {
        let given = Command::new("chown").args(["-R", "postgres"]).arg(folder).status().unwrap();
        assert!(given.success(), "the user of PostgreSQL is there");
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "pgbouncer"]);
        command
    } else {
        Command::new("pgbouncer")
    };
    command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap()));
    command.arg("-q").arg(settings).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("these tests need pgbouncer; `tests/run` installs it")
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Everything that needs a session for more than one trip, by more clients than there are sessions.
async fn works_through(ignored: &str) {
    let database = server::new_database().await;
    let pooler = Pooler::before(&database, ignored).await;
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
