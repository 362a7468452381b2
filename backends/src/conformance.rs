//! What every store must do, as a suite for the tests of implementations and decorators.
//!
//! Give [`run`] an empty store that nobody else uses. A broken promise panics, naming the promise.

#![expect(clippy::unwrap_used, reason = "a test suite: failing is its way to speak")]
#![expect(clippy::panic, reason = "a test suite: failing is its way to speak")]

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use codec::{
    BlobEncoder, BlobId, BlobKey, ClusterId, ClusterKey, FOOTER_TAIL_BYTES, FooterTail, HEADER_BYTES, PossessionProof,
    SamplePosition, SelfDescribed, StripeShape,
};
use futures::StreamExt;

use crate::{Challenge, SliverName, SliverStore, StoreError};

/// Longer than any part that a store may send at once.
const LARGE_BYTES: usize = 11 << 20;

/// Checks every promise of [`SliverStore`] and [`crate::SliverWriter`], with arbitrary bytes.
///
/// # Panics
/// If one is broken.
pub async fn run(store: Arc<dyn SliverStore>) {
    check(&Subject { store, cluster: None }).await;
}

/// As [`run`], with real slivers of a cluster: some stores take nothing else.
///
/// # Panics
/// If a promise is broken.
pub async fn run_with_slivers(store: Arc<dyn SliverStore>, cluster: ClusterId) {
    check(&Subject { store, cluster: Some(cluster) }).await;
}

/// A store, and what it takes.
struct Subject {
    store: Arc<dyn SliverStore>,
    /// Whose slivers it takes; arbitrary bytes without one.
    cluster: Option<ClusterId>,
}

impl Deref for Subject {
    type Target = dyn SliverStore;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl Subject {
    /// Bytes for a name, different for each number: as many as were asked for, or a real sliver with as much content.
    fn content(&self, name: &SliverName, number: u8, len: usize) -> Bytes {
        let bytes = content(number, len);
        if self.cluster.is_some() { self.sliver(name, number, bytes) } else { bytes }
    }

    /// A real sliver with this content, whatever the store takes.
    fn sliver(&self, name: &SliverName, number: u8, bytes: Bytes) -> Bytes {
        let (cluster, len) = (self.cluster.unwrap_or(ClusterId([1; 16])), bytes.len());
        let (key, shape) = (BlobKey::from_bytes([number; 32]), StripeShape::streaming("copy-255".parse().unwrap()));
        let wrapped = ClusterKey::new(1, [1; 32]).wrap(&name.blob, &key, [2; 12]);
        let mut encoder = BlobEncoder::new(cluster, name.blob, shape, &key, wrapped);
        let mut sliver = encoder.headers()[usize::from(name.index)].to_vec();
        let stripes = bytes.chunks(shape.stripe_bytes()).enumerate();
        for (number, stripe) in stripes {
            let last = (number + 1) * shape.stripe_bytes() >= len;
            sliver.extend_from_slice(&encoder.encode_stripe(stripe, last).unwrap()[0]);
        }
        sliver.extend_from_slice(&encoder.finish(len as u64, 0).unwrap()[usize::from(name.index)].bytes);
        sliver.into()
    }

    /// The smallest content there is, in the fewest parts.
    fn smallest(&self, name: &SliverName) -> Vec<Bytes> {
        if self.cluster.is_none() { Vec::new() } else { vec![self.content(name, 0, 0)] }
    }
}

async fn check(store: &Subject) {
    absent_slivers_are_not_found(store).await;
    what_is_put_is_read(store).await;
    an_empty_sliver_is_one(store).await;
    what_is_written_is_read(store).await;
    a_range_is_exact_or_an_error(store).await;
    nothing_is_visible_before_the_seal(store).await;
    what_is_aborted_is_gone(store).await;
    what_is_dropped_is_gone(store).await;
    a_name_is_written_once(store).await;
    large_slivers_are_whole(store).await;
    many_writers_do_not_meet(store).await;
    what_is_stored_is_proven(store).await;
    what_is_deleted_is_gone(store).await;
    what_is_trashed_is_out_of_sight(store).await;
    a_list_sees_all(store).await;
    a_heartbeat_is_replaced_and_is_no_sliver(store).await;
    an_epoch_begins_once_where_it_begins(store).await;
    a_probe_and_a_sweep_find_nothing_wrong(store).await;
}

/// A name of its own for each call with another number.
fn name(number: u8) -> SliverName {
    let mut blob = [number; 16];
    blob[15] = number.wrapping_mul(37);
    SliverName { blob: BlobId(blob), index: number, attempt: u32::from(number) << 8 }
}

/// Bytes that differ from place to place and from number to number.
fn content(number: u8, len: usize) -> Bytes {
    (0..len).map(|at| ((at % 251) ^ (at >> 12) & 0xff) as u8 ^ number).collect()
}

async fn visible(store: &Subject) -> BTreeSet<SliverName> {
    store.list().map(|entry| entry.unwrap().name).collect().await
}

async fn assert_absent(store: &Subject, name: &SliverName, why: &str) {
    assert_eq!(store.len(name).await, Err(StoreError::NotFound), "{why}: len");
    assert_eq!(store.read(name, 0..1).await, Err(StoreError::NotFound), "{why}: read");
    assert!(!visible(store).await.contains(name), "{why}: list");
}

async fn assert_holds(store: &Subject, name: &SliverName, whole: &[u8]) {
    let len = whole.len() as u64;
    assert_eq!(store.len(name).await, Ok(len), "length of {name}");
    assert!(store.read(name, 0..len).await.unwrap() == whole, "content of {name}");
}

async fn absent_slivers_are_not_found(store: &Subject) {
    assert_absent(store, &name(0), "never written").await;
    assert_eq!(store.delete(&name(0)).await, Ok(()), "deleting an absent sliver is fine");
    assert_eq!(store.trash(&name(0)).await, Ok(()), "trashing an absent sliver is fine");
}

async fn what_is_put_is_read(store: &Subject) {
    let whole = store.content(&name(1), 1, 4096);
    let parts = vec![whole.slice(..1), Bytes::new(), whole.slice(1..100), whole.slice(100..)];
    store.put(&name(1), parts).await.unwrap();
    assert_holds(store, &name(1), &whole).await;
}

async fn an_empty_sliver_is_one(store: &Subject) {
    let smallest = store.smallest(&name(2));
    store.put(&name(2), smallest.clone()).await.unwrap();
    assert_holds(store, &name(2), &smallest.concat()).await;
    assert_eq!(store.read(&name(2), 0..0).await.unwrap().len(), 0);
    let smallest = store.smallest(&name(3));
    let mut writer = store.create(&name(3)).await.unwrap();
    writer.write_parts(smallest.clone()).await.unwrap();
    assert_eq!(writer.seal().await, Ok(()), "a writer seals the smallest sliver, of which there may be nothing");
    assert_eq!(store.len(&name(3)).await, Ok(smallest.concat().len() as u64));
}

async fn what_is_written_is_read(store: &Subject) {
    let whole = store.content(&name(4), 4, 300_000);
    let mut writer = store.create(&name(4)).await.unwrap();
    for piece in [0..1, 1..70_000, 70_000..70_000, 70_000..whole.len()] {
        writer.write(whole.slice(piece)).await.unwrap();
    }
    writer.seal().await.unwrap();
    assert_holds(store, &name(4), &whole).await;
}

async fn a_range_is_exact_or_an_error(store: &Subject) {
    let whole = store.content(&name(5), 5, 10_000);
    store.put(&name(5), vec![whole.clone()]).await.unwrap();
    let end = whole.len();
    for range in [0..1, 0..end, 1..end - 1, 4_095..4_097, end - 1..end, 500..500, end..end] {
        let read = store.read(&name(5), range.start as u64..range.end as u64).await.unwrap();
        assert_eq!(read, whole[range.clone()], "range {range:?}");
    }
    let end = end as u64;
    for (from, to) in [(0, end + 1), (end - 1, end + 1), (end, end + 1), (end + 1, end + 1), (end * 2, end * 3), (7, 6)]
    {
        let read = store.read(&name(5), from..to).await;
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "range {from}..{to} of {end} gave {read:?}");
    }
}

async fn nothing_is_visible_before_the_seal(store: &Subject) {
    let whole = store.content(&name(6), 6, 100_000);
    let mut writer = store.create(&name(6)).await.unwrap();
    assert_absent(store, &name(6), "created").await;
    writer.write(whole.clone()).await.unwrap();
    assert_absent(store, &name(6), "written").await;
    writer.seal().await.unwrap();
    assert!(visible(store).await.contains(&name(6)), "sealed");
    assert_holds(store, &name(6), &whole).await;
}

async fn what_is_aborted_is_gone(store: &Subject) {
    let mut writer = store.create(&name(7)).await.unwrap();
    writer.write(store.content(&name(7), 7, 6 << 20)).await.unwrap();
    writer.abort().await;
    assert_absent(store, &name(7), "aborted").await;
    store.put(&name(7), vec![store.content(&name(7), 8, 10)]).await.unwrap();
    assert_holds(store, &name(7), &store.content(&name(7), 8, 10)).await;
}

async fn what_is_dropped_is_gone(store: &Subject) {
    let mut writer = store.create(&name(9)).await.unwrap();
    writer.write(store.content(&name(9), 9, 1000)).await.unwrap();
    drop(writer);
    assert_absent(store, &name(9), "dropped").await;
}

async fn a_name_is_written_once(store: &Subject) {
    let first = store.content(&name(10), 10, 100);
    store.put(&name(10), vec![first.clone()]).await.unwrap();
    assert_eq!(
        store.put(&name(10), vec![store.content(&name(10), 11, 100)]).await,
        Err(StoreError::AlreadyExists),
        "put again"
    );
    for len in [100, LARGE_BYTES] {
        let again = async {
            let mut writer = store.create(&name(10)).await?;
            writer.write(store.content(&name(10), 12, len)).await?;
            writer.seal().await
        };
        assert_eq!(again.await, Err(StoreError::AlreadyExists), "written again with {len} bytes");
    }
    assert_holds(store, &name(10), &first).await;
}

async fn large_slivers_are_whole(store: &Subject) {
    let whole = store.content(&name(13), 13, LARGE_BYTES);
    store.put(&name(13), vec![whole.slice(..5), whole.slice(5..)]).await.unwrap();
    assert_holds(store, &name(13), &whole).await;
    let mut writer = store.create(&name(14)).await.unwrap();
    let whole = store.content(&name(14), 14, LARGE_BYTES);
    for at in (0..whole.len()).step_by(1_000_000) {
        writer.write(whole.slice(at..whole.len().min(at + 1_000_000))).await.unwrap();
    }
    writer.seal().await.unwrap();
    assert_holds(store, &name(14), &whole).await;
}

async fn many_writers_do_not_meet(store: &Subject) {
    let numbers = || 100..132_u8;
    let one = |number| async move {
        let whole = store.content(&name(number), number, 20_000);
        if number % 2 == 0 {
            return store.put(&name(number), vec![whole]).await;
        }
        let mut writer = store.create(&name(number)).await?;
        writer.write(whole.slice(..777)).await?;
        writer.write(whole.slice(777..)).await?;
        writer.seal().await
    };
    for done in futures::future::join_all(numbers().map(one)).await {
        done.unwrap();
    }
    for number in numbers() {
        assert_holds(store, &name(number), &store.content(&name(number), number, 20_000)).await;
    }
    let shared = name(140);
    let same = (0..8).map(|number| store.put(&shared, vec![store.content(&shared, number, 5_000)]));
    let done = futures::future::join_all(same).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "one of eight writers of a name wins: {done:?}");
    let winner = done.iter().position(Result::is_ok).and_then(|winner| u8::try_from(winner).ok()).unwrap();
    assert_holds(store, &name(140), &store.content(&shared, winner, 5_000)).await;
}

/// That the answer to a challenge leads to the root of this sliver.
async fn assert_proves(store: &Subject, name: &SliverName, whole: &[u8], position: SamplePosition) {
    let footer_len = FooterTail::parse(&whole[whole.len() - FOOTER_TAIL_BYTES..]).unwrap().footer_len();
    let footer = &whole[whole.len() - usize::try_from(footer_len).unwrap()..];
    let described = SelfDescribed::parse(&whole[..HEADER_BYTES], footer, whole.len() as u64).unwrap();
    let answer = store.prove(name, &Challenge { position, epoch: 1, nonce: [2; 32] }).await.unwrap();
    let proof = PossessionProof::parse(&answer.proof).unwrap();
    assert_eq!(proof.verify(&described.identity, &described.root, position), Ok(()), "{position:?} of {name}");
}

async fn what_is_stored_is_proven(store: &Subject) {
    let challenge =
        |stripe, sample| Challenge { position: SamplePosition { stripe, sample }, epoch: 1, nonce: [2; 32] };
    assert_eq!(store.prove(&name(17), &challenge(0, 0)).await, Err(StoreError::NotFound), "proof of an absent sliver");
    let whole = store.sliver(&name(17), 17, content(17, 3_000_000));
    store.put(&name(17), vec![whole.clone()]).await.unwrap();
    for (stripe, sample) in [(0, 0), (1, 1_000), (2, 0), (2, 800)] {
        assert_proves(store, &name(17), &whole, SamplePosition { stripe, sample }).await;
    }
    for (stripe, sample) in [(3, 0), (2, 5_000), (0, u32::MAX), (u32::MAX, 0)] {
        let refused = store.prove(&name(17), &challenge(stripe, sample)).await;
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "stripe {stripe}, sample {sample}: {refused:?}");
    }
    if store.cluster.is_some() {
        return;
    }
    // Header, block, a leaf in the footer, and its tail.
    let spoiled = [0, 300, whole.len() - 190, whole.len() - 1, whole.len() - 40];
    for (attempt, at) in (1..).zip(spoiled) {
        let (name, mut bytes) = (SliverName { attempt, ..name(17) }, whole.to_vec());
        bytes[at] ^= 1;
        store.put(&name, vec![bytes.into()]).await.unwrap();
        let refused = store.prove(&name, &challenge(0, 0)).await.map(|answer| answer.proof.len());
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "byte {at} is flipped: {refused:?}");
    }
}

async fn what_is_deleted_is_gone(store: &Subject) {
    store.put(&name(15), vec![store.content(&name(15), 15, 10)]).await.unwrap();
    store.delete(&name(15)).await.unwrap();
    assert_absent(store, &name(15), "deleted").await;
    assert_eq!(store.delete(&name(15)).await, Ok(()), "deleted again");
}

async fn what_is_trashed_is_out_of_sight(store: &Subject) {
    store.put(&name(16), vec![store.content(&name(16), 16, 10)]).await.unwrap();
    store.trash(&name(16)).await.unwrap();
    assert_absent(store, &name(16), "trashed").await;
    assert_eq!(store.trash(&name(16)).await, Ok(()), "trashed again");
}

async fn a_list_sees_all(store: &Subject) {
    let before = visible(store).await;
    let mut expected = before.clone();
    for number in 20..90 {
        store.put(&name(number), vec![store.content(&name(number), number, usize::from(number))]).await.unwrap();
        expected.insert(name(number));
    }
    assert_eq!(visible(store).await, expected);
    let mut lens = store.list();
    while let Some(entry) = lens.next().await {
        let entry = entry.unwrap();
        assert_eq!(store.len(&entry.name).await, Ok(entry.len), "length of {} in the list", entry.name);
    }
    drop(lens);
    for number in 20..90 {
        store.delete(&name(number)).await.unwrap();
    }
    assert_eq!(visible(store).await, before);
}

async fn a_probe_and_a_sweep_find_nothing_wrong(store: &Subject) {
    let before = visible(store).await;
    store.probe().await.unwrap_or_else(|error| panic!("a probe fails: {error}"));
    store.sweep(0).await.unwrap_or_else(|error| panic!("a sweep fails: {error}"));
    assert_eq!(visible(store).await, before, "a sweep takes nothing that is visible");
}

async fn an_epoch_begins_once_where_it_begins(store: &Subject) {
    let commitment = *blake3::hash(&[1; 32]).as_bytes();
    let drawn = store.begin_epoch(1, commitment).await.unwrap();
    assert_eq!(store.begin_epoch(1, commitment).await, Ok(drawn), "begun again");
    assert_eq!(store.reveal_epoch(1, [1; 32]).await, Ok(()));
    let other = store.begin_epoch(1, [9; 32]).await;
    let refused = if drawn.is_some() { Err(StoreError::AlreadyExists) } else { Ok(None) };
    assert_eq!(other, refused, "begun with another commitment");
    assert_eq!(store.report_verdicts(&[]).await, Ok(()));
}

async fn a_heartbeat_is_replaced_and_is_no_sliver(store: &Subject) {
    let before = visible(store).await;
    let pulse = store.pulse().await.unwrap();
    assert_eq!((pulse.generation, pulse.heartbeat), (1, None), "a new backend");
    for text in ["first", "a longer second", "3"] {
        store.beat(Bytes::from(text)).await.unwrap();
        assert_eq!(store.pulse().await.unwrap().heartbeat, Some(Bytes::from(text)), "the last one counts");
    }
    assert_eq!(visible(store).await, before, "a heartbeat is no sliver");
}
