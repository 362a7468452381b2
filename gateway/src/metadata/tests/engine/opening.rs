//! Opening a database, and refusing to.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::clock::Ambient;
use crate::metadata::MetadataStore;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::MetadataError;
use crate::metadata::tests::fixture::{Fixture, both, key};
use crate::metadata::tests::server;

async fn open(url: &str) -> Result<MetadataStore, MetadataError> {
    MetadataStore::open(url, Ambient::system()).await
}

both! {
    /// Gateways are upgraded one by one, and one of the earlier release may have to be started again meanwhile.
    async fn a_later_schema_is_opened_until_it_leaves_this_release_behind(f: &Fixture) {
        f.meddle(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 9999, 'of tomorrow', success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
        f.put("before", 1).await;
        f.store.close().await;
        let again = open(&f.url).await.unwrap();
        assert!(again.current(f.bucket, &key("before")).await.unwrap().is_some(), "it works");
        let mut tx = again.database().begin(&[1; 16]).await.unwrap();
        tx.execute(Statement::new("UPDATE schema_floor SET known_at_least = 9999")).await.unwrap();
        tx.command("COMMIT").await.unwrap();
        drop(tx);
        again.close().await;
        assert!(matches!(open(&f.url).await, Err(MetadataError::SchemaTooNew)));
        let folder = tempfile::tempdir().unwrap();
        f.reopened(open(&format!("sqlite:{}", folder.path().join("other.db").display())).await.unwrap());
    }
}

/// None has a lock that outlives a transaction: who comes second finds the work done, and who dies leaves nothing behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_migrate_at_once_give_way_to_each_other() {
    let url = server::new_database().await;
    let opened = futures::future::join_all((0..6).map(|_| open(&url))).await;
    for store in opened {
        let store = store.unwrap();
        assert_eq!(store.audit_counters().await.unwrap(), Vec::<String>::new());
        store.close().await;
    }
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let done = connection.fetch_all("SELECT version FROM _sqlx_migrations GROUP BY version HAVING COUNT(*) > 1").await;
    assert_eq!(done.unwrap().len(), 0);
}

both! {
    /// Builds between two releases made databases by an earlier text of a migration: they are opened. Any other text is refused.
    async fn a_text_that_was_superseded_before_its_release_is_good(f: &Fixture) {
        let set = if f.store.is_shared() {
            "UPDATE _sqlx_migrations SET checksum = decode(\
             '452909760728a35e4393e476f66704b3f6ca35724d56a00c37312a7b700f1ae8c9ff3434028d39345266f560fbde3ec1', 'hex') \
             WHERE version = 15"
        } else {
            "UPDATE _sqlx_migrations SET checksum = \
             x'12fcd685c5bb019273c49057c8899bae2e1fb197f1b627077ff0ad352fe8647169e1398867433a5b612ae94a31066e42' \
             WHERE version = 15"
        };
        f.meddle(set).await;
        f.store.close().await;
        let again = open(&f.url).await.unwrap();
        again.close().await;
        let again = open(&f.url).await.unwrap();
        let mut tx = again.database().begin(&[1; 16]).await.unwrap();
        let text = "UPDATE _sqlx_migrations SET checksum = (SELECT checksum FROM _sqlx_migrations WHERE version = 15) \
                    WHERE version = 14";
        tx.execute(Statement::new(text)).await.unwrap();
        tx.command("COMMIT").await.unwrap();
        drop(tx);
        again.close().await;
        assert!(matches!(open(&f.url).await, Err(MetadataError::Damaged(_))));
        let folder = tempfile::tempdir().unwrap();
        f.reopened(open(&format!("sqlite:{}", folder.path().join("other.db").display())).await.unwrap());
    }
}

#[tokio::test]
async fn one_process_has_a_file() {
    let f = Fixture::sqlite().await;
    assert!(matches!(open(&f.url).await, Err(MetadataError::Locked)));
    f.put("key", 1).await;
    f.store.close().await;
    let bucket = f.bucket;
    let url = f.url.clone();
    let folder = f.into_folder();
    let again = open(&url).await.unwrap();
    assert!(again.current(bucket, &key("key")).await.unwrap().is_some(), "everything is still there");
    drop(folder);
}

#[tokio::test]
async fn nothing_is_made_where_nothing_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    assert!(matches!(open(&format!("sqlite:{}/meta.db", missing.display())).await, Err(MetadataError::Unavailable(_))));
    assert!(!missing.exists());
    for url in ["meta.db", "mysql://here", "", "postgres://nobody@127.0.0.1:1/nothing"] {
        assert!(matches!(open(url).await, Err(MetadataError::Unavailable(_))), "{url}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.db");
    std::fs::write(&path, vec![7; 8_192]).unwrap();
    assert!(matches!(open(&format!("sqlite:{}", path.display())).await, Err(MetadataError::Damaged(_))));
}

#[tokio::test]
async fn sqlite_is_as_durable_as_it_was_asked_to_be() {
    let f = Fixture::sqlite().await;
    let mut tx = f.store.database().begin(&[0; 16]).await.unwrap();
    for (pragma, expected) in [("synchronous", 2), ("foreign_keys", 1), ("mmap_size", 0), ("cache_size", -8_000)] {
        let statement = Statement::new(format!("PRAGMA {pragma}"));
        assert_eq!(tx.row(statement).await.unwrap().unwrap().int(0).unwrap(), expected, "{pragma}");
    }
    let mode = tx.row(Statement::new("PRAGMA journal_mode")).await.unwrap().unwrap();
    assert_eq!(mode.text(0).unwrap(), "wal");
}

#[tokio::test]
async fn a_forgetful_postgres_is_refused() {
    let url = server::new_database().await;
    let name = url.rsplit_once('/').unwrap().1;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let text = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    connection.execute(AssertSqlSafe(text)).await.unwrap();
    let refused = open(&url).await.unwrap_err();
    assert!(
        matches!(&refused, MetadataError::UnsafeSettings(text) if text.contains("synchronous_commit")),
        "{refused}"
    );
    let tables = connection.fetch_one("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").await.unwrap();
    assert_eq!(tables.get::<i64, _>(0), 0, "refused before anything was made");
}

/// The same file opened through a file system that refuses the write-ahead log cannot be had here; what is tested is the
/// reading back.
#[tokio::test]
async fn a_forgetful_sqlite_is_refused() {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
    let folder = tempfile::tempdir().unwrap();
    for (journal, synchronous, name) in [
        (SqliteJournalMode::Delete, SqliteSynchronous::Full, "journal_mode"),
        (SqliteJournalMode::Wal, SqliteSynchronous::Normal, "synchronous"),
    ] {
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join(name))
            .create_if_missing(true)
            .journal_mode(journal)
            .synchronous(synchronous);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let refused = crate::metadata::engine::sqlite::refuse_unsafe_settings(&pool).await.unwrap_err();
        assert!(matches!(&refused, MetadataError::UnsafeSettings(text) if text.contains(name)), "{refused}");
    }
}
