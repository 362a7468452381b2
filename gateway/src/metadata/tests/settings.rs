//! What is configured on buckets.

use serde::{Deserialize, Serialize};

use crate::domain::{BucketId, BucketName, Setting};
use crate::metadata::buckets::bucket::{CreateBucket, DeleteBucket, NewBucket};
use crate::metadata::buckets::settings::EditSetting;
use crate::metadata::tests::fixture::{Fixture, both};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Colour(String);

impl Setting for Colour {
    const KIND: &'static str = "colour";
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Size {
    width: u32,
}

impl Setting for Size {
    const KIND: &'static str = "size";
}

fn name(text: &str) -> BucketName {
    text.parse().unwrap()
}

async fn colour(f: &Fixture) -> Option<String> {
    let bucket = f.store.bucket(&name("first-bucket")).await.unwrap().unwrap();
    bucket.settings.get::<Colour>().unwrap().map(|colour| colour.0.clone())
}

both! {
    async fn a_setting_is_seen_at_once_replaced_and_taken_back(f: &Fixture) {
        let bucket = f.store.bucket(&name("first-bucket")).await.unwrap().unwrap();
        assert_eq!(colour(f).await, None);
        for wanted in ["red", "green"] {
            assert!(f.store.set_setting(&bucket, &Colour(wanted.to_owned())).await.unwrap());
            assert_eq!(colour(f).await.as_deref(), Some(wanted));
        }
        assert!(f.store.set_setting(&bucket, &Size { width: 7 }).await.unwrap());
        assert!(f.store.clear_setting::<Colour>(&bucket).await.unwrap());
        assert_eq!(colour(f).await, None);
        let now = f.store.bucket(&name("first-bucket")).await.unwrap().unwrap();
        assert_eq!(now.settings.get::<Size>().unwrap().as_deref(), Some(&Size { width: 7 }));
    }

    async fn edits_at_once_all_count(f: &Fixture) {
        let bucket = f.store.bucket(&name("first-bucket")).await.unwrap().unwrap();
        let edit = |letter: char| {
            let add = move |colour: Option<Colour>| {
                let mut text = colour.map(|colour| colour.0).unwrap_or_default();
                if text.contains(letter) {
                    return Err(letter);
                }
                text.push(letter);
                Ok(Some(Colour(text)))
            };
            f.store.edit_setting(&bucket, add)
        };
        let edits = futures::future::join_all("redgn".chars().map(edit)).await;
        assert!(edits.into_iter().all(|edit| edit.unwrap() == EditSetting::Edited));
        let mut letters: Vec<_> = colour(f).await.unwrap().chars().collect();
        letters.sort_unstable();
        assert_eq!(letters, ['d', 'e', 'g', 'n', 'r']);
        assert_eq!(edit('r').await.unwrap(), EditSetting::Refused('r'));
        let nothing = f.store.edit_setting(&bucket, |_: Option<Colour>| Ok::<_, ()>(None)).await.unwrap();
        assert_eq!((nothing, colour(f).await), (EditSetting::Edited, None));
    }

    async fn settings_come_and_go_with_their_bucket(f: &Fixture) {
        let mut new = NewBucket::new(f.owner, name("painted"), "");
        new.configure(&Colour("blue".to_owned())).unwrap();
        let CreateBucket::Created(made) = f.store.create_bucket(new).await.unwrap() else { panic!("a new name") };
        assert!(made.settings.has::<Colour>());
        let found = f.store.buckets_with::<Colour>(BucketId(0), 9).await.unwrap();
        assert_eq!(found, [(made.id, name("painted"))]);
        assert_eq!(f.store.buckets_with::<Colour>(made.id, 9).await.unwrap(), []);
        assert_eq!(f.store.delete_bucket(made.id, 0).await.unwrap(), DeleteBucket::Deleted);
        assert_eq!(f.store.buckets_with::<Colour>(BucketId(0), 9).await.unwrap(), []);
        assert!(!f.store.set_setting(&made, &Colour("late".to_owned())).await.unwrap(), "the bucket is gone");
        let late = f.store.edit_setting(&made, |colour: Option<Colour>| Ok::<_, ()>(colour)).await.unwrap();
        assert_eq!(late, EditSetting::NoSuchBucket);
    }
}
