//! What the journal records is enough to rebuild the database: after every scenario, whatever it did, on a database of either kind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::clock::{Ambient, Entropy, SystemEntropy, random};
use crate::journal::line::JournalLine;
use crate::journal::record::JournalEnd;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::schema;
use crate::metadata::engine::statement::Statement;
use crate::metadata::journal::relations::UNJOURNALED;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::{ExtentOwner, MetadataStore, NewRecord, RecordKind, RestoredEnd, Unjournaled};

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
    let lines = store.unjournaled_changes(usize::MAX, usize::MAX).await.unwrap().lines;
    let mut restore = target.begin_restore().await.unwrap();
    for line in &lines {
        restore.apply(line).await.unwrap();
    }
    let end = RestoredEnd { segment: 0, sequence: 0 };
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
        let before = f.store.unjournaled_changes(usize::MAX, usize::MAX).await.unwrap().lines.len();
        let mut session = f.store.database().begin(&[9; 16]).await.unwrap();
        session.execute(Statement::new("UPDATE bucket SET location = 'elsewhere'")).await.unwrap();
        drop(session);
        assert_eq!(f.store.unjournaled_changes(usize::MAX, usize::MAX).await.unwrap().lines.len(), before);
        let some = f.store.unjournaled_changes(9, 1).await.unwrap();
        assert_eq!(some.lines.len(), 1, "one at least, however large");
    }

    /// The journal may end with any segment: what is rebuilt from it must agree with itself, also where a transaction takes several.
    async fn segments_end_where_transactions_do(f: &Fixture) {
        let (mut lines, mut parts) = (Vec::new(), 0);
        for most in [1, 9, 40] {
            f.put(&format!("a {most}"), 30).await;
            f.put(&format!("b {most}"), 40).await;
            f.delete(&format!("a {most}")).await;
            while let Some((taken, goes_on)) = take_segment(f, most).await {
                assert!(taken.len() <= most, "{most}");
                lines.extend(taken);
                parts += usize::from(goes_on);
                if !goes_on {
                    agree_when_rebuilt(&lines).await;
                }
            }
        }
        assert!(parts > 3, "some transactions took several segments");
        // The outbox is empty, so that nothing can be rebuilt from it at the end.
        f.reopened(f.store.clone());
    }

    /// The part of a large transaction that is waiting comes next, whatever is committed meanwhile.
    async fn a_large_transaction_is_not_interrupted(f: &Fixture) {
        while take_segment(f, 1_000).await.is_some() {}
        let locate = |place: &str| format!("UPDATE bucket SET location = '{place}'");
        transact(f, (0..5).map(|number| locate(&format!("large {number}"))).collect()).await;
        let large = |lines: &[JournalLine]| lines.iter().all(|line| line.written.get().contains("large"));
        let (first, goes_on) = take_segment(f, 2).await.unwrap();
        assert!(goes_on && large(&first));
        transact(f, vec![locate("small")]).await;
        for expected in [(2, true), (1, false)] {
            let (taken, goes_on) = take_segment(f, 2).await.unwrap();
            assert!(large(&taken), "{taken:?}");
            assert_eq!((taken.len(), goes_on), expected);
        }
        let (last, goes_on) = take_segment(f, 2).await.unwrap();
        assert_eq!((last.len(), goes_on, large(&last)), (1, false, false));
        assert!(take_segment(f, 2).await.is_none());
        f.reopened(f.store.clone());
    }
}

/// A transaction that is still open when another one ends is not torn: neither is in a segment before it is whole.
#[tokio::test]
async fn transactions_that_overlap_are_kept_whole() {
    let f = Fixture::postgres().await;
    while take_segment(&f, 1_000).await.is_some() {}
    let mut long = f.store.database().begin(&[1; 16]).await.unwrap();
    let note = |name: &str| {
        Statement::new(format!("INSERT INTO bucket_name_hold (name, account_id, held_until) VALUES ('{name}', 1, 1)"))
    };
    long.execute(note("long one")).await.unwrap();
    let mut short = f.store.database().begin(&[2; 16]).await.unwrap();
    short.execute(note("short one")).await.unwrap();
    short.command("COMMIT").await.unwrap();
    long.execute(note("long two")).await.unwrap();
    long.command("COMMIT").await.unwrap();
    for expected in [vec!["short one"], vec!["long one", "long two"]] {
        let (taken, goes_on) = take_segment(&f, 2).await.unwrap();
        assert!(!goes_on && taken.len() == expected.len(), "{taken:?}");
        assert!(taken.iter().zip(expected).all(|(line, name)| line.written.get().contains(name)), "{taken:?}");
    }
}

/// Takes the next segment out of the outbox, as if it had been written: its lines, and whether their transaction goes on.
async fn take_segment(f: &Fixture, most: usize) -> Option<(Vec<JournalLine>, bool)> {
    let Unjournaled { lines, unfinished } = f.store.unjournaled_changes(most, usize::MAX).await.unwrap();
    if lines.is_empty() {
        return None;
    }
    let end = f.store.journal_end().await.unwrap();
    let next = JournalEnd { number: end.number + 1, hash: end.hash };
    let id = ExtentOwner(random(&SystemEntropy as &dyn Entropy));
    let changes = lines.iter().map(|line| line.id).collect();
    let (kind, end) = (RecordKind::Segment, Some((end, next)));
    let record = NewRecord { kind, id, blobs: Vec::new(), end, changes, unfinished, after: 0 };
    assert!(f.store.add_record(f.incarnation, record).await.unwrap());
    Some((lines, unfinished.is_some()))
}

/// Runs these statements in one transaction.
async fn transact(f: &Fixture, statements: Vec<String>) {
    let mut tx = f.store.database().begin(&random(&SystemEntropy as &dyn Entropy)).await.unwrap();
    for statement in statements {
        tx.execute(Statement::new(statement)).await.unwrap();
    }
    tx.command("COMMIT").await.unwrap();
    drop(tx);
    f.store.database().finished();
}

/// What is rebuilt from these changes contradicts itself nowhere.
async fn agree_when_rebuilt(lines: &[JournalLine]) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("rebuilt.db").display());
    let target = MetadataStore::open(&url, Ambient::system()).await.unwrap();
    let mut restore = target.begin_restore().await.unwrap();
    for line in lines {
        restore.apply(line).await.unwrap();
    }
    restore.finish(RestoredEnd { segment: 0, sequence: 0 }).await.unwrap();
    assert_eq!(target.audit_counters().await.unwrap(), Vec::<String>::new());
    target.close().await;
}
