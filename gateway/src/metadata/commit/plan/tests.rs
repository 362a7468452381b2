//! The planner on facts made by hand.

use codec::{BlobId, BlobLayout, StripeShape, WrappedKey};

use super::*;
use crate::domain::{
    BucketId, Checksum, ETag, Extent, ObjectAttributes, ObjectKey, Part, PartNumber, StoredBlob, Timestamp, UploadId,
    UserId, Version, VersionId, VersionLock, Versioning, WriteCondition,
};
use crate::metadata::blobs::owned_extent::{ExtentMove, ExtentOwner, OwnedExtent};
use crate::metadata::commit::change::{Change, DeleteChange, NewBlob, PartChange, PutChange};
use crate::metadata::commit::facts::{
    BegunOver, BlobFact, BucketFact, Facts, MeteredFact, MeteredRow, PartFact, UploadFact, VersionFact,
};
use crate::metadata::commit::outcome::{Outcome, Refusal, StoredVersion};
use crate::metadata::objects::complete::{CompleteChange, CompleteOutcome, PartRevision};

const BUCKET: BucketId = BucketId(1);
const OLD: u8 = 1;
const NEW: u8 = 2;

fn blob_id(name: u8) -> BlobId {
    BlobId([name; 16])
}

fn extent(blob: u8, offset: u64, length: u64) -> Extent {
    Extent { blob: blob_id(blob), offset, length }
}

fn tag(name: u8) -> ETag {
    ETag::of_content([name; 16])
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(name.as_bytes().to_vec()).unwrap()
}

fn version(name: u8, key_name: &str, extents: &[Extent]) -> Version {
    Version {
        id: VersionId([name; 16]),
        key: key(key_name),
        size: extents.iter().map(|extent| extent.length).sum(),
        etag: tag(name),
        modified_at: Timestamp(0),
        attributes: ObjectAttributes::default(),
        null: true,
        lock: VersionLock::NONE,
        checksum: None::<Checksum>,
        extents: extents.to_vec(),
    }
}

fn new_blob(name: u8, content_len: u64) -> NewBlob {
    let shape = StripeShape::streaming("copy-2".parse().unwrap());
    let layout = BlobLayout { shape, content_len, catalog_len: 0 };
    let blob = StoredBlob {
        id: blob_id(name),
        layout,
        wrapped_key: WrappedKey([0; 64]),
        rewrapped_key: None,
        placements: Vec::new(),
    };
    NewBlob { blob, degraded: false, quilt: false }
}

fn put(version: Version) -> PutChange {
    PutChange {
        bucket: BUCKET,
        version,
        parts: Vec::new(),
        condition: WriteCondition::None,
        source: None,
        events: Vec::new(),
    }
}

fn delete(name: &str) -> Change {
    Change::Delete(DeleteChange::current(BUCKET, key(name)))
}

fn bucket_fact(versioning: Versioning) -> BucketFact {
    BucketFact { owner: UserId(1), versioning, lock: None, has_quota: false }
}

/// `key` holds version 100 of 60 of the 100 bytes of blob `OLD`; `other` holds the remaining 40.
fn facts() -> Facts {
    let mut facts = Facts { now: Some(1_000), ..Facts::default() };
    facts.buckets.insert(BUCKET, bucket_fact(Versioning::Never));
    for (name, key_name, offset, length) in [(100, "key", 0, 60), (101, "other", 60, 40)] {
        let fact = VersionFact {
            seq: i64::from(name),
            id: VersionId([name; 16]),
            current: true,
            null: true,
            marker: false,
            size: length,
            etag: tag(name),
            lock: VersionLock::NONE,
            encoded_bytes: 2 * length,
            extent_count: 2,
            part_count: 0,
        };
        facts.currents.insert((BUCKET, key(key_name)), fact);
        facts.extents.insert(ExtentOwner([name; 16]), vec![extent(OLD, offset, length)]);
    }
    facts.blobs.insert(blob_id(OLD), BlobFact { live_bytes: 100, content_len: 100, encoded_len: 200 });
    facts
}

/// Plans changes that come with blobs of 50 bytes.
fn plan<'a>(facts: &'a Facts, blobs: &'a [NewBlob], changes: &'a [Change]) -> (Vec<Outcome>, Plan<'a>) {
    let mut planner = Planner::new(facts);
    planner.blobs(blobs);
    let outcomes = changes.iter().enumerate().map(|(index, change)| {
        let id = ExtentOwner([200 + u8::try_from(index).unwrap(); 16]);
        planner.change(change, id).unwrap()
    });
    let outcomes = outcomes.collect();
    (outcomes, planner.finish().unwrap())
}

#[test]
fn a_condition_is_decided_by_what_the_key_holds() {
    use Refusal::{NoSuchKey, PreconditionFailed};
    use WriteCondition::{Absent, Differs, Matches, Never, None, Present};
    let facts = facts();
    for (condition, when_there, when_not) in [
        (None, Ok(()), Ok(())),
        (Absent, Err(PreconditionFailed), Ok(())),
        (Present, Ok(()), Err(NoSuchKey)),
        (Matches(tag(100)), Ok(()), Err(NoSuchKey)),
        (Matches(tag(99)), Err(PreconditionFailed), Err(NoSuchKey)),
        (Differs(tag(100)), Err(PreconditionFailed), Ok(())),
        (Differs(tag(99)), Ok(()), Ok(())),
        (Never, Err(PreconditionFailed), Err(NoSuchKey)),
    ] {
        for (name, expected) in [("key", when_there), ("nothing", when_not)] {
            let expected_put = expected.map_or_else(Outcome::Refused, |()| Outcome::STORED);
            let change = PutChange { condition: condition.clone(), ..put(version(3, name, &[])) };
            assert_eq!(plan(&facts, &[], &[Change::Put(change)]).0, [expected_put], "put {name} if {condition:?}");
            let existed = name == "key";
            let expected_delete = expected.map_or_else(Outcome::Refused, |()| Outcome::deleted(existed));
            let change = DeleteChange { condition: condition.clone(), ..DeleteChange::current(BUCKET, key(name)) };
            assert_eq!(
                plan(&facts, &[], &[Change::Delete(change)]).0,
                [expected_delete],
                "delete {name} if {condition:?}"
            );
        }
    }
}

#[test]
fn a_replaced_version_releases_what_only_it_held() {
    let facts = facts();
    let blobs = [new_blob(NEW, 50)];
    let changes = [Change::Put(put(version(3, "key", &[extent(NEW, 0, 50)])))];
    let (outcomes, plan) = plan(&facts, &blobs, &changes);
    assert_eq!(outcomes, [Outcome::STORED]);
    assert_eq!(plan.removed_versions, [VersionRow { bucket: BUCKET, key: key("key"), seq: 100 }]);
    assert_eq!(plan.removed_owners, [ExtentOwner([100; 16])]);
    assert_eq!(plan.live_bytes, [(blob_id(OLD), 40)]);
    assert_eq!(plan.blobs.iter().map(|(new, live)| (new.blob.id, *live)).collect::<Vec<_>>(), [(blob_id(NEW), 50)]);
    assert_eq!(plan.died, []);
    let flow = plan.flows[&BUCKET];
    assert_eq!((flow.content_added, flow.content_removed, flow.encoded_removed), (50, 60, 120));
    assert_eq!(flow.encoded_added, blobs[0].blob.layout.encoded_len(), "the whole blob is metered to its only extent");
}

#[test]
fn a_blob_dies_with_its_last_extent_and_not_before() {
    let facts = facts();
    assert_eq!(plan(&facts, &[], &[delete("key")]).1.died, []);
    let changes = [delete("key"), delete("other")];
    let (outcomes, plan) = plan(&facts, &[], &changes);
    assert_eq!(outcomes, [Outcome::deleted(true); 2]);
    assert_eq!((plan.live_bytes, plan.died), (vec![(blob_id(OLD), 0)], vec![blob_id(OLD)]));
}

#[test]
fn later_changes_of_a_key_see_the_earlier_ones() {
    let facts = facts();
    let blobs = [new_blob(NEW, 50)];
    let absent = |name, offset| PutChange {
        condition: WriteCondition::Absent,
        ..put(version(name, "fresh", &[extent(NEW, offset, 10)]))
    };
    let changes = [
        Change::Put(absent(3, 0)),
        Change::Put(absent(4, 10)),
        delete("fresh"),
        delete("fresh"),
        Change::Put(absent(5, 20)),
        Change::Put(PutChange {
            condition: WriteCondition::Matches(tag(5)),
            ..put(version(6, "fresh", &[extent(NEW, 30, 20)]))
        }),
    ];
    let (outcomes, plan) = plan(&facts, &blobs, &changes);
    assert_eq!(
        outcomes,
        [
            Outcome::STORED,
            Outcome::Refused(Refusal::PreconditionFailed),
            Outcome::deleted(true),
            Outcome::deleted(false),
            Outcome::STORED,
            Outcome::STORED,
        ]
    );
    assert_eq!(
        plan.versions.iter().map(|planned| planned.version.id.0[0]).collect::<Vec<_>>(),
        [6],
        "one row at the end"
    );
    assert_eq!(plan.blobs[0].1, 20, "only what stays lives");
    assert!(plan.removed_versions.is_empty() && plan.died.is_empty());
    let flow = plan.flows[&BUCKET];
    assert_eq!((flow.content_added, flow.content_removed), (40, 20));
}

#[test]
fn a_blob_that_no_accepted_change_uses_does_not_come() {
    let facts = facts();
    let blobs = [new_blob(NEW, 50)];
    let refused = PutChange { condition: WriteCondition::Absent, ..put(version(3, "key", &[extent(NEW, 0, 50)])) };
    let changes = [Change::Put(refused)];
    let (outcomes, plan) = plan(&facts, &blobs, &changes);
    assert_eq!(outcomes, [Outcome::Refused(Refusal::PreconditionFailed)]);
    assert!(plan.blobs.is_empty() && plan.died.is_empty(), "nothing will ever lie in it");
}

#[test]
fn a_copy_needs_its_source_and_living_blobs() {
    let mut facts = facts();
    let source = VersionId([100; 16]);
    let copy = || Change::Put(PutChange { source: Some(source), ..put(version(3, "copy", &[extent(OLD, 0, 60)])) });
    let gone = Outcome::Refused(Refusal::SourceGone);
    assert_eq!(plan(&facts, &[], &[copy()]).0, [gone], "the version has no extents any more");

    facts.sources.insert(source);
    let changes = [copy()];
    let (outcomes, made) = plan(&facts, &[], &changes);
    assert_eq!((outcomes, made.live_bytes), (vec![Outcome::STORED], vec![(blob_id(OLD), 160)]));
    assert_eq!(made.flows[&BUCKET].encoded_added, 120, "a copy pays for its share");
    assert_eq!(plan(&facts, &[], &[delete("key"), copy()]).0[1], gone, "deleted just before");

    facts.blobs.get_mut(&blob_id(OLD)).unwrap().live_bytes = 0;
    assert_eq!(plan(&facts, &[], &[copy()]).0, [gone], "a dead blob never comes back");
    facts.blobs.clear();
    assert_eq!(plan(&facts, &[], &[copy()]).0, [gone], "compaction has moved the bytes and the old blob is gone");
}

#[test]
fn contradictions_are_refused_before_anything_is_written() {
    let facts = facts();
    let blobs = [new_blob(NEW, 50)];
    let attempt = |version: Version| {
        let changes = [Change::Put(put(version))];
        let mut planner = Planner::new(&facts);
        planner.blobs(&blobs);
        planner.change(&changes[0], ExtentOwner([0; 16])).map(drop)
    };
    assert!(attempt(version(3, "a", &[extent(NEW, 0, 51)])).is_err(), "beyond the blob");
    assert!(attempt(version(3, "a", &[extent(NEW, u64::MAX, 2)])).is_err(), "beyond all numbers");
    assert!(attempt(version(3, "a", &[extent(NEW, 0, 0)])).is_err(), "an empty extent");
    assert!(attempt(Version { size: 49, ..version(3, "a", &[extent(NEW, 0, 50)]) }).is_err(), "another size");
    assert!(attempt(version(3, "a", &[extent(NEW, 0, 50)])).is_ok());

    let mut facts = facts.clone();
    facts.blobs.get_mut(&blob_id(OLD)).unwrap().live_bytes = 59;
    let changes = [delete("key")];
    let mut planner = Planner::new(&facts);
    planner.change(&changes[0], ExtentOwner([0; 16])).unwrap();
    assert!(planner.finish().is_err(), "more is released than lives");
}

fn upload_facts() -> (Facts, UploadId) {
    let mut facts = facts();
    let upload = UploadId([9; 16]);
    facts.uploads.insert(upload, UploadFact { bucket: BUCKET, key: key("key"), begun_over: BegunOver::Unknown });
    for number in 1..=3_u8 {
        let part =
            PartFact { id: ExtentOwner([number + 50; 16]), size: 10, etag: tag(number), salt: None, encoded_bytes: 20 };
        facts.extents.insert(part.id, vec![extent(7, u64::from(number) * 10, 10)]);
        facts.parts.insert((upload, PartNumber::new(number.into()).unwrap()), part);
    }
    facts.blobs.insert(blob_id(7), BlobFact { live_bytes: 30, content_len: 100, encoded_len: 200 });
    (facts, upload)
}

fn completion(upload: UploadId, chosen: &[u8]) -> CompleteChange {
    let extents = chosen.iter().map(|number| extent(7, u64::from(*number) * 10, 10)).collect::<Vec<_>>();
    CompleteChange {
        bucket: BUCKET,
        upload,
        chosen: chosen
            .iter()
            .map(|number| PartRevision {
                number: PartNumber::new((*number).into()).unwrap(),
                etag: tag(*number),
                salt: None,
            })
            .collect(),
        version: version(3, "key", &extents),
        parts: Vec::new(),
        condition: WriteCondition::None,
        events: Vec::new(),
    }
}

#[test]
fn completing_keeps_the_chosen_parts_bytes_and_releases_the_others() {
    let (facts, upload) = upload_facts();
    let change = completion(upload, &[1, 3]);
    let mut planner = Planner::new(&facts);
    assert_eq!(planner.complete(&change).unwrap(), CompleteOutcome::Completed(StoredVersion::default()));
    let plan = planner.finish().unwrap();
    assert_eq!((plan.removed_parts.len(), plan.removed_uploads), (3, vec![upload]));
    assert_eq!(plan.live_bytes, [(blob_id(OLD), 40), (blob_id(7), 20)]);
    assert_eq!(plan.versions[0].extents, [extent(7, 10, 10), extent(7, 30, 10)]);
    assert_eq!(plan.versions[0].encoded_bytes, 40, "what was metered for the parts");

    let mut changed = completion(upload, &[1, 2]);
    changed.chosen[1].etag = tag(77);
    assert_eq!(Planner::new(&facts).complete(&changed).unwrap(), CompleteOutcome::PartsChanged, "another part 2");
    let refused = CompleteChange { condition: WriteCondition::Absent, ..completion(upload, &[1]) };
    let outcome = Planner::new(&facts).complete(&refused).unwrap();
    assert_eq!(outcome, CompleteOutcome::Refused(Refusal::PreconditionFailed));
}

#[test]
fn a_conditional_completion_needs_what_the_upload_began_over() {
    let outcome_over = |begun_over, condition| {
        let (mut facts, upload) = upload_facts();
        facts.uploads.get_mut(&upload).unwrap().begun_over = begun_over;
        let change = CompleteChange { condition, ..completion(upload, &[1]) };
        Planner::new(&facts).complete(&change).unwrap()
    };
    let (facts, _) = upload_facts();
    let current = facts.currents[&(BUCKET, key("key"))].id;
    let (done, conflict) =
        (CompleteOutcome::Completed(StoredVersion::default()), CompleteOutcome::Refused(Refusal::KeyChanged));
    assert_eq!(outcome_over(BegunOver::Current(Some(current)), WriteCondition::Present), done);
    assert_eq!(outcome_over(BegunOver::Unknown, WriteCondition::Present), done, "of an earlier release");
    assert_eq!(outcome_over(BegunOver::Current(None), WriteCondition::Present), conflict);
    assert_eq!(outcome_over(BegunOver::Current(Some(VersionId([77; 16]))), WriteCondition::Present), conflict);
    assert_eq!(outcome_over(BegunOver::Current(None), WriteCondition::None), done, "nothing was asked for");
    let first = CompleteOutcome::Refused(Refusal::PreconditionFailed);
    assert_eq!(outcome_over(BegunOver::Current(None), WriteCondition::Absent), first, "what does not hold comes first");
}

#[test]
fn completing_follows_bytes_that_compaction_has_moved() {
    let (mut facts, upload) = upload_facts();
    let change = completion(upload, &[1]);
    facts.extents.insert(ExtentOwner([51; 16]), vec![extent(8, 0, 10)]);
    facts.blobs.insert(blob_id(8), BlobFact { live_bytes: 10, content_len: 10, encoded_len: 20 });
    facts.blobs.get_mut(&blob_id(7)).unwrap().live_bytes = 20;
    let mut planner = Planner::new(&facts);
    assert_eq!(planner.complete(&change).unwrap(), CompleteOutcome::Completed(StoredVersion::default()));
    assert_eq!(planner.finish().unwrap().versions[0].extents, [extent(8, 0, 10)]);
}

#[test]
fn a_part_sent_again_releases_the_one_before() {
    let (facts, upload) = upload_facts();
    let blobs = [new_blob(NEW, 50)];
    let part = |number: u8, offset| {
        let part = Part {
            number: PartNumber::new(number.into()).unwrap(),
            size: 10,
            etag: tag(number),
            checksum: None,
            modified_at: Timestamp(0),
            extents: vec![extent(NEW, offset, 10)],
            salt: None,
        };
        Change::Part(PartChange { upload, part, source: None })
    };
    let changes = [part(2, 0), part(2, 10), part(4, 20)];
    let (outcomes, made) = plan(&facts, &blobs, &changes);
    assert_eq!(outcomes, [Outcome::STORED; 3]);
    assert_eq!(made.removed_parts, [(upload, PartNumber::new(2).unwrap())]);
    assert_eq!(made.parts.iter().map(|planned| planned.id.0[0]).collect::<Vec<_>>(), [201, 202]);
    assert_eq!((made.blobs[0].1, made.live_bytes), (20, vec![(blob_id(7), 20)]));

    let elsewhere = PartChange {
        upload: UploadId([8; 16]),
        ..match part(1, 30) {
            Change::Part(change) => change,
            _ => unreachable!(),
        }
    };
    let changes = [Change::Part(elsewhere)];
    assert_eq!(plan(&facts, &blobs, &changes).0, [Outcome::Refused(Refusal::NoSuchUpload)]);
}

#[test]
fn a_move_happens_once_and_only_if_nothing_has_changed() {
    let mut facts = facts();
    facts.single_extents.insert((ExtentOwner([101; 16]), 0), extent(OLD, 60, 40));
    let row = MeteredRow::Version(key("a"), 1);
    facts.metered.insert(ExtentOwner([101; 16]), MeteredFact { bucket: BUCKET, row, encoded_bytes: 1_000 });
    let blobs = [new_blob(NEW, 50)];
    let from = |length| OwnedExtent { owner: ExtentOwner([101; 16]), ordinal: 0, extent: extent(OLD, 60, length) };
    let good = ExtentMove { from: from(40), to: extent(NEW, 0, 40) };
    let stale = ExtentMove { from: from(39), to: extent(NEW, 0, 39) };
    let mut planner = Planner::new(&facts);
    planner.blobs(&blobs);
    assert_eq!(planner.moves(&[stale, good, good]).unwrap(), [false, true, false]);
    let plan = planner.finish().unwrap();
    assert_eq!((plan.moves.len(), plan.blobs[0].1, plan.live_bytes), (1, 40, vec![(blob_id(OLD), 60)]));
    let flow = plan.flows[&BUCKET];
    let metered = plan.remetered[&ExtentOwner([101; 16])].1;
    assert_eq!(metered, 1_000 + flow.encoded_added - flow.encoded_removed);
    assert_eq!((flow.content_added, flow.content_removed, metered == 1_000), (0, 0, false));

    facts.metered.clear();
    let mut planner = Planner::new(&facts);
    planner.blobs(&blobs);
    assert_eq!(planner.moves(&[good]).unwrap(), [false], "whose bytes they are is not known");
}
