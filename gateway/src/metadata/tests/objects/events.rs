//! Messages about changes.

use std::sync::Arc;

use crate::domain::{ETag, ObjectAttributes, VersionSelector, WriteCondition};
use crate::metadata::commit::{
    AmendChange, Amendment, AppendChange, AttributeEdit, Batch, Change, DeleteChange, Outcome, PutChange, Refusal,
    RenameChange,
};
use crate::metadata::events::{ClaimedEvents, Event, EventDraft, EventTrigger};
use crate::metadata::tests::fixture::{Fixture, both, key, whole};

const AGE_MAX_SECONDS: i64 = 86_400;

fn draft(when: EventTrigger, target: &str) -> EventDraft {
    EventDraft { when, target: target.to_owned(), record: format!("\"{when:?}\""), complete }
}

fn complete(record: &str, size: u64, _: ETag) -> String {
    format!("{record} {size}")
}

/// Writes an empty object and tells one target.
async fn put(f: &Fixture, name: &str, condition: WriteCondition) {
    let version = f.version(name, Vec::new());
    let put = PutChange { condition, events: vec![draft(EventTrigger::Stored, "hook")], ..f.put_change(version) };
    f.commit(Batch { blobs: Vec::new(), changes: vec![Change::Put(put)] }).await.unwrap();
}

async fn delete(f: &Fixture, name: &str) {
    let events = vec![draft(EventTrigger::Removed, "hook"), draft(EventTrigger::Marked, "hook")];
    let delete = DeleteChange { events, ..DeleteChange::current(f.bucket, key(name)) };
    f.commit(Batch { blobs: Vec::new(), changes: vec![Change::Delete(delete)] }).await.unwrap();
}

async fn claim(f: &Fixture, target: &str, most: usize) -> Vec<Event> {
    f.store.claim_events(target, most, 60, AGE_MAX_SECONDS).await.unwrap().events
}

both! {
    /// A target that never answers: what waits behind the message that is tried goes with its age, and not one by one.
    async fn what_waits_too_long_is_given_up(f: &Fixture) {
        put(f, "b", WriteCondition::None).await;
        for _ in 0..600 {
            put(f, "a", WriteCondition::None).await;
        }
        let seqs = |events: &[Event]| events.iter().map(|event| event.seq).collect::<Vec<_>>();
        let first = seqs(&claim(f, "hook", 10).await);
        assert_eq!(first.len(), 2, "one of each key");
        let others = f.store.claim_events("hook", 10, 60, AGE_MAX_SECONDS).await.unwrap();
        assert_eq!(others, ClaimedEvents::default(), "they wait, and are not old");
        let day = AGE_MAX_SECONDS * 1_000_000;
        f.meddle(format!("UPDATE event SET created_at = created_at - {day} - 1, not_before = not_before - {day}")).await;
        put(f, "a", WriteCondition::None).await;
        let (mut tried, mut given_up) = (Vec::new(), 0);
        loop {
            let claimed = f.store.claim_events("hook", 10, 60, AGE_MAX_SECONDS).await.unwrap();
            given_up += claimed.given_up;
            if claimed.events.is_empty() {
                break;
            }
            tried.extend(seqs(&claimed.events));
        }
        tried.sort_unstable();
        assert_eq!((&tried, given_up), (&first, 599), "each first one has its try, and what waited for it is gone");
        assert_eq!(f.store.waiting_events().await.unwrap().0, 3);
        f.store.forget_events(first).await.unwrap();
        assert_eq!(claim(f, "hook", 10).await.len(), 1, "what came later has its turn");
    }

    async fn what_was_changed_is_told_in_order_and_what_was_refused_is_not(f: &Fixture) {
        put(f, "a", WriteCondition::None).await;
        put(f, "a", WriteCondition::Absent).await;
        put(f, "b", WriteCondition::None).await;
        delete(f, "a").await;
        delete(f, "nothing").await;
        assert_eq!(f.one_int("SELECT COUNT(*) FROM event").await, 3);
        let first = claim(f, "hook", 10).await;
        assert_eq!(first.len(), 2, "one for each key");
        assert!(first.iter().all(|event| event.record == "\"Stored\"" && event.attempts == 0 && !event.whole));
        assert_eq!(claim(f, "hook", 10).await, [], "claimed, and what follows waits");
        f.store.delay_event(first[0].seq, 0).await.unwrap();
        let again = claim(f, "hook", 10).await;
        assert_eq!((again.len(), again[0].seq, again[0].attempts), (1, first[0].seq, 1));
        f.store.forget_events(first.iter().map(|event| event.seq).collect()).await.unwrap();
        let last = claim(f, "hook", 10).await;
        assert_eq!((last.len(), &*last[0].record), (1, "\"Removed\""));
        assert!(last[0].seq > first[0].seq);
        assert_eq!(f.store.waiting_events().await.unwrap().0, 1);
    }

    async fn what_is_said_of_a_version_is_told_with_what_it_is(f: &Fixture) {
        let say = |tag: &'static str, only| {
            let edit = move |attributes: &mut ObjectAttributes| attributes.tags = vec![(tag.to_owned(), String::new())];
            let amendment = Amendment::Attributes(AttributeEdit(Arc::new(edit)));
            let events = [EventTrigger::Amended, EventTrigger::Changed, EventTrigger::Stored].map(|when| draft(when, "hook")).to_vec();
            let amend = AmendChange::new(f.bucket, key("a"), VersionSelector::Current, amendment);
            Change::Amend(AmendChange { only, events, ..amend })
        };
        let claimed = || async {
            let mut claimed = Vec::new();
            while let [event, ..] = &*claim(f, "hook", 10).await {
                claimed.push(event.record.clone());
                f.store.forget_events(vec![event.seq]).await.unwrap();
            }
            claimed
        };
        let commit = |changes| f.commit(Batch { blobs: Vec::new(), changes });
        assert_eq!(commit(vec![say("x", None)]).await.unwrap(), [Outcome::Refused(Refusal::NoSuchKey)]);
        let version = f.put("a", 7).await;
        commit(vec![say("x", Some((version.id, version.etag)))]).await.unwrap();
        assert_eq!(claimed().await, ["\"Amended\" 7", "\"Changed\" 7"]);
        commit(vec![say("x", None), say("y", None), say("y", None)]).await.unwrap();
        assert_eq!(claimed().await, ["\"Amended\" 7", "\"Amended\" 7", "\"Changed\" 7", "\"Amended\" 7"]);
        f.put("a", 8).await;
        let late = commit(vec![say("z", Some((version.id, version.etag)))]).await.unwrap();
        assert_eq!(late, [Outcome::Refused(Refusal::PreconditionFailed)]);
        assert_eq!(claimed().await, Vec::<String>::new());
    }

    async fn a_renaming_is_told_of_both_keys_and_an_append_of_the_whole_object(f: &Fixture) {
        let version = f.put("from", 7).await;
        let rename = RenameChange {
            bucket: f.bucket,
            version,
            parts: Vec::new(),
            to: key("to"),
            condition: WriteCondition::Absent,
            events: [vec![draft(EventTrigger::Removed, "hook")], vec![draft(EventTrigger::Stored, "hook")]],
        };
        let commit = |blobs, change| f.commit(Batch { blobs, changes: vec![change] });
        commit(Vec::new(), Change::Rename(rename.clone())).await.unwrap();
        let claimed = claim(f, "hook", 10).await;
        let mut records: Vec<_> = claimed.iter().map(|event| &*event.record).collect();
        records.sort_unstable();
        assert_eq!(records, ["\"Removed\"", "\"Stored\""], "one of each key, which wait for nobody");
        f.store.forget_events(claimed.iter().map(|event| event.seq).collect()).await.unwrap();
        commit(Vec::new(), Change::Rename(rename)).await.unwrap();
        assert_eq!(f.store.waiting_events().await.unwrap().0, 0, "refused");
        for offset in [7, 0] {
            let blob = f.blob(5, false);
            let append = AppendChange {
                bucket: f.bucket,
                offset,
                version: f.version("to", whole(&blob)),
                condition: WriteCondition::None,
                events: vec![draft(EventTrigger::Stored, "hook")],
            };
            commit(vec![blob], Change::Append(append)).await.unwrap();
        }
        let claimed = claim(f, "hook", 10).await;
        assert_eq!(claimed.iter().map(|event| &*event.record).collect::<Vec<_>>(), ["\"Stored\" 12"]);
    }

    async fn a_target_that_takes_nothing_holds_up_no_other(f: &Fixture) {
        for at in 0..20 {
            f.store.enqueue_event(f.bucket, "away", format!("{at}")).await.unwrap();
        }
        f.store.enqueue_event(f.bucket, "hook", "hello".to_owned()).await.unwrap();
        assert_eq!(claim(f, "hook", 1).await.len(), 1);
        assert_eq!(claim(f, "away", 10).await.len(), 1, "one key, in order");
        let (hook, nobody) = (["hook".to_owned()], []);
        assert_eq!(f.store.old_events_to_others(&hook, 60, 30).await.unwrap(), [0_i64; 0], "it may come back");
        assert_eq!(f.store.old_events_to_others(&hook, -60, 30).await.unwrap().len(), 20);
        assert_eq!(f.store.old_events_to_others(&nobody, -60, 30).await.unwrap().len(), 21);
        assert_eq!(f.store.old_events_to_others(&nobody, -60, 3).await.unwrap().len(), 3);
    }

    /// Each claim looks at a bounded number of messages, and at each that waits for another one once.
    async fn a_key_with_very_many_messages_holds_up_no_other(f: &Fixture) {
        for _ in 0..4 {
            let change = || {
                let events = (0..200).map(|_| draft(EventTrigger::Stored, "hook")).collect();
                Change::Put(PutChange { events, ..f.put_change(f.version("hot", Vec::new())) })
            };
            f.commit(Batch { blobs: Vec::new(), changes: vec![change()] }).await.unwrap();
        }
        put(f, "other", WriteCondition::None).await;
        let put_off = "SELECT COUNT(*) FROM event WHERE attempts = 0 AND not_before > created_at";
        let hot = claim(f, "hook", 10).await;
        assert_eq!((hot.len(), f.one_int(put_off).await), (1, 255), "the first of the key, and so many were looked at");
        let other = claim(f, "hook", 10).await;
        assert_eq!((other.len(), f.one_int(put_off).await), (1, 799), "those between them were passed");
        assert_eq!(claim(f, "hook", 10).await, []);
        // One after the other.
        let mut last = hot[0].seq;
        for _ in 0..3 {
            f.store.forget_events(vec![last]).await.unwrap();
            let next = claim(f, "hook", 10).await;
            assert_eq!((next.len(), next[0].attempts), (1, 0));
            assert!(next[0].seq > last);
            last = next[0].seq;
        }
        // As if a release that puts nothing off had deleted it.
        f.meddle("DELETE FROM event WHERE attempts > 0").await;
        f.meddle("UPDATE event SET not_before = 1").await;
        let next = claim(f, "hook", 10).await;
        assert!(next[0].seq > last, "it is due when its time is over");
    }

    async fn a_whole_message_needs_no_change(f: &Fixture) {
        f.store.enqueue_event(f.bucket, "hook", "hello".to_owned()).await.unwrap();
        let events = claim(f, "hook", 10).await;
        assert_eq!((events.len(), &*events[0].record, events[0].whole), (1, "hello", true));
    }

    async fn a_message_knows_its_account_when_the_bucket_is_gone(f: &Fixture) {
        put(f, "a", WriteCondition::None).await;
        delete(f, "a").await;
        f.store.enqueue_event(f.bucket, "hook", "hello".to_owned()).await.unwrap();
        // As an earlier release writes one.
        f.store.enqueue_event(f.bucket, "other", "hello".to_owned()).await.unwrap();
        f.meddle("UPDATE event SET account_id = NULL WHERE target = 'other'").await;
        let accounts = async || {
            let mut events = claim(f, "hook", 10).await;
            events.extend(claim(f, "other", 10).await);
            for event in &events {
                f.store.delay_event(event.seq, 0).await.unwrap();
            }
            let mut accounts: Vec<_> = events.into_iter().map(|event| (event.target, event.account)).collect();
            accounts.sort_unstable();
            accounts
        };
        let (owner, hook) = (Some(f.owner), "hook".to_owned());
        let known = [(hook.clone(), owner), (hook, owner)];
        assert_eq!(accounts().await, [&known[..], &[("other".to_owned(), owner)]].concat());
        f.store.delete_bucket(f.bucket, 0).await.unwrap();
        assert_eq!(accounts().await, [&known[..], &[("other".to_owned(), None)]].concat());
    }
}
