//! Snapshots of several gateways.

use crate::domain::CanonicalId;
use crate::metadata::{MetadataStore, RecordKind};
use crate::objects::tests::fixture::Fixture;

/// One gateway of several writes the journal. Any can write a snapshot, as a rotation of keys must, for which only the newest is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_renewed_whoever_writes_the_journal() {
    let folder = Fixture::new("rs-4-2", 6).await;
    let metadata = MetadataStore::on_new_postgres().await;
    let mut gateways = Vec::new();
    for name in ["one", "another"] {
        let incarnation = metadata.begin_incarnation(name, 600).await.expect("an incarnation");
        gateways.push(folder.on(&metadata, incarnation));
    }
    assert!(gateways[1].renew_snapshot().await.expect("written"), "the first");
    metadata.add_user("ann", &CanonicalId("a".repeat(64)), false).await.expect("added");
    assert!(gateways[0].write_journal().await.expect("written"), "this one writes it now");
    let count = async || metadata.newest_records(RecordKind::Snapshot, 9).await.expect("rows").len();
    assert_eq!(count().await, 1);
    assert!(gateways[1].renew_snapshot().await.expect("written"), "although the other one writes the journal");
    assert_eq!(count().await, 2);
}
