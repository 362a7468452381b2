//! Listing, against a model that sorts.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::domain::{BucketId, BucketName, Checksum, ChecksumAlgorithm, ChecksumKind, UserId};
use crate::metadata::buckets::bucket::{CreateBucket, NewBucket};
use crate::metadata::commit::{Batch, Change};
use crate::metadata::objects::list::{ListEntry, ListPage, ListQuery};
use crate::metadata::objects::list_versions::{ListedContent, ListedVersion, VersionEntry, VersionListQuery};
use crate::metadata::tests::fixture::{Fixture, both};

/// What S3 says a whole list is: keys and common prefixes in byte order, each once, after the marker.
fn model(keys: &BTreeSet<String>, query: &ListQuery) -> Vec<Vec<u8>> {
    let common = |key: &[u8]| -> Option<Vec<u8>> {
        if query.delimiter.is_empty() {
            return None;
        }
        let rest = key.strip_prefix(&*query.prefix)?;
        let at = rest.windows(query.delimiter.len()).position(|window| window == query.delimiter)?;
        Some(key[..query.prefix.len() + at + query.delimiter.len()].to_vec())
    };
    let skipped = common(&query.after);
    let mut shown = BTreeSet::new();
    for key in keys.iter().map(|key| key.as_bytes()) {
        let inside = skipped.as_ref().is_some_and(|prefix| key.starts_with(prefix));
        if key.starts_with(&query.prefix) && key > &*query.after && !inside {
            shown.insert(common(key).unwrap_or_else(|| key.to_vec()));
        }
    }
    shown.into_iter().collect()
}

/// All pages of a query, one after the other.
async fn pages(f: &Fixture, bucket: BucketId, query: &ListQuery) -> Vec<Vec<u8>> {
    let mut query = query.clone();
    let mut all = Vec::new();
    loop {
        let page = f.store.list_current(bucket, &query).await.unwrap();
        assert!(page.entries.len() <= query.limit, "{} entries of {}", page.entries.len(), query.limit);
        assert!(!page.truncated || page.entries.len() == query.limit, "a short page says it is the last");
        all.extend(page.entries.iter().map(|entry| entry.marker().to_vec()));
        match page.entries.last() {
            Some(last) if page.truncated => query.after = last.marker().to_vec(),
            _ => return all,
        }
    }
}

fn query(prefix: &str, delimiter: &str, after: &str, limit: usize) -> ListQuery {
    ListQuery { prefix: prefix.into(), delimiter: delimiter.into(), after: after.into(), limit, owners: false }
}

const AWKWARD: [&str; 22] = [
    "a",
    "a.txt",
    "a/",
    "a/b",
    "a/b/c",
    "a//",
    "a0",
    "A",
    "é",
    "éa",
    "z",
    "z/",
    "z/\u{ffff}",
    "\u{ffff}",
    "\u{ffff}/x",
    "\u{10000}",
    "\u{10000}/y",
    "\u{1}",
    "\u{1}/x",
    "--a",
    "b--c--d",
    "b-",
];

both! {
    async fn keys_come_in_the_order_of_their_bytes(f: &Fixture) {
        f.put_empty(&AWKWARD).await;
        let keys: BTreeSet<String> = AWKWARD.iter().map(|key| (*key).to_owned()).collect();
        for prefix in ["", "a", "a/", "z", "\u{ffff}", "b", "nothing", "\u{1}"] {
            for delimiter in ["", "/", "--", "b", "\u{ffff}"] {
                for after in ["", "a", "a/", "a/b", "a/b/c", "z/\u{ffff}", "\u{ffff}", "\u{10000}", "b--", "zz"] {
                    for limit in [1, 2, 3, 1_000] {
                        let query = query(prefix, delimiter, after, limit);
                        assert_eq!(pages(f, f.bucket, &query).await, model(&keys, &query), "{query:?}");
                    }
                }
            }
        }
    }

    async fn a_listed_object_shows_what_its_version_says(f: &Fixture) {
        let mut version = f.version("key", Vec::new());
        version.checksum =
            Some(Checksum { algorithm: ChecksumAlgorithm::Sha256, kind: ChecksumKind::Composite, value: vec![0; 32] });
        version.etag.parts = Some(3);
        let put = Change::Put(f.put_change(version.clone()));
        f.commit(Batch { blobs: Vec::new(), changes: vec![put] }).await.unwrap();
        let page = f.store.list_current(f.bucket, &query("", "", "", 10)).await.unwrap();
        let [ListEntry::Object(object)] = &*page.entries else { panic!("one object: {page:?}") };
        assert_eq!((&object.key, object.size, object.etag), (&version.key, 0, version.etag));
        assert_eq!(object.modified_at, version.modified_at);
        assert_eq!(object.checksum, Some((ChecksumAlgorithm::Sha256, ChecksumKind::Composite)));
    }

    async fn thousands_of_keys_roll_up_into_few_prefixes(f: &Fixture) {
        let names: Vec<String> = (0..2_000).map(|i| format!("{}/{i:04}", i / 500)).collect();
        f.put_empty(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        f.delete("1/0500").await;
        let page = f.store.list_current(f.bucket, &query("", "/", "", 1_000)).await.unwrap();
        let prefixes = ["0/", "1/", "2/", "3/"].map(|prefix| ListEntry::Prefix(prefix.into()));
        assert_eq!(page, ListPage { entries: prefixes.into(), truncated: false });
        let page = f.store.list_current(f.bucket, &query("1/", "/", "", 1_000)).await.unwrap();
        assert_eq!((page.entries.len(), page.truncated, page.entries[0].marker()), (499, false, &b"1/0501"[..]));
        let page = f.store.list_current(f.bucket, &query("", "", "", 1_000)).await.unwrap();
        assert_eq!((page.entries.len(), page.truncated), (1_000, true));
        let page = f.store.list_current(f.bucket, &query("", "", "3/1998", 1)).await.unwrap();
        assert_eq!((page.entries.len(), page.truncated), (1, false), "the last page knows that it is the last");
        assert_eq!(f.store.list_current(f.bucket, &query("", "", "", 0)).await.unwrap(), ListPage::default());
    }

    async fn a_thousand_small_folders_are_one_page(f: &Fixture) {
        let names: Vec<String> = (0..1_001).flat_map(|i| (0..5).map(move |j| format!("{i:04}/{j}"))).collect();
        f.put_empty(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let page = f.store.list_current(f.bucket, &query("", "/", "", 1_000)).await.unwrap();
        assert_eq!((page.entries.len(), page.truncated), (1_000, true));
        assert_eq!(page.entries[999].marker(), b"0999/");
        let rest = f.store.list_current(f.bucket, &query("", "/", "0999/", 1_000)).await.unwrap();
        assert_eq!(rest, ListPage { entries: vec![ListEntry::Prefix(b"1000/".into())], truncated: false });
    }
}

both! {
    async fn owners_are_listed_where_they_are_asked_for(f: &Fixture) {
        let many: Vec<_> = (0..80).map(|number| format!("p/{number:02}")).collect();
        f.put_empty(&many.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let mut version = f.version("q", Vec::new());
        version.attributes.owner = Some(UserId(77));
        version.attributes.storage_class = Some("GLACIER".to_owned());
        f.commit(Batch { blobs: Vec::new(), changes: vec![Change::Put(f.put_change(version))] }).await.unwrap();
        // Row by row, and stepping over what is rolled up.
        for (delimiter, owners, expected) in [("", true, Some(UserId(77))), ("/", true, Some(UserId(77))), ("/", false, None)] {
            let page = f.store.list_current(f.bucket, &ListQuery { owners, ..query("", delimiter, "", 100) }).await.unwrap();
            let mut objects = page.entries.iter().filter_map(|entry| match entry {
                ListEntry::Object(object) => Some((object.key.as_str(), object.owner)),
                ListEntry::Prefix(_) => None,
            });
            assert_eq!(objects.next_back(), Some(("q", expected)), "{delimiter} {owners}");
            let others = if delimiter.is_empty() { many.len() } else { 0 };
            assert_eq!(objects.map(|(_, owner)| owner).collect::<Vec<_>>(), vec![None; others], "{delimiter} {owners}");
            let versions = VersionListQuery { owners, prefix: b"q".to_vec(), limit: 10, ..VersionListQuery::default() };
            let page = f.store.list_versions(f.bucket, &versions).await.unwrap();
            let VersionEntry::Version(ListedVersion { content: ListedContent::Object(object), .. }) = &page.entries[0] else {
                panic!("{page:?}")
            };
            assert_eq!(object.owner, expected);
        }
        let found = f.store.users_by_number(&BTreeSet::from([f.owner, UserId(77)])).await.unwrap();
        assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), [f.owner]);
        assert_eq!(f.store.users_by_number(&BTreeSet::new()).await.unwrap(), []);
    }
}

/// Any keys, any query: the pages together are the model.
#[test]
fn any_list_is_what_the_model_says() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let f = runtime.block_on(Fixture::sqlite());
    let word = || {
        prop::collection::vec(prop::sample::select(vec!["a", "b", "/", "-", "é", "\u{10000}"]), 0..6)
            .prop_map(|letters| letters.concat())
    };
    let keys = prop::collection::btree_set(word().prop_filter("keys are not empty", |key| !key.is_empty()), 0..60);
    let delimiter = prop::sample::select(vec!["", "/", "a", "//", "-/", "é"]);
    let cases = (keys, word(), delimiter, word(), 1_usize..9);
    let mut runner = TestRunner::new(Config { cases: 128, failure_persistence: None, ..Config::default() });
    let result = runner.run(&cases, |(keys, prefix, delimiter, after, limit)| {
        let (listed, expected) = runtime.block_on(async {
            let name: BucketName = format!("bucket-{}", f.number()).parse().unwrap();
            let made = f.store.create_bucket(NewBucket::new(f.owner, name.clone(), "")).await.unwrap();
            let CreateBucket::Created(bucket) = made else { panic!("a new name") };
            f.put_empty_into(bucket.id, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
            let query = query(&prefix, delimiter, &after, limit);
            (pages(&f, bucket.id, &query).await, model(&keys, &query))
        });
        prop_assert_eq!(listed, expected);
        Ok(())
    });
    result.unwrap();
}
