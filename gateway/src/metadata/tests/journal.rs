//! What the journal records is enough to rebuild the database: after every scenario, whatever it did, on a database of either kind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::clock::Ambient;
use crate::journal::record::JournalEnd;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::schema;
use crate::metadata::engine::statement::Statement;
use crate::metadata::journal::relations::UNJOURNALED;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::{MetadataStore, RestoredEnd};

/// All rows of the tables that the journal is about.
type Rows = BTreeMap<String, BTreeSet<String>>;

/// The rows, as text that is the same for both databases.
async fn rows(store: &MetadataStore) -> Option<Rows> {
    let (_, mut dump) = store.dump().await.unwrap()?;
    let mut all = Rows::new();
    while let Some(page) = dump.next().await.unwrap() {
        let rows: Vec<BTreeMap<String, Value>> = serde_json::from_str(&page.rows).unwrap();
        let text = |row: BTreeMap<String, Value>| {
            let fields = row.into_iter().map(|(name, value)| match value {
                Value::Bool(flag) => (name, Value::from(i64::from(flag))),
                value => (name, value),
            });
            serde_json::to_string(&fields.collect::<BTreeMap<_, _>>()).unwrap()
        };
        all.entry(page.relation).or_default().extend(rows.into_iter().map(text));
    }
    Some(all)
}

/// Rebuilds a database from what was recorded about another since it was made.
pub(super) async fn rebuilt(store: &MetadataStore, target: &MetadataStore) {
    let lines = store.unjournaled_changes(usize::MAX, usize::MAX).await.unwrap();
    let mut restore = target.begin_restore().await.unwrap();
    for line in &lines {
        restore.apply(line).await.unwrap();
    }
    let end = RestoredEnd { end: JournalEnd::BEGINNING, sequence: 0 };
    assert_eq!(restore.finish(end).await.unwrap(), BTreeMap::new());
}

/// A new SQLite database that is rebuilt from the journal alone has the same rows.
pub(super) async fn can_be_rebuilt(store: &MetadataStore) {
    // None where more waits than a snapshot names.
    let Some(expected) = rows(store).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("rebuilt.db").display());
    let target = MetadataStore::open(&url, Ambient::system()).await.unwrap();
    rebuilt(store, &target).await;
    let found = rows(&target).await.unwrap();
    for (relation, expected) in &expected {
        let found = found.get(relation).cloned().unwrap_or_default();
        let missing: Vec<_> = expected.difference(&found).take(3).collect();
        let more: Vec<_> = found.difference(expected).take(3).collect();
        assert!(missing.is_empty() && more.is_empty(), "{relation}: missing {missing:#?}, more {more:#?}");
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    target.close().await;
}

both! {
    /// Were a table forgotten, its rows would be lost with the database.
    async fn every_table_is_in_the_journal_or_named(f: &Fixture) {
        let mut session = f.store.database().plain_writer().await;
        let all = schema::relations(&mut session, &[]).await.unwrap();
        for name in UNJOURNALED {
            let is_of_postgres = ["counter"].contains(name) && session.dialect() == Dialect::Postgres;
            assert!(is_of_postgres || all.iter().any(|relation| relation.name == *name), "there is no table {name}");
        }
        let text = match session.dialect() {
            Dialect::Sqlite => "SELECT tbl_name, COUNT(*) FROM temp.sqlite_master WHERE type = 'trigger' GROUP BY tbl_name",
            Dialect::Postgres => {
                "SELECT CAST(tgrelid::regclass AS TEXT), COUNT(*) FROM pg_trigger WHERE tgname LIKE 'journal\\_%' GROUP BY tgrelid"
            }
        };
        let rows = session.rows(Statement::new(text)).await.unwrap();
        let recorded: BTreeMap<_, _> = rows.iter().map(|row| (row.text(0).unwrap().to_owned(), row.int(1).unwrap())).collect();
        for relation in all {
            let expected = if UNJOURNALED.contains(&&*relation.name) { None } else { Some(3) };
            assert_eq!(recorded.get(&relation.name).copied(), expected, "{}: `journal_table` or UNJOURNALED", relation.name);
            assert!(!relation.key.is_empty(), "{} has no primary key", relation.name);
        }
    }

    async fn a_database_can_be_rebuilt_on_postgres(f: &Fixture) {
        f.put("a", 30).await;
        f.put("b", 40).await;
        f.delete("a").await;
        can_be_rebuilt(&f.store).await;
        let target = MetadataStore::on_new_postgres().await;
        rebuilt(&f.store, &target).await;
        assert_eq!(rows(&target).await, rows(&f.store).await);
        assert_eq!(target.audit_counters().await.unwrap(), Vec::<String>::new());
        // What is made afterwards gets numbers that were never given.
        let bucket = target.create_bucket(crate::metadata::NewBucket::new(f.owner, "second-bucket".parse().unwrap(), "")).await.unwrap();
        let crate::metadata::CreateBucket::Created(bucket) = bucket else { panic!("a bucket") };
        assert!(bucket.id.0 > f.bucket.0 + 1_000, "{bucket:?}");
        assert!(target.begin_restore().await.is_err(), "it is in use");
        target.close().await;
    }

    /// As the records of the journal that came before a snapshot, which may have several blobs.
    async fn what_nobody_owns_any_more_is_removed_once_it_is_rebuilt(f: &Fixture) {
        f.put("a", 30).await;
        let owner = [7; 16];
        let mut session = f.store.database().begin(&[8; 16]).await.unwrap();
        for ordinal in 0..3_i64 {
            let text = "INSERT INTO extent (owner, ordinal, blob_id, blob_offset, length) SELECT $1, $2, id, 0, 1 FROM blob LIMIT 1";
            session.execute(Statement::new(text).bind(owner).bind(ordinal)).await.unwrap();
        }
        session.command("COMMIT").await.unwrap();
        drop(session);
        f.store.database().finished();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("rebuilt.db").display());
        let sqlite = MetadataStore::open(&url, Ambient::system()).await.unwrap();
        for target in [sqlite, MetadataStore::on_new_postgres().await] {
            rebuilt(&f.store, &target).await;
            let rows = target.database().rows(Statement::new("SELECT id FROM removal")).await.unwrap();
            assert_eq!(rows.iter().map(|row| row.array(0).unwrap()).collect::<Vec<_>>(), [owner]);
            target.close().await;
        }
        let mut session = f.store.database().begin(&[9; 16]).await.unwrap();
        session.execute(Statement::new("DELETE FROM extent WHERE owner = $1").bind(owner)).await.unwrap();
        session.command("COMMIT").await.unwrap();
        drop(session);
        f.store.database().finished();
    }

    async fn what_was_not_committed_is_not_recorded(f: &Fixture) {
        let before = f.store.unjournaled_changes(usize::MAX, usize::MAX).await.unwrap().len();
        let mut session = f.store.database().begin(&[9; 16]).await.unwrap();
        session.execute(Statement::new("UPDATE bucket SET location = 'elsewhere'")).await.unwrap();
        drop(session);
        assert_eq!(f.store.unjournaled_changes(usize::MAX, usize::MAX).await.unwrap().len(), before);
        let some = f.store.unjournaled_changes(9, 1).await.unwrap();
        assert_eq!(some.len(), 1, "one at least, however large");
    }
}
