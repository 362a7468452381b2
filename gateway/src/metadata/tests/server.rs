//! The PostgreSQL server of the tests: the one `tests/run` has started, else a private one for this process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::clock::{Ambient, Entropy, SystemEntropy, random};
use crate::metadata::MetadataStore;
use crate::metadata::engine::migrate;

/// A cluster that ends with this process: its guard waits for the end of a pipe that only this process holds.
struct Private {
    url: String,
    _guard: Child,
}

/// The URL of the server's `postgres` database.
fn server() -> &'static str {
    static GIVEN: OnceLock<Option<String>> = OnceLock::new();
    static PRIVATE: OnceLock<Private> = OnceLock::new();
    match GIVEN.get_or_init(|| std::env::var("HAULOUT_TEST_POSTGRES").ok()) {
        Some(url) => url,
        None => &PRIVATE.get_or_init(start).url,
    }
}

fn start() -> Private {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/postgres");
    let folder: PathBuf = std::env::temp_dir().join(format!("haulout-postgres-{}", std::process::id()));
    let made = Command::new(&program).arg("start").arg(&folder).output().expect("tests/postgres is there");
    assert!(
        made.status.success(),
        "these tests need PostgreSQL; `tests/run` installs it: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    let guard = Command::new("bash")
        .args(["-c", "read -r _; exec \"$0\" stop \"$1\""])
        .arg(&program)
        .arg(&folder)
        .stdin(Stdio::piped())
        .spawn()
        .expect("bash is there");
    Private { url: String::from_utf8(made.stdout).expect("a URL").trim().to_owned(), _guard: guard }
}

/// A new, empty database: its URL.
pub(super) async fn new_database() -> String {
    create(&new_name(), "").await
}

/// A new database that was migrated already, as a copy of one that was: a tenth of the time.
pub(super) async fn new_migrated_database() -> String {
    let template = format!("migrated_{}", migrate::digest());
    let mut connection = PgConnection::connect(server()).await.expect("the test server answers");
    let find = format!("SELECT 1 FROM pg_database WHERE datname = '{template}'");
    if connection.fetch_optional(AssertSqlSafe(find)).await.expect("a list of databases").is_none() {
        let made = new_name();
        let store = MetadataStore::open(&create(&made, "").await, Ambient::system()).await.expect("it is migrated");
        store.close().await;
        let rename = format!("ALTER DATABASE {made} RENAME TO {template}");
        // Another test may have been first.
        let _ = connection.execute(AssertSqlSafe(rename)).await;
    }
    connection.close().await.expect("closes");
    create(&new_name(), &format!("TEMPLATE {template}")).await
}

fn new_name() -> String {
    format!("test_{}", hex::encode(random::<8>(&SystemEntropy as &dyn Entropy)))
}

async fn create(name: &str, options: &str) -> String {
    let url = server();
    let mut connection = PgConnection::connect(url).await.expect("the test server answers");
    let text = format!("CREATE DATABASE {name} {options}");
    connection.execute(AssertSqlSafe(text)).await.expect("a new database");
    connection.close().await.expect("closes");
    let (server, _) = url.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}")
}
