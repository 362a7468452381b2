//! Answers to challenges: a proof that a sliver is at hand, signed.

use bytes::Bytes;
use codec::PossessionProof;

use crate::SliverName;
use crate::node::protocol::{ChallengeRequest, Failure, FailureCode, Question, sign_answer, verify_challenge};
use crate::node::server::authorize::Caller;
use crate::node::server::body::content;
use crate::node::server::node::Node;
use crate::node::server::serving::Reply;
use crate::proving::Prover;

/// Bytes of answers to challenges: proofs and signatures. Label: cluster.
const AUDITED_BYTES: &str = "haulout_node_audited_bytes_total";

/// Proves a sample. The memory of the block counts as that of a body that is held whole.
pub(in crate::node::server) async fn prove(node: &Node, caller: &Caller, name: SliverName, body: &[u8]) -> Reply {
    let (challenge, signature) = ChallengeRequest::parse(body)?;
    let question = Question { cluster: caller.tenant.cluster(), node: node.key.public(), name, challenge };
    if !verify_challenge(&caller.gateway, &question, &signature.0) {
        return Err(Failure::new(FailureCode::BadSignature, "the signature does not fit the challenge"));
    }
    caller.tenant.charge(PossessionProof::BYTES_MAX as u64, node.settings.day_bytes_max)?;
    let prover = Prover::look(&caller.store, &name, challenge.position).await?;
    let _held = caller.tenant.share.hold(&node.held_bytes, prover.block_len()).await?;
    let proof = prover.prove(&caller.store).await?;
    let answer = sign_answer(&question, &proof, &node.key);
    let cluster = hex::encode(question.cluster.0);
    metrics::counter!(AUDITED_BYTES, "cluster" => cluster).increment(answer.len() as u64);
    Ok(content(Bytes::from(answer)))
}
