//! Objects of very many extents, and uploads of very many parts: what is done about one of them costs no more than about a small one.

use crate::domain::{Extent, Part, PartNumber, Version, VersionLookup, VersionSelector, WriteCondition};
use crate::metadata::blobs::owned_extent::{ExtentMove, ExtentOwner, OwnedExtent};
use crate::metadata::commit::{
    AppendChange, Appended, Batch, Change, DeleteChange, Deleted, NewBlob, Outcome, PartChange, Refusal, RenameChange,
};
use crate::metadata::objects::uploads::AbortUpload;
use crate::metadata::tests::fixture::{Fixture, both, key, whole};
use crate::metadata::tests::objects::uploads::{begin, completion, send};

/// More than go in one transaction, and than two steps remove.
const MANY: u64 = 1_100;

const REMOVALS: &str = "SELECT COUNT(*) FROM removal";
const EXTENTS: &str = "SELECT COUNT(*) FROM extent";

fn piece(f: &Fixture, name: &str, offset: u64, size: u64) -> (NewBlob, AppendChange) {
    let blob = f.blob(size, false);
    let version = f.version(name, whole(&blob));
    let condition = WriteCondition::None;
    (blob, AppendChange { bucket: f.bucket, offset, version, condition, events: Vec::new() })
}

async fn append(f: &Fixture, name: &str, offset: u64, size: u64) -> Outcome {
    let (blob, change) = piece(f, name, offset, size);
    f.commit(Batch { blobs: vec![blob], changes: vec![Change::Append(change)] }).await.unwrap()[0]
}

/// An object whose bytes lie one by one in a blob.
async fn put_many(f: &Fixture, name: &str) -> Version {
    let blob = f.blob(MANY, false);
    let extents = (0..MANY).map(|offset| Extent { blob: blob.blob.id, offset, length: 1 });
    let version = f.version(name, extents.collect());
    let put = Change::Put(f.put_change(version.clone()));
    assert_eq!(f.commit(Batch { blobs: vec![blob], changes: vec![put] }).await.unwrap(), [Outcome::STORED]);
    version
}

/// Removes what is left, and checks the rows after each step.
async fn remove_all(f: &Fixture) -> usize {
    let mut steps = 0;
    while f.store.remove_some().await.unwrap() {
        f.agrees_with_itself().await;
        steps += 1;
    }
    steps
}

both! {
    /// Extents that are there are neither read nor written: damage to them is no hindrance.
    async fn an_append_does_not_look_at_what_is_there(f: &Fixture) {
        append(f, "log", 0, 5).await;
        let id = f.current("log").await.unwrap().id;
        append(f, "log", 5, 5).await;
        append(f, "log", 10, 5).await;
        f.meddle("UPDATE extent SET ordinal = ordinal + 100, length = length + 1 WHERE ordinal < 2").await;
        assert!(matches!(append(f, "log", 15, 5).await, Outcome::Appended(Appended { size: 20, .. })));
        f.meddle("UPDATE extent SET ordinal = ordinal - 100, length = length - 1 WHERE ordinal >= 100").await;
        let version = f.current("log").await.unwrap();
        assert_eq!((version.id, version.size, version.extents.len()), (id, 20, 4), "it is the same version, and longer");
        let head = f.store.current_head(f.bucket, &key("log")).await.unwrap().unwrap();
        assert_eq!((head.size, head.etag), (20, version.etag));
        assert_eq!(f.store.current_head(f.bucket, &key("nothing")).await.unwrap(), None);
    }

    async fn what_is_appended_and_replaced_in_one_batch_adds_up(f: &Fixture) {
        append(f, "log", 0, 5).await;
        let before = f.current("log").await.unwrap();
        // Two appends, and a refused one.
        let pieces = [piece(f, "log", 5, 1), piece(f, "log", 6, 2), piece(f, "log", 5, 9)];
        let (blobs, changes): (Vec<_>, Vec<_>) = pieces.into_iter().map(|(blob, change)| (blob, Change::Append(change))).unzip();
        let outcomes = f.commit(Batch { blobs, changes }).await.unwrap();
        assert!(matches!(outcomes[1], Outcome::Appended(Appended { size: 8, .. })));
        assert_eq!(outcomes[2], Outcome::Refused(Refusal::InvalidWriteOffset));
        assert_eq!(f.current("log").await.unwrap().extents.len(), 3);
        f.agrees_with_itself().await;
        // Appended and deleted.
        let (blob, change) = piece(f, "log", 8, 1);
        let delete = Change::Delete(DeleteChange::current(f.bucket, key("log")));
        f.commit(Batch { blobs: vec![blob], changes: vec![Change::Append(change), delete] }).await.unwrap();
        assert_eq!((f.current("log").await, f.one_int(EXTENTS).await), (None, 0));
        f.agrees_with_itself().await;
        // Written and appended to, and what was read before is not renamed.
        let (first, second) = (f.blob(3, false), piece(f, "log", 3, 4));
        let put = Change::Put(f.put_change(f.version("log", whole(&first))));
        let changes = vec![put, Change::Append(second.1)];
        f.commit(Batch { blobs: vec![first, second.0], changes }).await.unwrap();
        assert_eq!(f.current("log").await.unwrap().size, 7);
        let rename = |version: Version| Change::Rename(RenameChange {
            bucket: f.bucket,
            version,
            parts: Vec::new(),
            to: key("renamed"),
            condition: WriteCondition::None,
            events: [Vec::new(), Vec::new()],
        });
        let read = f.current("log").await.unwrap();
        append(f, "log", 7, 1).await;
        for stale in [before, read] {
            let outcomes = f.commit(Batch { blobs: Vec::new(), changes: vec![rename(stale)] }).await.unwrap();
            assert_eq!(outcomes, [Outcome::Refused(Refusal::SourceGone)]);
        }
        let read = f.current("log").await.unwrap();
        let outcomes = f.commit(Batch { blobs: Vec::new(), changes: vec![rename(read)] }).await.unwrap();
        assert_eq!((outcomes, f.current("renamed").await.unwrap().size), (vec![Outcome::Renamed], 8));
    }

    async fn an_append_to_nothing_to_an_empty_object_and_to_parts(f: &Fixture) {
        f.put_empty(&["empty"]).await;
        assert!(matches!(append(f, "empty", 0, 0).await, Outcome::Appended(Appended { size: 0, .. })));
        assert!(matches!(append(f, "empty", 0, 4).await, Outcome::Appended(Appended { size: 4, .. })));
        assert_eq!(f.current("empty").await.unwrap().extents.len(), 1);
        assert_eq!(f.one_int(EXTENTS).await, 0, "it is in the version's own row");
        append(f, "empty", 4, 0).await;
        append(f, "empty", 4, 4).await;
        assert_eq!((f.current("empty").await.unwrap().extents.len(), f.one_int(EXTENTS).await), (2, 2));

        let upload = begin(f, "film").await;
        let parts = [send(f, &upload, 1, 10).await.1, send(f, &upload, 2, 10).await.1];
        f.store.complete_upload(f.incarnation, completion(f, &upload, &parts)).await.unwrap();
        append(f, "film", 20, 5).await;
        let film = f.current("film").await.unwrap();
        assert_eq!((film.etag.parts, film.extents.len()), (Some(3), 3));
        assert_eq!(f.store.version_parts(&film.id).await.unwrap(), []);
    }

    /// Compaction looks at the extent that moves, and at no other of its owner.
    async fn an_extent_of_many_moves_alone(f: &Fixture) {
        for at in 0..4 {
            append(f, "log", at * 10, 10).await;
        }
        let version = f.current("log").await.unwrap();
        let owner = ExtentOwner(version.id.0);
        let owned = |ordinal: usize| OwnedExtent { owner, ordinal: u32::try_from(ordinal).unwrap(), extent: version.extents[ordinal] };
        f.meddle("UPDATE extent SET ordinal = 77 WHERE ordinal = 0").await;
        let new = f.blob(10, false);
        let to = whole(&new)[0];
        let moves = vec![ExtentMove { from: owned(2), to }];
        assert_eq!(f.store.move_extents(f.incarnation, vec![new], moves).await.unwrap(), [true]);
        f.meddle("UPDATE extent SET ordinal = 0 WHERE ordinal = 77").await;
        let again = vec![ExtentMove { from: owned(2), to: version.extents[1] }];
        assert_eq!(f.store.move_extents(f.incarnation, Vec::new(), again).await.unwrap(), [false], "it lies elsewhere now");
        assert_eq!(f.current("log").await.unwrap().extents[2], to);
        append(f, "log", 40, 10).await;
        assert_eq!(f.current("log").await.unwrap().extents[2], to);
    }

    async fn a_version_of_many_extents_is_gone_at_once_and_its_extents_follow(f: &Fixture) {
        let version = put_many(f, "key").await;
        let blob = version.extents[0].blob;
        assert_eq!(f.delete("key").await, Outcome::deleted(true));
        assert!(matches!(f.store.find(f.bucket, &key("key"), VersionSelector::Null).await.unwrap(), VersionLookup::Nothing));
        assert_eq!((f.one_int(REMOVALS).await, f.one_int(EXTENTS).await), (1, MANY.cast_signed()), "nothing was waited for");
        assert_eq!(f.dead().await, []);
        f.agrees_with_itself().await;
        assert_eq!(f.delete("key").await, Outcome::deleted(false));
        f.put("key", 3).await;
        assert_eq!(remove_all(f).await, 3);
        assert_eq!((f.one_int(REMOVALS).await, f.one_int(EXTENTS).await), (0, 0));
        assert_eq!(f.dead().await, [blob]);

        // A write in its place, and an append before that, are the same.
        put_many(f, "other").await;
        append(f, "other", MANY, 5).await;
        assert_eq!(f.put("other", 1).await.size, 1);
        assert_eq!(f.one_int(REMOVALS).await, 1);
        assert_eq!(remove_all(f).await, 3);
        assert_eq!(f.one_int(EXTENTS).await, 0);
    }

    async fn a_version_of_many_extents_is_renamed_whole(f: &Fixture) {
        let version = put_many(f, "from").await;
        put_many(f, "to").await;
        let rename = RenameChange {
            bucket: f.bucket,
            version: version.clone(),
            parts: Vec::new(),
            to: key("to"),
            condition: WriteCondition::None,
            events: [Vec::new(), Vec::new()],
        };
        let delete = Change::Delete(DeleteChange::current(f.bucket, key("from")));
        let outcomes = f.commit(Batch { blobs: Vec::new(), changes: vec![Change::Rename(rename), delete] }).await.unwrap();
        assert_eq!(outcomes, [Outcome::Renamed, Outcome::Deleted(Deleted::default())]);
        assert_eq!(f.current("to").await.unwrap().extents, version.extents);
        assert_eq!(remove_all(f).await, 3, "what was replaced");
        assert_eq!(f.one_int(EXTENTS).await, MANY.cast_signed());
    }

    /// The upload is gone with the first transaction. What fails on the way, here because of a damaged row, is put off; it holds
    /// nobody up, and goes on once it can.
    async fn an_upload_of_many_parts_goes_step_by_step_and_survives_a_stop(f: &Fixture) {
        let upload = begin(f, "film").await;
        let source = put_many(f, "source").await;
        let parts = (1..=u16::try_from(MANY).unwrap()).map(|number| {
            let extents = vec![source.extents[usize::from(number) - 1]];
            let part = Part {
                number: PartNumber::new(number.into()).unwrap(),
                size: 1,
                etag: source.etag,
                checksum: None,
                modified_at: source.modified_at,
                extents,
                salt: None,
            };
            Change::Part(PartChange { upload: upload.id, part, source: Some(source.id) })
        });
        let parts: Vec<_> = parts.collect();
        for some in parts.chunks(500) {
            f.commit(Batch { blobs: Vec::new(), changes: some.to_vec() }).await.unwrap();
        }
        f.agrees_with_itself().await;
        f.meddle("UPDATE extent SET length = 5000 WHERE owner = (SELECT part_id FROM part WHERE number = 700)").await;
        assert_eq!(f.store.abort_upload(f.bucket, &upload.key, &upload.id).await.unwrap(), AbortUpload::Aborted);
        assert_eq!(f.store.upload(f.bucket, &upload.key, &upload.id).await.unwrap(), None);
        assert_eq!(f.store.abort_upload(f.bucket, &upload.key, &upload.id).await.unwrap(), AbortUpload::NoSuchUpload);
        assert_eq!(f.one_int("SELECT COUNT(*) FROM part").await, 601, "the first step was done");
        f.delete("source").await;
        assert_eq!(remove_all_but_damaged(f).await, 3, "the damaged one is put off, and the other goes on");
        f.meddle("UPDATE extent SET length = 1 WHERE length = 5000").await;
        assert!(!f.store.remove_some().await.unwrap(), "not before its time");
        f.meddle("UPDATE removal SET not_before = 1").await;
        assert_eq!(remove_all(f).await, 2);
        assert_eq!(f.one_int("SELECT (SELECT COUNT(*) FROM part) + (SELECT COUNT(*) FROM extent)").await, 0);
        assert_eq!(f.dead().await, [source.extents[0].blob]);
    }

    async fn an_upload_that_is_aborted_leaves_nothing(f: &Fixture) {
        let upload = begin(f, "film").await;
        let (_, part) = send(f, &upload, 1, 10).await;
        send(f, &upload, 2, 0).await;
        f.store.abort_upload(f.bucket, &upload.key, &upload.id).await.unwrap();
        assert_eq!(f.one_int("SELECT (SELECT COUNT(*) FROM part) + (SELECT COUNT(*) FROM removal)").await, 0);
        assert_eq!(f.dead().await, [part.extents[0].blob]);
        assert!(matches!(f.store.parts(&upload.id, 0, 10).await, Ok(parts) if parts.is_empty()));
    }
}

async fn remove_all_but_damaged(f: &Fixture) -> usize {
    let mut steps = 0;
    while f.store.remove_some().await.unwrap() {
        steps += 1;
    }
    assert!(f.store.audit_counters().await.is_ok_and(|complaints| !complaints.is_empty()));
    steps
}
