//! Rebalances, replacements, invitations, and the repair queue as it is shown.

use crate::domain::{BackendId, Timestamp};
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::tests::repairs::{FIVE_LEFT, WHOLE};
use crate::metadata::{InvitationUse, RepairQueue};

/// The urgency of a blob that is only rebalanced.
const UNBALANCED: i64 = 11_000;

fn backend(number: u8) -> BackendId {
    format!("b{number}").parse().expect("a name")
}

/// Two blobs over six backends, whose rows are there.
async fn two_blobs(f: &Fixture) {
    f.put("one", 10).await;
    f.put("two", 20).await;
    f.meddle(
        "INSERT INTO backend (name, url, provider, zone, formatted, created_at) \
         SELECT DISTINCT backend, '', '', '', TRUE, 0 FROM sliver",
    )
    .await;
}

both! {
    async fn a_rebalance_is_one_and_asks_behind_everything(f: &Fixture) {
        two_blobs(f).await;
        let blobs = f.store.live_blobs(None, 10).await.unwrap();
        assert_eq!((blobs.len(), blobs[0].placements.len()), (2, 6));
        assert_eq!(f.store.live_blobs(Some(blobs[0].id), 10).await.unwrap(), blobs[1..]);
        assert_eq!(f.store.enqueue_rebalance(&blobs).await.unwrap(), 0, "nobody asked for one");
        assert!(f.store.begin_rebalance(7, 700).await.unwrap());
        assert!(!f.store.begin_rebalance(9, 900).await.unwrap(), "one goes on");
        let start = f.store.rebalance().await.unwrap().unwrap();
        assert_eq!((start.slivers, start.bytes), (7, 700));
        f.store.begin_drain(&backend(2)).await.unwrap();
        assert_eq!(f.store.enqueue_rebalance(&blobs[..1]).await.unwrap(), 1);
        assert_eq!(f.store.enqueue_rebalance(&blobs).await.unwrap(), 1, "each once");
        assert_eq!((f.store.rebalance_jobs().await.unwrap(), f.store.enqueue_moves_off(&backend(2)).await.unwrap()), (2, 2));
        assert_eq!(f.store.claim_endangered(10, 60).await.unwrap(), [], "moves wait for their turn");
        assert!(!f.store.end_rebalance_if_done(start.began).await.unwrap(), "there are jobs");
        assert!(f.store.end_rebalance().await.unwrap() && !f.store.end_rebalance().await.unwrap());
        assert_eq!((f.store.rebalance_jobs().await.unwrap(), f.store.rebalance().await.unwrap()), (0, None));
        f.store.begin_rebalance(0, 0).await.unwrap();
        let began = f.store.rebalance().await.unwrap().unwrap().began;
        assert!(!f.store.end_rebalance_if_done(Timestamp(began.0 - 1)).await.unwrap(), "another one");
        assert!(f.store.end_rebalance_if_done(began).await.unwrap());
    }

    async fn what_is_lost_overtakes_what_only_moves(f: &Fixture) {
        two_blobs(f).await;
        f.store.begin_rebalance(2, 2).await.unwrap();
        let blobs = f.store.live_blobs(None, 10).await.unwrap();
        f.store.enqueue_rebalance(&blobs).await.unwrap();
        f.store.set_backend_removed(&backend(0), true).await.unwrap();
        assert_eq!(f.store.enqueue_leaving(None).await.unwrap().enqueued, 2);
        assert_eq!(f.one_int(format!("SELECT COUNT(*) FROM job WHERE urgency = {FIVE_LEFT}")).await, 2);
        assert_eq!(f.store.claim_last(10, 60).await.unwrap(), [], "one more may be lost");
        f.store.set_backend_removed(&backend(1), true).await.unwrap();
        let mut walk = f.store.enqueue_leaving(None).await.unwrap();
        while walk.next.is_some() {
            walk = f.store.enqueue_leaving(walk.next).await.unwrap();
        }
        assert_eq!(f.store.claim_last(10, 0).await.unwrap().len(), 2);
        assert_eq!(f.store.claim_endangered(10, 60).await.unwrap().len(), 2);
        assert!(f.store.end_rebalance().await.unwrap());
        assert_eq!(f.one_int("SELECT COUNT(*) FROM job").await, 2, "they are the repair's");
    }

    async fn a_replacement_is_a_drain_with_an_end(f: &Fixture) {
        two_blobs(f).await;
        let (old, new) = (backend(2), backend(3));
        assert!(!f.store.begin_replacement(&old, &backend(9)).await.unwrap(), "nobody has that name");
        assert!(!f.store.begin_replacement(&old, &old).await.unwrap());
        assert!(f.store.begin_replacement(&old, &new).await.unwrap());
        assert_eq!(f.store.successors().await.unwrap(), [(old.clone(), new.clone())].into());
        assert_eq!(f.store.draining_backends().await.unwrap()[&old].slivers, 2);
        assert_eq!(f.store.leaving_backends().await.unwrap(), [].into(), "each gateway asks whether it knows the successor");
        assert!(!f.store.begin_replacement(&new, &old).await.unwrap(), "no circle");
        assert!(f.store.cancel_drain(&old).await.unwrap());
        assert_eq!((f.store.successors().await.unwrap().len(), f.store.draining_backends().await.unwrap().len()), (0, 0));
        assert!(!f.store.end_replacement(&old, &new).await.unwrap(), "it was cancelled meanwhile");
        f.store.begin_replacement(&old, &new).await.unwrap();
        assert!(f.store.end_replacement(&old, &new).await.unwrap());
        assert_eq!(f.store.removed_backends().await.unwrap(), [old.clone()].into());
        assert_eq!(f.store.successors().await.unwrap().len(), 0);
    }

    async fn an_invitation_is_good_once_and_until_its_end(f: &Fixture) {
        let now = f.store.database_time().await.unwrap().0;
        let (good, over) = ([1; 32], [2; 32]);
        f.store.record_invitation(good, 5_000, Timestamp(now + 60_000_000)).await.unwrap();
        f.store.record_invitation(over, 5_000, Timestamp(now - 1)).await.unwrap();
        assert_eq!(f.store.use_invitation([3; 32], "k1").await.unwrap(), InvitationUse::Unknown);
        assert_eq!(f.store.use_invitation(over, "k1").await.unwrap(), InvitationUse::Expired);
        assert_eq!(f.store.invitation(good).await.unwrap().unwrap().node_key, None);
        assert_eq!(f.store.use_invitation(good, "k1").await.unwrap(), InvitationUse::Taken);
        assert_eq!(f.store.use_invitation(good, "k1").await.unwrap(), InvitationUse::Taken, "what failed later is repeated");
        assert_eq!(f.store.use_invitation(good, "k2").await.unwrap(), InvitationUse::UsedByAnother);
        let kept = f.store.invitation(good).await.unwrap().unwrap();
        assert_eq!((kept.node_key.as_deref(), kept.quota_bytes), (Some("k1"), 5_000));
        assert!(f.store.record_invitation(good, 1, Timestamp(now)).await.is_err(), "a secret is drawn once");
    }

    async fn the_queue_is_counted_by_rank_and_names_what_is_lost(f: &Fixture) {
        two_blobs(f).await;
        assert_eq!(f.store.repair_queue().await.unwrap(), RepairQueue::default());
        f.store.begin_rebalance(2, 2).await.unwrap();
        let blobs = f.store.live_blobs(None, 10).await.unwrap();
        f.store.enqueue_rebalance(&blobs).await.unwrap();
        assert_eq!(f.store.repair_queue().await.unwrap(), RepairQueue { rebalance: 2, ..RepairQueue::default() });
        let of = async |urgency: i64| {
            f.meddle(format!("UPDATE job SET urgency = {urgency}")).await;
            f.store.repair_queue().await.unwrap()
        };
        assert_eq!(of(250).await, RepairQueue { last: 2, ..RepairQueue::default() });
        assert_eq!(of(FIVE_LEFT).await, RepairQueue { endangered: 2, ..RepairQueue::default() });
        assert_eq!(of(7_124).await, RepairQueue { endangered: 2, ..RepairQueue::default() });
        assert_eq!(of(WHOLE).await, RepairQueue { moves: 2, ..RepairQueue::default() });
        assert_eq!(of(UNBALANCED).await, RepairQueue { rebalance: 2, ..RepairQueue::default() });
        assert_eq!(f.store.unrepairable(10, 10).await.unwrap(), []);
        f.store.claim_repairs(1, 0).await.unwrap();
        assert_eq!(of(20_000).await, RepairQueue { unrepairable: 2, waiting: 1, ..RepairQueue::default() });
        let lost = f.store.unrepairable(10, 10).await.unwrap();
        let mut names: Vec<_> = lost.iter().flat_map(|one| &one.objects).map(|(_, key)| key.clone()).collect();
        names.sort();
        assert_eq!(names, [b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(f.store.unrepairable(1, 10).await.unwrap().len(), 1);
    }
}
