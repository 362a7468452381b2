//! Challenges of a node, and its answers.

use bytes::Bytes;

use super::exchange::Exchange;
use super::reply;
use crate::node::protocol::{ANSWER_BYTES_MAX, Call, ChallengeRequest, Question, split_answer, verify_answer};
use crate::{Answer, Challenge, SliverName, StoreError};

/// Asks for a proof. What comes back is signed by the node: what is not proves nothing, neither for the node nor against it.
///
/// # Errors
/// What the node refuses with; [`StoreError::Damaged`] for an answer that the node has not signed.
pub(super) async fn prove(exchange: &Exchange, name: &SliverName, challenge: &Challenge) -> Result<Answer, StoreError> {
    let (cluster, node) = (exchange.sessions.cluster(), exchange.sessions.node());
    let question = Question { cluster, node, name: *name, challenge: *challenge };
    let body = |key: &_| serde_json::to_vec(&ChallengeRequest::sign(&question, key)).map(Bytes::from);
    let (reply, _) = exchange.send_signed(&Call::Prove { name: *name }, body).await?;
    let answer = reply::bytes(reply, ANSWER_BYTES_MAX as u64).await?;
    let unsigned = || StoreError::damaged("the node's answer to a challenge is not signed by the node's key");
    let (proof, signature) = split_answer(&answer).ok_or_else(unsigned)?;
    if !verify_answer(&node, &cluster, name, challenge, proof, &signature) {
        return Err(unsigned());
    }
    Ok(Answer { proof: answer.slice(..proof.len()), signature: Some(signature) })
}
