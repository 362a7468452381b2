//! What proves a slash stays as long as the ledger names it.

use super::charged_epochs::{begin, end, judge, paying_bucket, settle};
use crate::metadata::signed_wrong_answer;
use crate::metadata::tests::fixture::{Fixture, both};

/// Evidence under a node's signature.
fn signed() -> String {
    serde_json::to_string(&signed_wrong_answer(1)).unwrap()
}

async fn wrong_answers(f: &Fixture) -> i64 {
    f.one_int("SELECT COUNT(*) FROM verdict WHERE verdict = 'wrong'").await
}

/// As if all that was audited were years ago.
async fn prune_old(f: &Fixture) {
    f.meddle("UPDATE verdict SET judged_at = 0").await;
    for _ in 0..2 {
        f.store.prune_verdicts(30).await.unwrap();
    }
}

both! {
    async fn what_proves_a_slash_outlives_other_verdicts(f: &Fixture) {
        paying_bucket(f).await;
        end(f).await;
        settle(f).await;
        begin(f).await;
        let secret = |byte: &str| if f.store.is_shared() { format!("decode(repeat('{byte}', 32), 'hex')") } else { format!("X'{}'", byte.repeat(32)) };
        for number in [1, 2] {
            f.meddle(format!(
                "INSERT INTO audit_epoch (number, secret, commitment, serials, begun_at, ends_at) VALUES ({number}, {0}, {0}, 1, 1, 2)",
                secret("07")
            ))
            .await;
        }
        judge(f, "b1", "wrong", &signed()).await;
        judge(f, "b1", "wrong", "{}").await;
        judge(f, "b2", "passed", "{}").await;
        end(f).await;
        assert_eq!(settle(f).await.evidence.len(), 1);
        prune_old(f).await;
        assert_eq!(f.one_int("SELECT COUNT(*) FROM verdict").await, 1, "the others are gone");
        assert_eq!(wrong_answers(f).await, 1);
        assert_eq!(f.one_int("SELECT COUNT(*) FROM verdict WHERE evidence <> ''").await, 1, "with what proves it");
        assert_eq!(f.one_int("SELECT number FROM audit_epoch").await, 1, "and the secret that chose the sample");
    }

    async fn what_no_settlement_has_counted_yet_is_not_old(f: &Fixture) {
        paying_bucket(f).await;
        judge(f, "b1", "wrong", &signed()).await;
        judge(f, "b2", "passed", "{}").await;
        judge(f, "b3", "passed", "{}").await;
        f.meddle("UPDATE verdict SET judged_at = judged_at - 40 * 86400000000").await;
        f.meddle("UPDATE epoch SET begins_at = begins_at - 50 * 86400000000").await;
        f.store.prune_verdicts(30).await.unwrap();
        assert_eq!(f.one_int("SELECT COUNT(*) FROM verdict").await, 3);
        end(f).await;
        assert_eq!(settle(f).await.evidence.len(), 1, "it is slashed, if late");
        f.store.prune_verdicts(30).await.unwrap();
        assert_eq!((wrong_answers(f).await, f.one_int("SELECT COUNT(*) FROM verdict").await), (1, 1));
    }
}
