//! Audits: draws name slivers, and verdicts are recorded with what follows.

use backends::Verdict;

use crate::domain::{BackendId, Timestamp};
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::{
    AuditEpoch, AuditShare, AuditedSliver, ContainedAudit, Recheck, ReputationRules, ShareProgress, VerdictBatch,
    VerdictRow,
};
use crate::metadata::{AuditMethod, Decay, Thresholds};

const RULES: ReputationRules =
    ReputationRules { decay: Decay { data: 999, answers: 950 }, thresholds: Thresholds { data: 960, answers: 600 } };

fn backend(number: u8) -> BackendId {
    format!("b{number}").parse().expect("a name")
}

/// Two blobs over six backends, whose rows are there, and an epoch.
async fn begun(f: &Fixture) -> AuditEpoch {
    f.put("one", 10).await;
    f.put("two", 20).await;
    f.meddle(
        "INSERT INTO backend (name, url, provider, zone, formatted, created_at) \
         SELECT DISTINCT backend, '', '', '', TRUE, 0 FROM sliver",
    )
    .await;
    f.store.audit_epoch(3_600, [1; 32], [2; 32]).await.unwrap().0
}

async fn slivers(f: &Fixture, number: u8) -> Vec<AuditedSliver> {
    f.store.slivers_of_serials(&backend(number), &[1, 2, 3, 4, 5]).await.unwrap()
}

fn verdict(id: u8, sliver: &AuditedSliver, verdict: Verdict) -> VerdictRow {
    VerdictRow {
        id: [id; 16],
        backend: sliver.placement.backend.clone(),
        epoch: 1,
        blob: sliver.blob.id,
        index: sliver.placement.index,
        attempt: sliver.placement.attempt,
        method: AuditMethod::Challenge,
        verdict,
        reason: "because".to_owned(),
        evidence: "{}".to_owned(),
        judged_at: Timestamp(0),
    }
}

fn batch(verdicts: Vec<VerdictRow>) -> VerdictBatch {
    VerdictBatch { verdicts, contained: Vec::new(), progress: Vec::new(), rules: RULES }
}

both! {
    async fn every_blob_has_a_number_and_older_ones_get_theirs(f: &Fixture) {
        let epoch = begun(f).await;
        assert_eq!((epoch.number, epoch.serials, epoch.secret), (1, 2, [1; 32]));
        assert_eq!(slivers(f, 2).await.iter().map(|sliver| sliver.serial).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(slivers(f, 9).await.len(), 0, "it holds nothing");
        f.meddle("UPDATE blob SET serial = NULL").await;
        assert_eq!(slivers(f, 2).await.len(), 0);
        let first = f.store.number_blobs(None, 1).await.unwrap();
        assert!(first.is_some());
        assert!(f.store.number_blobs(first, 1).await.unwrap().is_some());
        assert_eq!(f.one_int("SELECT COUNT(DISTINCT serial) FROM blob").await, 2);
        f.put("three", 30).await;
        assert_eq!(f.one_int("SELECT COUNT(DISTINCT serial) FROM blob").await, 3, "numbers do not meet");
    }

    async fn epochs_follow_each_other_and_keep_their_secrets(f: &Fixture) {
        let epoch = begun(f).await;
        let (same, _) = f.store.audit_epoch(3_600, [3; 32], [4; 32]).await.unwrap();
        assert_eq!(same, epoch, "it is under way");
        assert_eq!(f.store.unrevealed_epochs(8).await.unwrap().len(), 0);
        f.store.reveal_epoch(1).await.unwrap();
        assert_eq!(f.store.revealed_secret(1).await.unwrap(), None, "not before it is over");
        f.meddle("UPDATE audit_epoch SET begun_at = 0, ends_at = 1").await;
        assert_eq!(f.store.unrevealed_epochs(8).await.unwrap().len(), 1);
        f.store.reveal_epoch(1).await.unwrap();
        assert_eq!(f.store.revealed_secret(1).await.unwrap(), Some([1; 32]));
        assert_eq!(f.store.audit_epoch(3_600, [3; 32], [4; 32]).await.unwrap().0.number, 2);
        assert_eq!(f.store.last_audit_epoch().await.unwrap(), Some(2));
    }

    async fn a_loss_becomes_a_repair_and_what_moved_is_void(f: &Fixture) {
        begun(f).await;
        let held = slivers(f, 2).await;
        let mut moved = held[1].clone();
        moved.placement.attempt += 1;
        let verdicts = vec![verdict(1, &held[0], Verdict::Missing), verdict(2, &moved, Verdict::Wrong)];
        let recorded = f.store.record_verdicts(batch(verdicts)).await.unwrap();
        assert_eq!(recorded.iter().map(|row| row.verdict).collect::<Vec<_>>(), [Verdict::Missing, Verdict::Void]);
        assert_eq!(f.one_int("SELECT COUNT(*) FROM finding").await, 1);
        assert_eq!(f.one_int("SELECT COUNT(*) FROM job WHERE kind = 'repair'").await, 1);
        let known = f.store.reputations().await.unwrap();
        assert_eq!((known[&backend(2)].reputation.audits, known[&backend(2)].suspended_at), (1, None));
        assert!(known[&backend(2)].reputation.data.score() < 1_000);
        assert_eq!(f.store.unreported_verdicts(&backend(2), 10).await.unwrap().len(), 2);
        f.store.verdicts_reported(vec![[1; 16], [2; 16]]).await.unwrap();
        assert_eq!(f.store.unreported_verdicts(&backend(2), 10).await.unwrap().len(), 0);
        assert_eq!(f.store.verdict([1; 16]).await.unwrap().unwrap().reason, "because");
        assert_eq!(f.store.verdict([9; 16]).await.unwrap(), None);
    }

    async fn who_loses_much_is_left_until_it_is_reinstated(f: &Fixture) {
        begun(f).await;
        let held = slivers(f, 2).await;
        let losses = (0..60).map(|id| verdict(id, &held[0], Verdict::Wrong)).collect();
        f.store.record_verdicts(batch(losses)).await.unwrap();
        assert_eq!(f.store.leaving_backends().await.unwrap(), [backend(2)].into());
        assert!(f.store.enqueue_leaving(None).await.unwrap().enqueued > 0, "what it holds is moved");
        let passed = (100..160).map(|id| verdict(id, &held[0], Verdict::Passed)).collect();
        f.store.record_verdicts(batch(passed)).await.unwrap();
        assert_eq!(f.store.leaving_backends().await.unwrap().len(), 1, "it does not come back by itself");
        assert!(f.store.reset_reputation(&backend(2)).await.unwrap());
        assert_eq!(f.store.leaving_backends().await.unwrap().len(), 0);
    }

    async fn contained_audits_are_due_again_and_shares_never_go_back(f: &Fixture) {
        begun(f).await;
        let held = slivers(f, 2).await;
        let share = AuditShare { nonce: [5; 32], nonce_signature: Some([6; 64]), due: 10, drawn: 0, found: 0, bytes: 0 };
        f.store.begin_audit_share(1, backend(2), share.clone()).await.unwrap();
        f.store.begin_audit_share(1, backend(2), AuditShare { nonce: [7; 32], ..share.clone() }).await.unwrap();
        assert_eq!(f.store.audit_shares(1).await.unwrap()[&backend(2)], share, "it has begun");
        let contained = ContainedAudit {
            backend: backend(2),
            blob: held[0].blob.id,
            index: held[0].placement.index,
            attempt: held[0].placement.attempt,
            epoch: 1,
            draw: 3,
            tries: 1,
        };
        let progress = ShareProgress { epoch: 1, backend: backend(2), drawn: 4, found: 1, bytes: 100 };
        let asked = VerdictBatch {
            contained: vec![(contained.clone(), 0)],
            progress: vec![progress.clone()],
            ..batch(vec![verdict(1, &held[0], Verdict::Contained)])
        };
        f.store.record_verdicts(asked).await.unwrap();
        assert_eq!(f.store.contained_audits(&backend(2), 10).await.unwrap(), [contained]);
        let again = VerdictBatch { progress: vec![progress], ..batch(vec![verdict(2, &held[0], Verdict::Passed)]) };
        f.store.record_verdicts(again).await.unwrap();
        assert_eq!(f.store.contained_audits(&backend(2), 10).await.unwrap(), [], "it was answered");
        let now = &f.store.audit_shares(1).await.unwrap()[&backend(2)];
        assert_eq!((now.drawn, now.found, now.bytes), (4, 1, 100), "the same draws count once");
    }

    async fn verdicts_are_judged_again_once_and_removed_when_they_are_old(f: &Fixture) {
        begun(f).await;
        let held = slivers(f, 2).await;
        f.store.record_verdicts(batch(vec![verdict(1, &held[0], Verdict::Passed)])).await.unwrap();
        assert_eq!(f.store.recheckable_verdicts(100, 10).await.unwrap().len(), 0, "the secret is not known yet");
        f.meddle("UPDATE audit_epoch SET begun_at = 0, ends_at = 1").await;
        f.store.reveal_epoch(1).await.unwrap();
        let chosen = f.store.recheckable_verdicts(100, 10).await.unwrap();
        assert_eq!((chosen.len(), chosen[0].1), (1, [1; 32]));
        f.store.record_rechecks(vec![([1; 16], Recheck::Confirmed)]).await.unwrap();
        assert_eq!(f.store.recheckable_verdicts(100, 10).await.unwrap().len(), 0);
        f.meddle("UPDATE verdict SET recheck = ''").await;
        f.store.end_rechecks().await.unwrap();
        assert_eq!(f.store.recheckable_verdicts(100, 10).await.unwrap().len(), 0, "the epoch is done with");
        f.store.prune_verdicts(30).await.unwrap();
        assert_eq!(f.store.verdicts_of(&backend(2), 10).await.unwrap().len(), 1);
        f.meddle("UPDATE verdict SET judged_at = 0").await;
        f.store.prune_verdicts(30).await.unwrap();
        assert_eq!(f.store.verdicts_of(&backend(2), 10).await.unwrap().len(), 0);
        assert_eq!(f.one_int("SELECT COUNT(*) FROM audit_epoch").await, 0);
    }
}
