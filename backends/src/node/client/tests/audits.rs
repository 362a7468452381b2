//! What a node proves, and what it answers to somebody who asks wrongly.

use codec::{FOOTER_TAIL_BYTES, FooterTail, HEADER_BYTES, PossessionProof, SamplePosition, SelfDescribed};

use super::fixture::{self, Sliver, TestNode};
use crate::node::client::exchange::Exchange;

use crate::node::client::spec::NodeSpec;
use crate::node::protocol::{
    Call, ChallengeRequest, Epoch, Question, SigningKey, VerdictRecord, commitment, verify_answer, verify_epoch_nonce,
};
use crate::{Challenge, StoreError, Verdict, VerdictReport};

const CHALLENGE: Challenge = Challenge { position: SamplePosition { stripe: 1, sample: 70 }, epoch: 9, nonce: [7; 32] };

fn described(sliver: &Sliver) -> SelfDescribed {
    let len = sliver.bytes.len();
    let footer_len = FooterTail::parse(&sliver.bytes[len - FOOTER_TAIL_BYTES..]).unwrap().footer_len() as usize;
    SelfDescribed::parse(&sliver.bytes[..HEADER_BYTES], &sliver.bytes[len - footer_len..], len as u64).unwrap()
}

#[tokio::test]
async fn anybody_can_judge_a_nodes_answer_from_public_values() {
    let mut node = TestNode::start().await;
    let store = node.formatted(1).await;
    let sliver = fixture::sliver(1, 1, 3_000_000);
    store.put(&sliver.name, vec![sliver.bytes.clone()]).await.unwrap();
    // Its session is not known any more, and another one signs the challenge.
    node.restart().await;
    let answer = store.prove(&sliver.name, &CHALLENGE).await.unwrap();
    assert!(answer.proof.len() < 2_048, "an answer is small: {} bytes", answer.proof.len());
    let signature = answer.signature.unwrap();
    let signed = |challenge: &Challenge, proof: &[u8]| {
        verify_answer(&node.key(), &fixture::cluster(1), &sliver.name, challenge, proof, &signature)
    };
    assert!(signed(&CHALLENGE, &answer.proof));
    assert!(!signed(&Challenge { nonce: [8; 32], ..CHALLENGE }, &answer.proof), "it answers no other challenge");
    let described = described(&sliver);
    let proof = PossessionProof::parse(&answer.proof).unwrap();
    assert_eq!(proof.verify(&described.identity, &sliver.root, CHALLENGE.position), Ok(()));
}

#[tokio::test]
async fn a_node_signs_no_proof_of_what_was_spoiled_on_its_disk() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    let sliver = fixture::sliver(1, 1, 3_000_000);
    store.put(&sliver.name, vec![sliver.bytes.clone()]).await.unwrap();
    let file = node.slivers(1).join(sliver.name.path());
    let mut spoiled = sliver.bytes.to_vec();
    let block = described(&sliver).identity.layout.block_range(1);
    spoiled[block.start as usize] ^= 1;
    std::fs::write(&file, spoiled).unwrap();
    let answer = store.prove(&sliver.name, &CHALLENGE).await;
    assert!(matches!(&answer, Err(StoreError::Damaged { reason }) if reason.contains("root")), "{answer:?}");
    let other = Challenge { position: SamplePosition { stripe: 0, sample: 0 }, ..CHALLENGE };
    assert!(store.prove(&sliver.name, &other).await.is_ok(), "its other blocks are as they were");
}

#[tokio::test]
async fn a_challenge_that_the_gateway_has_not_signed_is_refused() {
    let node = TestNode::start().await;
    let store = node.formatted(1).await;
    let sliver = fixture::sliver(1, 1, 3_000_000);
    store.put(&sliver.name, vec![sliver.bytes.clone()]).await.unwrap();
    let exchange = Exchange::new(NodeSpec::read(&node.spec()).unwrap(), &fixture::identity(1)).unwrap();
    let question = Question { cluster: fixture::cluster(1), node: node.key(), name: sliver.name, challenge: CHALLENGE };
    let other_key = SigningKey::from_seed(&[9; 32]);
    let body = |_: &SigningKey| serde_json::to_vec(&ChallengeRequest::sign(&question, &other_key)).map(Into::into);
    let refused = exchange.send_signed(&Call::Prove { name: sliver.name }, body).await;
    assert!(matches!(&refused, Err(StoreError::Denied { reason }) if reason.contains("challenge")), "{refused:?}");
    let refused = exchange.send(&Call::Prove { name: sliver.name }, vec![bytes::Bytes::from_static(b"{}")]).await;
    let refused = refused.map(|(answer, _)| answer.status());
    assert!(matches!(refused, Err(StoreError::Misconfigured { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_node_draws_once_for_each_epoch_and_takes_only_the_secret_that_was_committed_to() {
    let mut node = TestNode::start().await;
    let (store, other) = (node.formatted(1).await, node.formatted(2).await);
    let committed = commitment(&[1; 32]);
    let drawn = store.begin_epoch(5, committed).await.unwrap().unwrap();
    let epoch = Epoch { cluster: fixture::cluster(1), node: node.key(), number: 5, commitment: committed };
    assert!(verify_epoch_nonce(&epoch, &drawn), "anybody can see who drew it");
    node.restart().await;
    assert_eq!(store.begin_epoch(5, committed).await, Ok(Some(drawn)), "also after a restart");
    assert_ne!(other.begin_epoch(5, committed).await.unwrap().unwrap().nonce, drawn.nonce, "each cluster has its own");
    assert_eq!(store.begin_epoch(5, commitment(&[2; 32])).await, Err(StoreError::AlreadyExists));
    assert_eq!(store.reveal_epoch(5, [2; 32]).await, Err(StoreError::AlreadyExists));
    assert_eq!(store.reveal_epoch(6, [1; 32]).await, Err(StoreError::NotFound));
    for _ in 0..2 {
        assert_eq!(store.reveal_epoch(5, [1; 32]).await, Ok(()));
    }
    // What was drawn before is on the disk that is away.
    std::fs::remove_file(node.slivers(1).join("haulout-backend.json")).unwrap();
    let refused = store.begin_epoch(7, committed).await;
    assert!(matches!(refused, Err(StoreError::WrongBackend { .. })), "{refused:?}");
}

#[tokio::test]
async fn every_verdict_is_recorded_once_for_its_own_cluster() {
    let node = TestNode::start().await;
    let (store, other) = (node.formatted(1).await, node.formatted(2).await);
    let report = |number: u16, verdict| {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        let (name, position) = (fixture::sliver(1, 1, 1).name, CHALLENGE.position);
        VerdictReport { id, epoch: 5, name, position, verdict, reason: "because\nof this".to_owned(), time: 6 }
    };
    // More than fit into one request.
    let reports: Vec<_> = (0..600).map(|number| report(number, Verdict::Passed)).collect();
    store.report_verdicts(&reports).await.unwrap();
    store.report_verdicts(&reports[500..]).await.unwrap();
    store.report_verdicts(&[report(600, Verdict::Wrong)]).await.unwrap();
    store.report_verdicts(&[]).await.unwrap();
    other.report_verdicts(&[report(0, Verdict::Offline)]).await.unwrap();
    let lines = |cluster| {
        let file = node.slivers(cluster).parent().unwrap().join("verdicts.jsonl");
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().map(|line| serde_json::from_str::<VerdictRecord>(line).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((lines(1).len(), lines(2).len()), (601, 1));
    let last = lines(1).pop().unwrap();
    assert_eq!((last.verdict.as_str(), last.reason.as_str(), last.stripe), ("wrong", "because of this", 1));
    let exchange = Exchange::new(NodeSpec::read(&node.spec()).unwrap(), &fixture::identity(1)).unwrap();
    let body = br#"{"verdicts":[]}"#;
    let refused = exchange.done(&Call::ReportVerdicts, vec![bytes::Bytes::from_static(body)]).await;
    assert!(matches!(refused, Err(StoreError::Misconfigured { .. })), "{refused:?}");
}
