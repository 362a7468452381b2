//! Every order in which a reader and writers can meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::metadata::engine::exact_cache::ExactCache;

type Cache = ExactCache<&'static str, u64>;

fn cache() -> Cache {
    ExactCache::new(1 << 20, |_, _| 1, None)
}

#[test]
fn what_a_reader_found_alone_is_kept() {
    let cache = cache();
    let insert_permit = cache.insert_permit(&"key");
    cache.offer(insert_permit, "key", 1);
    assert_eq!(cache.get(&"key"), Some(1));
}

#[test]
fn an_announcement_takes_the_old_value_out_and_finishing_puts_the_new_one_in() {
    let cache = cache();
    cache.offer(cache.insert_permit(&"key"), "key", 1);
    let announced = cache.announce(["key"]);
    assert_eq!(cache.get(&"key"), None, "a reader could see the new value in the database already");
    announced.finish([("key", 2)]);
    assert_eq!(cache.get(&"key"), Some(2));
}

/// A reader asks the database at any moment of a change; whatever it offers, before or after the end, must not stay.
#[test]
fn a_reader_that_overlaps_a_change_leaves_nothing_behind() {
    for (asked, offered) in [(0, 1), (0, 2), (1, 1), (1, 2)] {
        let cache = cache();
        let mut insert_permit = None;
        let mut meet = |cache: &Cache, step| {
            if asked == step {
                insert_permit = Some(cache.insert_permit(&"key"));
            }
            if offered == step {
                cache.offer(insert_permit.unwrap(), "key", 1);
            }
        };
        meet(&cache, 0);
        let announced = cache.announce(["key"]);
        meet(&cache, 1);
        announced.finish([("key", 2)]);
        meet(&cache, 2);
        assert_eq!(cache.get(&"key"), Some(2), "asked at {asked}, offered at {offered}");
    }
}

#[test]
fn a_change_that_failed_leaves_the_key_to_be_read_again() {
    let cache = cache();
    cache.offer(cache.insert_permit(&"key"), "key", 1);
    drop(cache.announce(["key"]));
    assert_eq!(cache.get(&"key"), None);
    cache.offer(cache.insert_permit(&"key"), "key", 1);
    assert_eq!(cache.get(&"key"), Some(1));
}

#[test]
fn of_changes_that_overlap_none_knows_the_last_value() {
    let cache = cache();
    let (first, second) = (cache.announce(["key"]), cache.announce(["key"]));
    second.finish([("key", 2)]);
    assert_eq!(cache.get(&"key"), None);
    first.finish([("key", 1)]);
    assert_eq!(cache.get(&"key"), None, "the second may have committed last");

    let first = cache.announce(["key"]);
    cache.announce(["key"]).finish([("key", 2)]);
    first.finish([("key", 1)]);
    assert_eq!(cache.get(&"key"), None);
}

#[test]
fn a_change_of_one_key_twice_keeps_its_last_value() {
    let cache = cache();
    cache.announce(["key", "key"]).finish([("key", 1), ("key", 2)]);
    assert_eq!(cache.get(&"key"), Some(2));
}

/// Writers raise a number "in the database" and then publish it; readers must never see less than what was published before
/// they asked, nor less than what any reader saw before.
#[test]
fn hammered_by_threads_it_never_goes_back() {
    let cache = Arc::new(cache());
    let database = Arc::new(AtomicU64::new(0));
    let said = Arc::new(AtomicU64::new(0));
    let seen = Arc::new(AtomicU64::new(0));
    let writer = {
        let (cache, database, said) = (cache.clone(), database.clone(), said.clone());
        move || {
            for value in 1..=20_000 {
                let announced = cache.announce(["key"]);
                database.store(value, Ordering::SeqCst);
                announced.finish([("key", value)]);
                said.store(value, Ordering::SeqCst);
            }
        }
    };
    let reader = move || {
        while said.load(Ordering::SeqCst) < 20_000 {
            let least = said.load(Ordering::SeqCst).max(seen.load(Ordering::SeqCst));
            let value = cache.get(&"key").unwrap_or_else(|| {
                let insert_permit = cache.insert_permit(&"key");
                let value = database.load(Ordering::SeqCst);
                cache.offer(insert_permit, "key", value);
                value
            });
            assert!(value >= least, "{value} after {least}");
            seen.fetch_max(value, Ordering::SeqCst);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(reader.clone());
        }
        scope.spawn(writer);
    });
}
