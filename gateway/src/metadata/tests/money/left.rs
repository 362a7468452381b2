//! How a provider leaves decides what becomes of its holdback: who lost what it held, or was excluded, forfeits it.

use super::charged_epochs::{begin, end, judge, paying_bucket, settle};
use crate::domain::BackendId;
use crate::domain::money::account::Book;
use crate::domain::money::epoch::Epoch;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::settlement::{EpochInputs, Standing};

fn b1() -> BackendId {
    "b1".parse().unwrap()
}

/// An epoch after which something of what b1 earned is held back.
async fn with_holdback(f: &Fixture) {
    paying_bucket(f).await;
    f.meddle(
        "INSERT INTO backend (name, url, provider, zone, formatted, created_at) \
         SELECT DISTINCT backend, '', '', '', TRUE, 0 FROM sliver",
    )
    .await;
    end(f).await;
    settle(f).await;
    begin(f).await;
}

/// What the second epoch says of b1, what of its holdback returned, and what it lost.
async fn settled(f: &Fixture) -> (Standing, u64, u64) {
    end(f).await;
    let inputs = settle(f).await;
    let facts = &inputs.providers[0];
    assert!(facts.provider == "b1" && !facts.holdback.is_zero(), "{facts:?}");
    let standing = facts.standing;
    let earned = f.store.earnings(Book::On, Some("b1"), (Epoch(2), Epoch(2))).await.unwrap();
    let earned = earned.get(&(Epoch(2), "b1".to_owned())).copied().unwrap_or_default();
    (standing, earned.returned.0, earned.slashed.0)
}

async fn remove(f: &Fixture) {
    assert!(f.store.set_backend_removed(&b1(), true).await.unwrap());
}

async fn suspend(f: &Fixture) {
    f.meddle(
        "INSERT INTO reputation (backend, kept_good, kept_bad, clear_good, clear_bad, online_good, online_bad, audits, suspended_at, \
         reason) VALUES ('b1', 0, 1, 0, 0, 0, 0, 9, 7, 'it lied')",
    )
    .await;
}

fn lost_by(inputs: &EpochInputs, provider: &str) -> usize {
    inputs.losses.iter().filter(|loss| loss.provider == provider).count()
}

both! {
    async fn who_hands_over_everything_gets_its_holdback_back(f: &Fixture) {
        with_holdback(f).await;
        f.delete("content").await;
        remove(f).await;
        let (standing, returned, lost) = settled(f).await;
        assert!(standing == Standing::Left && returned > 0 && lost == 0, "{standing:?}: {returned}, {lost}");
    }

    async fn who_is_removed_with_slivers_forfeits_its_holdback(f: &Fixture) {
        with_holdback(f).await;
        remove(f).await;
        let (standing, returned, lost) = settled(f).await;
        assert!(standing == Standing::Disqualified && returned == 0 && lost > 0, "{standing:?}: {returned}, {lost}");
    }

    async fn who_counts_as_lost_and_is_removed_once_others_have_rebuilt_it_forfeits_its_holdback(f: &Fixture) {
        with_holdback(f).await;
        f.meddle("UPDATE backend SET away_since = 7, away_until = 8, lost_at = 9 WHERE name = 'b1'").await;
        f.delete("content").await;
        remove(f).await;
        let (standing, returned, lost) = settled(f).await;
        assert!(standing == Standing::Disqualified && returned == 0 && lost > 0, "{standing:?}: {returned}, {lost}");
    }

    async fn who_is_excluded_by_its_audits_forfeits_its_holdback(f: &Fixture) {
        with_holdback(f).await;
        suspend(f).await;
        f.delete("content").await;
        remove(f).await;
        let (standing, returned, lost) = settled(f).await;
        assert!(standing == Standing::Disqualified && returned == 0 && lost > 0, "{standing:?}: {returned}, {lost}");
    }

    async fn who_is_suspended_and_still_there_is_suspended(f: &Fixture) {
        with_holdback(f).await;
        suspend(f).await;
        let (standing, _, lost) = settled(f).await;
        assert!(standing == Standing::Suspended && lost == 0, "{standing:?}, {lost}");
    }

    async fn what_is_not_rebuilt_yet_does_not_count_as_held(f: &Fixture) {
        with_holdback(f).await;
        judge(f, "b2", "passed", "{}").await;
        remove(f).await;
        end(f).await;
        let inputs = settle(f).await;
        assert_eq!((lost_by(&inputs, "b1"), lost_by(&inputs, "b2")), (1, 0));
        assert!(f.store.absences().await.unwrap().is_empty(), "it is no longer away");
        f.store.set_backend_removed(&b1(), false).await.unwrap();
        assert!(f.store.lost_backends().await.unwrap().is_empty(), "it was taken back");
    }
}
