//! Who is silent in too many audits of an epoch takes nothing new until it answers one, staked or not, charged or tracked.

use backends::Verdict;
use codec::BlobId;

use super::charged_epochs::{begin_in, end, judge, settle};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::mode::MoneyMode;
use crate::domain::{BackendId, Timestamp};
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::{AuditMethod, Decay, ReputationRules, Thresholds, VerdictBatch, VerdictRow};
use crate::settlement::Standing;

fn backend(name: &str) -> BackendId {
    name.parse().unwrap()
}

/// What an audit of a backend comes to, as it is recorded.
async fn audited(f: &Fixture, id: u8, name: &str, verdict: Verdict) {
    let row = VerdictRow {
        id: [id; 16],
        backend: backend(name),
        epoch: 1,
        blob: BlobId([id; 16]),
        index: 0,
        attempt: 0,
        method: AuditMethod::Challenge,
        verdict,
        reason: String::new(),
        evidence: "{}".to_owned(),
        judged_at: Timestamp(0),
    };
    let rules = ReputationRules { decay: Decay::default(), thresholds: Thresholds { data: 960, answers: 600 } };
    let (contained, progress) = (Vec::new(), Vec::new());
    let batch = VerdictBatch { verdicts: vec![row], contained, progress, rules };
    f.store.record_verdicts(batch).await.unwrap();
}

async fn silent_in(f: &Fixture, name: &str) -> Option<Epoch> {
    f.store.reputations().await.unwrap().get(&backend(name)).and_then(|known| known.silent_in)
}

/// A tracked epoch in which b1 was silent and the others were not.
async fn with_silence(f: &Fixture) {
    begin_in(f, MoneyMode::Track).await;
    f.put("content", 1_000_000).await;
    audited(f, 1, "b1", Verdict::Offline).await;
    audited(f, 2, "b2", Verdict::Passed).await;
    judge(f, "b3", "passed", "{}").await;
    end(f).await;
}

both! {
    async fn who_was_silent_is_suspended_until_it_answers(f: &Fixture) {
        with_silence(f).await;
        settle(f).await;
        assert_eq!((silent_in(f, "b1").await, silent_in(f, "b2").await), (Some(Epoch(1)), None));
        audited(f, 3, "b1", Verdict::Offline).await;
        audited(f, 4, "b1", Verdict::Contained).await;
        assert_eq!(silent_in(f, "b1").await, Some(Epoch(1)), "that is no answer");
        begin_in(f, MoneyMode::Track).await;
        end(f).await;
        assert_eq!(settle(f).await.providers[0].standing, Standing::Suspended);
        audited(f, 5, "b1", Verdict::Passed).await;
        assert_eq!(silent_in(f, "b1").await, None, "it answers");
        begin_in(f, MoneyMode::Track).await;
        end(f).await;
        assert_eq!(settle(f).await.providers[0].standing, Standing::Active);
    }

    async fn who_has_answered_since_the_epoch_is_not_suspended_for_it(f: &Fixture) {
        with_silence(f).await;
        audited(f, 3, "b1", Verdict::Passed).await;
        settle(f).await;
        assert_eq!(silent_in(f, "b1").await, None, "it answers again");
    }
}
