//! Which requests come together, and when, in paused time.

use std::future::ready;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::*;

struct Request {
    id: u32,
    weight: u64,
    lingers: bool,
}

impl Batchable for Request {
    type Answer = u32;

    fn weight(&self) -> u64 {
        self.weight
    }

    fn lingers(&self) -> bool {
        self.lingers
    }
}

const LINGER_MS: u64 = 10;
const LIMITS: GroupLimits =
    GroupLimits { waiting_max: 8, requests_max: 5, weight_max: 100, linger_max: Duration::from_millis(LINGER_MS) };

fn light(id: u32) -> Request {
    Request { id, weight: 1, lingers: true }
}

fn ids(group: &[Submission<Request>]) -> Vec<u32> {
    group.iter().map(|submission| submission.request.id).collect()
}

/// Hands a request in from a task of its own, after so many milliseconds.
fn submit_after(batcher: &Batcher<Request>, ms: u64, request: Request) -> JoinHandle<Result<u32, NotAnswered>> {
    let batcher = batcher.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(ms)).await;
        batcher.submit(request).await
    })
}

/// Hands these in, so that all of them wait.
async fn submit(batcher: &Batcher<Request>, requests: impl IntoIterator<Item = Request>) {
    for request in requests {
        let batcher = batcher.clone();
        tokio::spawn(async move { batcher.submit(request).await });
    }
    // The tasks run, in order, before a timer fires.
    sleep(Duration::from_millis(1)).await;
}

/// The next group of a handler that is ready at once, and after how many milliseconds it came.
async fn next(groups: &mut Groups<Request>) -> (Vec<u32>, u128) {
    let start = Instant::now();
    let (group, ()) = groups.next(ready(())).await.expect("open");
    (ids(&group), start.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn a_lone_request_never_waits() {
    let (batcher, mut groups) = batcher(LIMITS);
    for id in 1..4 {
        submit(&batcher, [light(id)]).await;
        assert_eq!(next(&mut groups).await, (vec![id], 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_arrived_comes_together() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit(&batcher, (1..4).map(light)).await;
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3], 0), "though only one was expected");
}

#[tokio::test(start_paused = true)]
async fn a_group_waits_for_as_many_as_the_last_one_had() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit(&batcher, (1..4).map(light)).await;
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3], 0));
    submit(&batcher, [light(4)]).await;
    submit_after(&batcher, 3, light(5));
    submit_after(&batcher, 7, light(6));
    submit_after(&batcher, 8, light(7));
    assert_eq!(next(&mut groups).await, (vec![4, 5, 6], 7), "not for more");
}

#[tokio::test(start_paused = true)]
async fn but_no_longer_than_the_linger() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit(&batcher, (1..4).map(light)).await;
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3], 0));
    submit(&batcher, [light(4)]).await;
    submit_after(&batcher, LINGER_MS - 1, light(5));
    submit_after(&batcher, LINGER_MS + 1, light(6));
    assert_eq!(next(&mut groups).await, (vec![4, 5], u128::from(LINGER_MS)));
    assert_eq!(next(&mut groups).await, (vec![6], 1 + u128::from(LINGER_MS)), "two were expected, then");
    submit(&batcher, [light(7)]).await;
    assert_eq!(next(&mut groups).await, (vec![7], 0), "and now one");
}

#[tokio::test(start_paused = true)]
async fn a_full_group_waits_for_nothing_and_leaves_the_rest() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit(&batcher, (1..8).map(light)).await;
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3, 4, 5], 0), "so many requests");
    assert_eq!(next(&mut groups).await, (vec![6, 7], u128::from(LINGER_MS)));
    let heavy = |id, weight| Request { weight, ..light(id) };
    submit(&batcher, [heavy(1, 50), heavy(2, 49), heavy(3, 30), heavy(4, 100), heavy(5, 1)]).await;
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3], 0), "what fills it up is in it");
    assert_eq!(next(&mut groups).await, (vec![4], 0), "one may be as heavy as a group");
    assert_eq!(next(&mut groups).await, (vec![5], 0));
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_those_that_may_wait_keep_their_callers_waiting() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit(&batcher, (1..11).map(light)).await;
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3, 4, 5], 0));
    assert_eq!(next(&mut groups).await, (vec![6, 7, 8, 9, 10], 0), "in the order in which they came");
}

#[tokio::test(start_paused = true)]
async fn a_group_grows_while_its_handler_is_not_ready() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit_after(&batcher, 0, light(1));
    submit_after(&batcher, 2, light(2));
    submit_after(&batcher, 3 * LINGER_MS - 1, light(3));
    let start = Instant::now();
    let busy = async {
        sleep(Duration::from_millis(3 * LINGER_MS)).await;
        "ready"
    };
    let (group, begins) = groups.next(busy).await.expect("open");
    assert_eq!((ids(&group), begins), (vec![1, 2, 3], "ready"));
    assert_eq!(start.elapsed().as_millis(), 3 * u128::from(LINGER_MS), "the linger was over before");

    submit(&batcher, [light(4)]).await;
    let start = Instant::now();
    let (group, ()) = groups.next(sleep(Duration::from_millis(4))).await.expect("open");
    assert_eq!(ids(&group), [4]);
    assert_eq!(start.elapsed().as_millis(), u128::from(LINGER_MS), "it counts from the first request on");
}

#[tokio::test(start_paused = true)]
async fn a_full_group_takes_no_more_while_its_handler_is_not_ready() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit(&batcher, (1..8).map(light)).await;
    let (group, ()) = groups.next(sleep(Duration::from_millis(LINGER_MS))).await.expect("open");
    assert_eq!(ids(&group), [1, 2, 3, 4, 5]);
    assert_eq!(next(&mut groups).await.0, [6, 7]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_linger_takes_along_what_waits() {
    let (batcher, mut groups) = batcher(LIMITS);
    let hurried = |id| Request { lingers: false, ..light(id) };
    submit(&batcher, (1..5).map(light)).await;
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3, 4], 0));
    submit(&batcher, [hurried(5), light(6)]).await;
    assert_eq!(next(&mut groups).await, (vec![5, 6], 0), "four were expected");
    submit(&batcher, [light(7)]).await;
    submit_after(&batcher, 2, hurried(8));
    assert_eq!(next(&mut groups).await, (vec![7, 8], 2), "it joins as any other");
}

#[tokio::test(start_paused = true)]
async fn each_caller_gets_its_own_answer() {
    let (batcher, mut groups) = batcher(LIMITS);
    let callers: Vec<_> = (1..4).map(|id| submit_after(&batcher, 0, light(id))).collect();
    sleep(Duration::from_millis(1)).await;
    let (group, ()) = groups.next(ready(())).await.expect("open");
    for submission in group {
        submission.reply.send(submission.request.id * 10).expect("the caller waits");
    }
    let answers = futures::future::join_all(callers).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("no panic")).collect();
    assert_eq!(answers, [Ok(10), Ok(20), Ok(30)]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_group_that_is_given_up_loses_nothing() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit(&batcher, (1..4).map(light)).await;
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3], 0));
    submit(&batcher, [light(4)]).await;
    assert!(timeout(Duration::from_millis(4), groups.next(ready(()))).await.is_err(), "it waits for three");
    submit(&batcher, [light(5)]).await;
    assert!(timeout(Duration::from_millis(1), groups.next(sleep(Duration::from_secs(1)))).await.is_err());
    assert_eq!(next(&mut groups).await, (vec![4, 5], u128::from(LINGER_MS) - 6), "its linger goes on");
}

#[tokio::test(start_paused = true)]
async fn closing_drains_without_waiting() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit(&batcher, (1..8).map(light)).await;
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3, 4, 5], 0));
    assert!(!groups.is_closed());
    groups.close();
    assert!(groups.is_closed());
    assert_eq!(batcher.submit(light(8)).await, Err(NotAnswered::Closed));
    assert_eq!(next(&mut groups).await, (vec![6, 7], 0), "five were expected");
    assert!(groups.next(ready(())).await.is_none());
    assert!(groups.next(ready(())).await.is_none(), "for good");
}

#[tokio::test(start_paused = true)]
async fn closing_ends_the_wait_for_company() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit(&batcher, (1..4).map(light)).await;
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3], 0));
    submit(&batcher, [light(4)]).await;
    assert!(timeout(Duration::from_millis(2), groups.next(ready(()))).await.is_err());
    groups.close();
    assert_eq!(next(&mut groups).await, (vec![4], 0));
}

#[tokio::test(start_paused = true)]
async fn groups_end_when_nobody_can_hand_anything_in() {
    let (batcher, mut groups) = batcher(LIMITS);
    submit(&batcher, (1..4).map(light)).await;
    // Tasks that wait for an answer hold the batcher; they give up with their group.
    assert_eq!(next(&mut groups).await, (vec![1, 2, 3], 0));
    drop(batcher);
    assert!(groups.next(ready(())).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_handler_that_is_gone() {
    let (batcher, mut groups) = batcher(LIMITS);
    let in_hand = submit_after(&batcher, 0, light(1));
    sleep(Duration::from_millis(1)).await;
    let (group, ()) = groups.next(ready(())).await.expect("open");
    let waits = submit_after(&batcher, 0, light(2));
    sleep(Duration::from_millis(1)).await;
    drop(groups);
    assert_eq!(waits.await.expect("no panic"), Err(NotAnswered::Abandoned));
    assert!(!in_hand.is_finished(), "its group is still being handled");
    drop(group);
    assert_eq!(in_hand.await.expect("no panic"), Err(NotAnswered::Abandoned));
    assert_eq!(batcher.submit(light(3)).await, Err(NotAnswered::Closed));
}
