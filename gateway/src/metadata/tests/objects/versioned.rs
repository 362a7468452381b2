//! Versioned buckets: versions, delete markers, suspension, locks, amendments.

use std::sync::Arc;

use crate::domain::{
    Bucket, DefaultRetention, ObjectAttributes, ObjectLock, Retention, RetentionMode, RetentionPeriod, Timestamp,
    Version, VersionLock, VersionLookup, VersionName, VersionSelector, WriteCondition,
};
use crate::metadata::buckets::bucket::DeleteBucket;
use crate::metadata::buckets::versioning::SetState;
use crate::metadata::commit::{
    AmendChange, Amendment, AppendChange, Appended, AttributeEdit, Batch, Change, DeleteChange, Deleted, OnlyVersion,
    Outcome, PutChange, Refusal, RenameChange, StoredVersion,
};
use crate::metadata::objects::list_versions::{ListedContent, VersionEntry, VersionListQuery};
use crate::metadata::tests::fixture::{Fixture, both, key, whole};

const FAR: Timestamp = Timestamp(4_000_000_000_000_000);

async fn bucket(f: &Fixture) -> Arc<Bucket> {
    f.store.bucket(&"first-bucket".parse().unwrap()).await.unwrap().unwrap()
}

async fn versioning(f: &Fixture, enabled: bool) {
    assert_eq!(f.store.set_versioning(&*bucket(f).await, enabled).await.unwrap(), SetState::Done);
}

/// Writes a version; what it is called.
async fn put(f: &Fixture, name: &str, size: u64) -> VersionName {
    let blob = f.blob(size, false);
    let change = f.put_change(f.version(name, whole(&blob)));
    let outcomes = f.commit(Batch { blobs: vec![blob], changes: vec![Change::Put(change)] }).await.unwrap();
    let [Outcome::Stored(StoredVersion { name: Some(name), .. })] = outcomes[..] else { panic!("{outcomes:?}") };
    name
}

fn selector(name: VersionName) -> VersionSelector {
    match name {
        VersionName::Null => VersionSelector::Null,
        VersionName::Id(id) => VersionSelector::Id(id),
    }
}

fn removal(f: &Fixture, name: &str, which: VersionName) -> DeleteChange {
    DeleteChange { selector: selector(which), ..DeleteChange::current(f.bucket, key(name)) }
}

async fn change(f: &Fixture, change: Change) -> Outcome {
    f.commit(Batch { blobs: Vec::new(), changes: vec![change] }).await.unwrap()[0]
}

async fn remove(f: &Fixture, name: &str, which: VersionName) -> Deleted {
    let outcome = change(f, Change::Delete(removal(f, name, which))).await;
    let Outcome::Deleted(deleted) = outcome else { panic!("{outcome:?}") };
    assert_eq!(deleted.name, Some(which));
    deleted
}

/// Deletes the object; what its marker is called.
async fn mark(f: &Fixture, name: &str) -> VersionName {
    let outcome = f.delete(name).await;
    let Outcome::Deleted(Deleted { marker: true, name: Some(name), .. }) = outcome else { panic!("{outcome:?}") };
    name
}

async fn find(f: &Fixture, name: &str, which: VersionSelector) -> VersionLookup {
    f.store.find(f.bucket, &key(name), which).await.unwrap()
}

async fn found(f: &Fixture, name: &str, which: VersionName) -> Option<Arc<Version>> {
    find(f, name, selector(which)).await.version()
}

async fn amend(f: &Fixture, name: &str, which: VersionSelector, amendment: Amendment) -> Outcome {
    change(f, Change::Amend(AmendChange::new(f.bucket, key(name), which, amendment))).await
}

fn tag(name: &'static str) -> Amendment {
    let edit = move |attributes: &mut ObjectAttributes| attributes.tags.push((name.to_owned(), String::new()));
    Amendment::Attributes(AttributeEdit(Arc::new(edit)))
}

/// All versions as `key name size`, the latest with a star, markers without a size.
async fn listed(f: &Fixture, limit: usize) -> Vec<String> {
    let mut query = VersionListQuery { limit, ..VersionListQuery::default() };
    let mut lines = Vec::new();
    loop {
        let page = f.store.list_versions(f.bucket, &query).await.unwrap();
        assert!(page.entries.len() <= limit);
        for entry in page.entries {
            let VersionEntry::Version(version) = entry else { panic!("no delimiter") };
            query.key_marker = version.key().as_bytes().to_vec();
            query.version_marker = Some(selector(version.name));
            let star = if version.latest { "*" } else { "" };
            let size = match &version.content {
                ListedContent::Object(object) => object.size.to_string(),
                ListedContent::Marker { .. } => "-".to_owned(),
            };
            lines.push(format!("{} {} {size}{star}", version.key(), version.name));
        }
        if !page.truncated {
            return lines;
        }
    }
}

both! {
    async fn each_write_is_kept_and_each_delete_is_a_marker(f: &Fixture) {
        let old = f.put("key", 1).await;
        versioning(f, true).await;
        let (one, two) = (put(f, "key", 2).await, put(f, "key", 3).await);
        assert!(one != two && one != VersionName::Null);
        assert_eq!(f.current("key").await.unwrap().size, 3);
        assert_eq!(found(f, "key", VersionName::Null).await.unwrap().id, old.id);
        assert_eq!(found(f, "key", one).await.unwrap().size, 2);
        let marker = mark(f, "key").await;
        assert_eq!(f.current("key").await, None);
        assert!(matches!(find(f, "key", VersionSelector::Current).await, VersionLookup::Marker(found) if found.name == marker));
        assert!(matches!(find(f, "key", selector(marker)).await, VersionLookup::Marker(_)));
        let expected = [
            format!("key {marker} -*"), format!("key {two} 3"), format!("key {one} 2"), "key null 1".to_owned(),
        ];
        for limit in [1, 2, 3, 10] {
            assert_eq!(listed(f, limit).await, expected, "{limit} at a time");
        }
        assert_eq!(f.dead().await, [], "nothing was removed");

        assert_eq!(remove(f, "key", marker).await, Deleted { existed: true, marker: true, name: Some(marker) });
        assert_eq!(f.current("key").await.unwrap().size, 3, "the one before is current again");
        assert_eq!(remove(f, "key", one).await, Deleted { existed: true, marker: false, name: Some(one) });
        assert!(!remove(f, "key", one).await.existed);
        assert!(remove(f, "key", two).await.existed);
        assert_eq!(f.current("key").await.unwrap().id, old.id);
        assert_eq!(f.store.delete_bucket(f.bucket, 0).await.unwrap(), DeleteBucket::NotEmpty);
        assert!(remove(f, "key", VersionName::Null).await.existed);
        assert_eq!(f.current("key").await, None);
        assert_eq!(f.dead().await.len(), 3);
        mark(f, "key").await;
        assert_eq!(f.store.delete_bucket(f.bucket, 0).await.unwrap(), DeleteBucket::NotEmpty, "a marker keeps it");
    }

    async fn suspension_replaces_the_null_version_and_keeps_the_others(f: &Fixture) {
        versioning(f, true).await;
        let kept = put(f, "key", 1).await;
        versioning(f, false).await;
        assert_eq!(put(f, "key", 2).await, VersionName::Null);
        assert_eq!(put(f, "key", 3).await, VersionName::Null);
        assert_eq!(listed(f, 10).await, ["key null 3*".to_owned(), format!("key {kept} 1")]);
        assert_eq!(f.dead().await.len(), 1);
        assert_eq!(mark(f, "key").await, VersionName::Null);
        assert_eq!(mark(f, "key").await, VersionName::Null);
        assert_eq!(listed(f, 10).await, ["key null -*".to_owned(), format!("key {kept} 1")]);
        versioning(f, true).await;
        let newest = put(f, "key", 4).await;
        assert_eq!(listed(f, 10).await.len(), 3, "a null marker that is not current stays");
        versioning(f, false).await;
        assert_eq!(put(f, "key", 5).await, VersionName::Null);
        assert_eq!(listed(f, 10).await, [
            "key null 5*".to_owned(), format!("key {newest} 4"), format!("key {kept} 1"),
        ]);
        assert!(remove(f, "key", VersionName::Null).await.existed);
        assert_eq!(f.current("key").await.unwrap().size, 4);
    }

    async fn a_marker_counts_as_absent(f: &Fixture) {
        versioning(f, true).await;
        assert_eq!(f.delete_if("key", WriteCondition::Present).await, Outcome::Refused(Refusal::NoSuchKey));
        mark(f, "key").await;
        let (refused, _) = f.put_if("key", 1, WriteCondition::Present).await;
        assert_eq!(refused, Outcome::Refused(Refusal::NoSuchKey));
        let (stored, _) = f.put_if("key", 1, WriteCondition::Absent).await;
        assert!(matches!(stored, Outcome::Stored(StoredVersion { name: Some(_), .. })));
        let (refused, _) = f.put_if("key", 1, WriteCondition::Absent).await;
        assert_eq!(refused, Outcome::Refused(Refusal::PreconditionFailed));
    }

    async fn one_batch_may_take_a_key_apart(f: &Fixture) {
        versioning(f, true).await;
        let mut names = Vec::new();
        for size in 1..=9 {
            names.push(put(f, "key", size).await);
        }
        let removals = names[4..].iter().rev().map(|name| Change::Delete(removal(f, "key", *name)));
        let outcomes = f.commit(Batch { blobs: Vec::new(), changes: removals.collect() }).await.unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Deleted(Deleted { existed: true, .. }))));
        assert_eq!(f.current("key").await.unwrap().size, 4);
        let blob = f.blob(20, false);
        let mut changes = vec![Change::Put(f.put_change(f.version("key", whole(&blob))))];
        changes.push(Change::Delete(DeleteChange::current(f.bucket, key("key"))));
        changes.extend(names[..4].iter().map(|name| Change::Delete(removal(f, "key", *name))));
        f.commit(Batch { blobs: vec![blob], changes }).await.unwrap();
        assert_eq!(f.current("key").await, None);
        let left = listed(f, 10).await;
        assert!(left.len() == 2 && left[0].ends_with(" -*") && left[1].ends_with(" 20"), "{left:?}");
    }

    async fn versions_are_listed_by_key_with_prefixes_rolled_up(f: &Fixture) {
        versioning(f, true).await;
        for name in ["a", "b/1", "b/2", "a", "c", "b/1"] {
            put(f, name, 1).await;
        }
        let query = VersionListQuery { delimiter: b"/".to_vec(), limit: 2, ..VersionListQuery::default() };
        let page = f.store.list_versions(f.bucket, &query).await.unwrap();
        assert!(page.truncated && page.entries.len() == 2, "both versions of a");
        let query = VersionListQuery { key_marker: b"a".to_vec(), ..query };
        let page = f.store.list_versions(f.bucket, &query).await.unwrap();
        assert_eq!(page.entries[0], VersionEntry::Prefix(b"b/".to_vec()));
        assert!(matches!(&page.entries[1], VersionEntry::Version(c) if c.key().as_str() == "c" && !page.truncated));
    }
}

both! {
    async fn amendments_find_their_version(f: &Fixture) {
        f.put("key", 1).await;
        assert!(matches!(amend(f, "key", VersionSelector::Current, tag("a")).await, Outcome::Amended { name: None, changed: true, size: 1, .. }));
        assert!(matches!(amend(f, "key", VersionSelector::Null, tag("b")).await, Outcome::Amended { name: None, .. }));
        let tags = |version: &Version| version.attributes.tags.iter().map(|tag| tag.0.clone()).collect::<String>();
        assert_eq!(tags(&f.current("key").await.unwrap()), "ab");
        versioning(f, true).await;
        let newer = put(f, "key", 2).await;
        let changes = [VersionSelector::Null, selector(newer), VersionSelector::Current].map(|selector| {
            Change::Amend(AmendChange::new(f.bucket, key("key"), selector, tag("c")))
        });
        f.commit(Batch { blobs: Vec::new(), changes: changes.to_vec() }).await.unwrap();
        assert_eq!(tags(&found(f, "key", VersionName::Null).await.unwrap()), "abc");
        assert_eq!(tags(&f.current("key").await.unwrap()), "cc");
        let marker = mark(f, "key").await;
        let refused = |refusal| Outcome::Refused(refusal);
        assert_eq!(amend(f, "key", VersionSelector::Current, tag("d")).await, refused(Refusal::IsMarker));
        assert_eq!(amend(f, "key", selector(marker), tag("d")).await, refused(Refusal::IsMarker));
        assert_eq!(amend(f, "none", VersionSelector::Current, tag("d")).await, refused(Refusal::NoSuchKey));
        assert_eq!(amend(f, "key", VersionSelector::Id(f.version("x", Vec::new()).id), tag("d")).await, refused(Refusal::NoSuchVersion));
        remove(f, "key", newer).await;
        let gone = Change::Amend(AmendChange::new(f.bucket, key("key"), VersionSelector::Null, tag("e")));
        let removal = Change::Delete(removal(f, "key", VersionName::Null));
        let outcomes = f.commit(Batch { blobs: Vec::new(), changes: vec![gone.clone(), removal, gone] }).await.unwrap();
        assert!(matches!(outcomes[..], [Outcome::Amended { .. }, Outcome::Deleted(_), Outcome::Refused(Refusal::NoSuchVersion)]));
    }

    async fn amendments_of_many_at_once_are_all_kept(f: &Fixture) {
        f.put("key", 1).await;
        let names: [&'static str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let all = names.map(|name| amend(f, "key", VersionSelector::Current, tag(name)));
        futures::future::join_all(all).await;
        assert_eq!(f.current("key").await.unwrap().attributes.tags.len(), 8);
    }

    async fn locks_are_decided_in_the_transaction(f: &Fixture) {
        let state = |lock| async move { f.store.set_object_lock(&*bucket(f).await, lock).await.unwrap() };
        assert_eq!(state(ObjectLock::default()).await, SetState::InvalidState, "not versioned");
        versioning(f, true).await;
        let before = put(f, "key", 1).await;
        let hold = |on| Amendment::LegalHold(on);
        assert_eq!(amend(f, "key", selector(before), hold(true)).await, Outcome::Refused(Refusal::NoObjectLock));
        let default = DefaultRetention { mode: RetentionMode::Governance, period: RetentionPeriod::Days(1) };
        assert_eq!(state(ObjectLock { default: Some(default) }).await, SetState::Done);
        assert_eq!(bucket(f).await.lock, Some(ObjectLock { default: Some(default) }));
        assert_eq!(f.store.set_versioning(&*bucket(f).await, false).await.unwrap(), SetState::InvalidState);

        let kept = put(f, "key", 2).await;
        let version = f.current("key").await.unwrap();
        assert_eq!(version.lock.retention.unwrap().mode, RetentionMode::Governance, "from the cache");
        assert_eq!(found(f, "key", kept).await.unwrap().lock, version.lock);
        let locked = Outcome::Refused(Refusal::Locked);
        assert_eq!(change(f, Change::Delete(removal(f, "key", kept))).await, locked);
        mark(f, "key").await; // hides it, which no lock forbids
        let bypassing = DeleteChange { bypass: true, ..removal(f, "key", kept) };
        assert!(matches!(amend(f, "key", selector(kept), hold(true)).await, Outcome::Amended { name, changed: true, .. } if name == Some(kept)));
        assert!(matches!(amend(f, "key", selector(kept), hold(true)).await, Outcome::Amended { changed: false, .. }));
        assert_eq!(change(f, Change::Delete(bypassing.clone())).await, locked, "a legal hold has no bypass");
        amend(f, "key", selector(kept), hold(false)).await;
        let retain = |mode, until, bypass| Amendment::Retention { retention: Some(Retention { mode, until }), bypass };
        let stricter = retain(RetentionMode::Compliance, FAR, true);
        assert!(matches!(amend(f, "key", selector(kept), stricter).await, Outcome::Amended { name, .. } if name == Some(kept)));
        let sooner = retain(RetentionMode::Compliance, Timestamp(FAR.0 - 1), true);
        assert_eq!(amend(f, "key", selector(kept), sooner).await, locked);
        let none = Amendment::Retention { retention: None, bypass: true };
        assert_eq!(amend(f, "key", selector(kept), none).await, locked);
        assert_eq!(change(f, Change::Delete(bypassing)).await, locked, "nobody removes it before its time");
        assert!(remove(f, "key", before).await.existed, "made before there was object lock");
        let lock = found(f, "key", kept).await.unwrap().lock;
        let expected = Retention { mode: RetentionMode::Compliance, until: FAR };
        assert_eq!(lock, VersionLock { retention: Some(expected), legal_hold: Some(false) });

        let mut own = f.version("other", Vec::new());
        own.lock.legal_hold = Some(true);
        let put = PutChange { bucket: f.bucket, ..f.put_change(own) };
        assert!(matches!(change(f, Change::Put(put)).await, Outcome::Stored(_)));
        let lock = f.current("other").await.unwrap().lock;
        assert!(lock.legal_hold == Some(true) && lock.retention.is_some());
    }

    async fn a_lock_needs_a_bucket_with_object_lock(f: &Fixture) {
        let mut version = f.version("key", Vec::new());
        version.lock.legal_hold = Some(true);
        let outcome = change(f, Change::Put(f.put_change(version))).await;
        assert_eq!(outcome, Outcome::Refused(Refusal::NoObjectLock));
    }
}

both! {
    async fn a_renamed_object_keeps_everything_but_its_key(f: &Fixture) {
        let source = f.put("from", 10).await;
        amend(f, "from", VersionSelector::Current, tag("a")).await;
        let replaced = f.put("to", 20).await;
        let rename = |version: &Version, condition| {
            let (version, to) = (version.clone(), key("to"));
            let events = [Vec::new(), Vec::new()];
            Change::Rename(RenameChange { bucket: f.bucket, version, parts: Vec::new(), to, condition, events })
        };
        let refused = change(f, rename(&source, WriteCondition::Absent)).await;
        assert_eq!(refused, Outcome::Refused(Refusal::PreconditionFailed));
        assert_eq!(change(f, rename(&source, WriteCondition::None)).await, Outcome::Renamed);
        assert_eq!(f.current("from").await, None);
        let renamed = f.current("to").await.unwrap();
        assert_eq!((renamed.id, renamed.etag, &renamed.extents), (source.id, source.etag, &source.extents));
        assert_eq!(renamed.attributes.tags, [("a".to_owned(), String::new())]);
        assert_eq!(f.dead().await, [replaced.extents[0].blob]);
        assert_eq!(change(f, rename(&source, WriteCondition::None)).await, Outcome::Refused(Refusal::NoSuchKey));
        f.put("from", 5).await;
        assert_eq!(change(f, rename(&source, WriteCondition::None)).await, Outcome::Refused(Refusal::SourceGone));
        versioning(f, true).await;
        assert_eq!(change(f, rename(&source, WriteCondition::None)).await, Outcome::Refused(Refusal::Versioned));
    }
}

both! {
    async fn an_append_adds_extents_at_the_end_and_nowhere_else(f: &Fixture) {
        let append = |offset, size| async move {
            let blob = f.blob(size, false);
            let version = f.version("log", whole(&blob));
            let condition = WriteCondition::None;
            let append = AppendChange { bucket: f.bucket, offset, version, condition, events: Vec::new() };
            let batch = Batch { blobs: vec![blob], changes: vec![Change::Append(append)] };
            f.commit(batch).await.unwrap()[0]
        };
        let wrong = Outcome::Refused(Refusal::InvalidWriteOffset);
        assert_eq!(append(1, 5).await, wrong);
        let Outcome::Appended(Appended { size: 5, etag }) = append(0, 5).await else { panic!("the first") };
        assert_eq!(etag.parts, None, "it is a write");
        assert_eq!(append(0, 5).await, wrong);
        amend(f, "log", VersionSelector::Current, tag("a")).await;
        for (offset, parts) in [(5, 2), (12, 3)] {
            let Outcome::Appended(Appended { size, etag }) = append(offset, 7).await else { panic!("at {offset}") };
            assert_eq!((size, etag.parts), (offset + 7, Some(parts)));
        }
        let version = f.current("log").await.unwrap();
        assert_eq!((version.size, version.extents.len(), version.attributes.tags.len()), (19, 3, 1));
        assert_eq!(find(f, "log", VersionSelector::Null).await.version().as_deref(), Some(&version));
        assert_eq!(f.dead().await, [], "and those of the refused did not come");
        let racing = (0..6).map(|_| append(19, 1));
        let outcomes = futures::future::join_all(racing).await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == wrong).count(), 5, "one of them wins");
        assert!(matches!(f.delete("log").await, Outcome::Deleted(Deleted { existed: true, .. })));
        versioning(f, true).await;
        assert_eq!(append(0, 5).await, Outcome::Refused(Refusal::Versioned));
    }

    /// What decides by tags is decided again where they are locked.
    async fn a_version_goes_only_if_its_tags_are_still_those_it_was_chosen_by(f: &Fixture) {
        let tags = |value: &str| vec![("keep".to_owned(), value.to_owned())];
        let tagged = |name: &str, value: &str| {
            let mut version = f.version(name, Vec::new());
            version.attributes.tags = tags(value);
            version
        };
        let only = |version: &Version, value: &str| {
            Some(OnlyVersion { id: version.id, etag: Some(version.etag), current: true, tags: Some(tags(value)) })
        };
        for versioned in [false, true] {
            if versioned {
                versioning(f, true).await;
            }
            let version = tagged("key", "no");
            change(f, Change::Put(f.put_change(version.clone()))).await;
            let delete = |value| DeleteChange { only: only(&version, value), ..DeleteChange::current(f.bucket, key("key")) };
            let refused = change(f, Change::Delete(delete("yes"))).await;
            assert_eq!(refused, Outcome::Refused(Refusal::PreconditionFailed));
            let edit = |attributes: &mut ObjectAttributes| attributes.tags = vec![("keep".to_owned(), "yes".to_owned())];
            let amendment = Amendment::Attributes(AttributeEdit(Arc::new(edit)));
            let amend = Change::Amend(AmendChange::new(f.bucket, key("key"), VersionSelector::Current, amendment));
            let both = Batch { blobs: Vec::new(), changes: vec![amend, Change::Delete(delete("no"))] };
            assert_eq!(f.commit(both).await.unwrap()[1], Outcome::Refused(Refusal::PreconditionFailed), "changed before it");
            assert!(change(f, Change::Delete(delete("yes"))).await.is_made());
            assert!(f.current("key").await.is_none());
        }
        let version = tagged("named", "no");
        change(f, Change::Put(f.put_change(version.clone()))).await;
        put(f, "named", 1).await;
        let only = |value| Some(OnlyVersion { id: version.id, etag: Some(version.etag), current: false, tags: Some(tags(value)) });
        let named = |value| DeleteChange { only: only(value), ..removal(f, "named", VersionName::Id(version.id)) };
        assert_eq!(change(f, Change::Delete(named("yes"))).await, Outcome::Refused(Refusal::PreconditionFailed));
        assert!(change(f, Change::Delete(named("no"))).await.is_made());
    }
}
