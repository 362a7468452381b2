//! Backends that give no data are asked again, about what they were asked for first.

use backends::{Fault, Operation, Verdict, When};

use crate::audit::{AuditedBackend, Auditor};
use crate::clock::Ambient;
use crate::config::AuditConfig;
use crate::domain::Evidence;
use crate::metadata::VerdictRow;
use crate::objects::tests::fixture::{Fixture, content};
use crate::tests::wait_until;

/// Epochs of a second, and two between tries: who is asked again is so in a later epoch.
fn auditor(fixture: &Fixture) -> Auditor {
    let backends = fixture.objects.committee().backends().iter().map(|backend| {
        (backend.id.clone(), AuditedBackend { store: backend.store.clone(), is_billed: false, node_key: None })
    });
    let settings = AuditConfig {
        epoch_seconds: 1,
        answer_seconds: 1,
        retry_seconds: 2,
        tries: 2,
        reads_percent: 0,
        recheck_percent: 100,
        ..AuditConfig::default()
    };
    Auditor {
        metadata: fixture.metadata.clone(),
        cluster: fixture.cluster,
        backends: backends.collect(),
        scheme: "rs-4-2".parse().expect("a scheme"),
        settings,
        open_blob: fixture.objects.opener(),
        ambient: Ambient::system(),
    }
}

/// Steps until there is a verdict of a kind; it.
async fn until(auditor: &Auditor, verdict: Verdict) -> VerdictRow {
    wait_until(verdict.text(), async || {
        let verdicts = auditor.step().await.expect("a step");
        verdicts.into_iter().find(|row| row.verdict == verdict)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_no_data_is_asked_again_in_a_later_epoch_and_then_lacks_it() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.put("key", &content(2 << 20)).await.expect("stored");
    let auditor = auditor(&fixture);
    until(&auditor, Verdict::Passed).await;
    fixture.faults[3].set(&[Operation::Prove], Fault::Hang, When::Always);
    let contained = until(&auditor, Verdict::Contained).await;
    let missing = until(&auditor, Verdict::Missing).await;
    assert_eq!(missing.backend.as_str(), "b3");
    assert_eq!((missing.blob, missing.epoch), (contained.blob, contained.epoch));
    let evidence: Evidence = serde_json::from_str(&missing.evidence).expect("evidence");
    assert_eq!(evidence.draw.epoch, missing.epoch, "the epoch whose secret chose it");
    let last = fixture.metadata.last_audit_epoch().await.expect("a database").expect("an epoch");
    assert!(missing.epoch < last, "it was asked for the last time in a later one");
    wait_until("the secret is known", async || {
        assert_eq!(auditor.recheck().await.expect("judged again"), [], "every verdict follows from its evidence");
        fixture.metadata.revealed_secret(missing.epoch).await.expect("a database")
    })
    .await;
}
