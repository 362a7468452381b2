//! Backends that give no data are asked again, about what they were asked for first.

use std::collections::BTreeMap;

use backends::{Fault, Operation, Verdict, When};

use crate::audit::{AuditedBackend, Auditor};
use crate::clock::Ambient;
use crate::config::AuditConfig;
use crate::domain::BackendId;
use crate::metadata::{Evidence, EvidenceAnswer, VerdictRow};
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

#[tokio::test(flavor = "multi_thread")]
async fn who_refuses_and_shows_its_heartbeat_is_asked_again_and_then_lacks_it() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.put("key", &content(2 << 20)).await.expect("stored");
    let auditor = auditor(&fixture);
    fixture.faults[3].set(&[Operation::Prove, Operation::Probe], Fault::Down, When::Always);
    let contained = until(&auditor, Verdict::Contained).await;
    assert_eq!(contained.backend.as_str(), "b3");
    assert!(contained.reason.contains("it is there"), "{}", contained.reason);
    assert_eq!(until(&auditor, Verdict::Missing).await.blob, contained.blob);
    fixture.faults[4].set(&[Operation::Prove, Operation::Pulse], Fault::Down, When::Always);
    assert_eq!(until(&auditor, Verdict::Offline).await.backend.as_str(), "b4", "it may be away");
}

/// One sample of each backend, and then only who is asked again.
fn one_sample(auditor: Auditor) -> Auditor {
    let settings = AuditConfig { epoch_seconds: 86_400, samples: 1, retry_seconds: 1, ..auditor.settings.clone() };
    Auditor { settings, ..auditor }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_counts_however_few_others_are_asked_beside_it() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.record_backends().await;
    fixture.put("key", &content(2 << 20)).await.expect("stored");
    let auditor = one_sample(auditor(&fixture));
    fixture.faults[3].set(&[Operation::Prove], Fault::Hang, When::Always);
    until(&auditor, Verdict::Contained).await;
    // Nobody but b3 is asked any more.
    let away: Vec<BackendId> = ["b0", "b1", "b2"].map(|name| name.parse().expect("a name")).into();
    fixture.metadata.note_looks(away.clone(), Vec::new(), 3_600).await.expect("noted");
    for _ in 0..2 {
        assert_eq!(
            until(&auditor, Verdict::Void).await.backend.as_str(),
            "b3",
            "so many are away that it is this side's fault"
        );
    }
    fixture.metadata.note_looks(Vec::new(), away, 3_600).await.expect("noted");
    assert_eq!(until(&auditor, Verdict::Missing).await.backend.as_str(), "b3");
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_read_as_clients_read() {
    let fixture = Fixture::new("rs-4-2", 6).await;
    fixture.put("key", &content(2 << 20)).await.expect("stored");
    let mut auditor = auditor(&fixture);
    auditor.settings.reads_percent = 100;
    for fault in &fixture.faults {
        fault.set(&[Operation::Len, Operation::Prove], Fault::Down, When::Always);
    }
    let passed = |verdicts: Vec<VerdictRow>| {
        verdicts.into_iter().filter(|row| row.verdict == Verdict::Passed).collect::<Vec<_>>()
    };
    let mut seen = BTreeMap::new();
    wait_until("each has passed", async || {
        for row in passed(auditor.step().await.expect("a step")) {
            let evidence: Evidence = serde_json::from_str(&row.evidence).expect("evidence");
            seen.insert(row.index, evidence.answer);
        }
        (seen.len() == 6).then_some(())
    })
    .await;
    for (index, answer) in seen {
        match index {
            0..4 => assert!(
                matches!(answer, EvidenceAnswer::Chunk { .. }),
                "a client reads a chunk of what is data: {answer:?}"
            ),
            _ => assert!(
                matches!(answer, EvidenceAnswer::Proof { .. }),
                "and only whole blocks of what is not: {answer:?}"
            ),
        }
    }
    fixture.faults[1].set(&[Operation::Read], Fault::Flipped, When::Always);
    assert_eq!(until(&auditor, Verdict::Wrong).await.backend.as_str(), "b1");
}
