//! The order of a key's versions, on a server that gives each connection numbers in advance.

use sqlx::{Connection, Executor, PgConnection};

use crate::clock::Ambient;
use crate::metadata::MetadataStore;
use crate::metadata::commit::{Batch, Change, PutChange};
use crate::metadata::error::MetadataError;
use crate::metadata::tests::fixture::{Fixture, key};
use crate::metadata::tests::server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_later_version_has_the_higher_number() {
    let f = Fixture::postgres().await;
    let bucket = f.store.bucket(&"first-bucket".parse().unwrap()).await.unwrap().unwrap();
    f.store.set_versioning(&bucket, true).await.unwrap();
    let other = f.other_gateway().await;
    f.meddle("ALTER SEQUENCE version_seq CACHE 100").await;
    // Each draws a hundred numbers: those of the second are all above those of the first.
    for round in 0..6 {
        let store = if round % 2 == 0 { &other } else { &f.store };
        let version = crate::domain::Version { null: false, ..f.version("key", Vec::new()) };
        let put = PutChange { bucket: f.bucket, ..f.put_change(version.clone()) };
        let batch = Batch { blobs: Vec::new(), changes: vec![Change::Put(put)] };
        store.commit(f.incarnation, batch).await.unwrap();
        let current = other.current(f.bucket, &key("key")).await.unwrap().unwrap();
        assert_eq!(current.id, version.id, "the current version is the one that was written last");
        let newest =
            f.one_int("SELECT COUNT(*) FROM version WHERE is_current AND seq = (SELECT MAX(seq) FROM version)");
        assert_eq!(newest.await, 1, "and the first of every list");
    }
    assert_eq!(f.one_int("SELECT COUNT(*) FROM version").await, 6);
    f.agrees_with_itself().await;
}

/// Events, and what waits until reads are over, go by the numbers too, without a lock.
#[tokio::test]
async fn a_server_that_gives_numbers_in_advance_is_refused() {
    let url = server::new_migrated_database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.execute("ALTER SEQUENCE blob_serial_seq CACHE 20").await.unwrap();
    let refused = MetadataStore::open(&url, Ambient::system()).await.unwrap_err();
    assert!(
        matches!(&refused, MetadataError::UnsafeSettings(text) if text.contains("ALTER SEQUENCE blob_serial_seq CACHE 1")),
        "{refused}"
    );
}
