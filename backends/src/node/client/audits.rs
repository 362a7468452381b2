//! Audits of a node: challenges, epochs, verdicts.

use bytes::Bytes;

use super::exchange::Exchange;
use super::reply;
use crate::node::protocol::{
    ANSWER_BYTES_MAX, Call, ChallengeRequest, Epoch, EpochReply, EpochRequest, PublicBytes, Question, SecretRequest,
    VERDICTS_MAX, VerdictRecord, VerdictsRequest, split_answer, verify_answer, verify_epoch_nonce,
};
use crate::{Answer, Challenge, EpochNonce, SliverName, StoreError, VerdictReport};

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

/// Begins an epoch.
///
/// # Errors
/// What the node refuses with; [`StoreError::Unavailable`] for a nonce that the node has not signed.
pub(super) async fn begin_epoch(
    exchange: &Exchange,
    number: u64,
    commitment: [u8; 32],
) -> Result<EpochNonce, StoreError> {
    let request = EpochRequest { epoch: number, commitment: PublicBytes::new(&commitment) };
    let body = serde_json::to_vec(&request).map_err(StoreError::unavailable)?;
    let (reply, _) = exchange.send(&Call::BeginEpoch, vec![body.into()]).await?;
    let reply: EpochReply = reply::json(reply).await?;
    let nonce = reply.nonce.bytes().map_err(StoreError::unavailable)?;
    let drawn = EpochNonce { nonce, signature: reply.signature.0 };
    let epoch = Epoch { cluster: exchange.sessions.cluster(), node: exchange.sessions.node(), number, commitment };
    if verify_epoch_nonce(&epoch, &drawn) {
        return Ok(drawn);
    }
    Err(StoreError::unavailable("the node's nonce of an epoch is not signed by the node's key"))
}

/// Shows the secret of an epoch.
///
/// # Errors
/// What the node refuses with.
pub(super) async fn reveal_epoch(exchange: &Exchange, epoch: u64, secret: [u8; 32]) -> Result<(), StoreError> {
    let request = SecretRequest { secret: PublicBytes::new(&secret) };
    let body = serde_json::to_vec(&request).map_err(StoreError::unavailable)?;
    exchange.done(&Call::RevealEpoch { epoch }, vec![body.into()]).await
}

/// Tells verdicts, in as many requests as it takes.
///
/// # Errors
/// What the node refuses with.
pub(super) async fn report_verdicts(exchange: &Exchange, reports: &[VerdictReport]) -> Result<(), StoreError> {
    for reports in reports.chunks(VERDICTS_MAX) {
        let request = VerdictsRequest { verdicts: reports.iter().map(VerdictRecord::from).collect() };
        let body = serde_json::to_vec(&request).map_err(StoreError::unavailable)?;
        exchange.done(&Call::ReportVerdicts, vec![body.into()]).await?;
    }
    Ok(())
}
