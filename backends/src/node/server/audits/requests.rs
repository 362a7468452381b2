//! Requests about epochs and verdicts. For every verdict there is a record, a line in the log and a number.

use http::StatusCode;

use crate::node::protocol::{Epoch, EpochRequest, Failure, FailureCode, SecretRequest, VerdictsRequest};
use crate::node::server::authorize::Caller;
use crate::node::server::body::json;
use crate::node::server::node::Node;
use crate::node::server::serving::Reply;
use crate::{Verdict, VerdictReport};

/// Verdicts. Labels: cluster, verdict.
const VERDICTS: &str = "haulout_node_verdicts_total";

/// Begins an epoch, or says again what it began with. On a disk that is away nothing is drawn: what was drawn before may be on it.
pub(in crate::node::server) async fn begin(node: &Node, caller: &Caller, body: &[u8]) -> Reply {
    let request: EpochRequest = serde_json::from_slice(body).map_err(malformed)?;
    let commitment = request.commitment.bytes()?;
    caller.store.verify().await?;
    let nonce = caller.tenant.epochs.begin(request.epoch, request.commitment).await?;
    let epoch = Epoch { cluster: caller.tenant.cluster(), node: node.key.public(), number: request.epoch, commitment };
    Ok(json(StatusCode::OK, &epoch.sign(&nonce, &node.key)))
}

/// Takes the secret of an epoch.
pub(in crate::node::server) async fn reveal(caller: &Caller, epoch: u64, body: &[u8]) -> Reply {
    let request: SecretRequest = serde_json::from_slice(body).map_err(malformed)?;
    let secret = request.secret.bytes()?;
    caller.store.verify().await?;
    let revealed = caller.tenant.epochs.reveal(epoch, secret).await;
    if let Err(failure) = &revealed {
        let cluster = hex::encode(caller.tenant.cluster().0);
        tracing::warn!(cluster, epoch, %failure, "the secret of an epoch is refused");
    }
    revealed?;
    Ok(json(StatusCode::OK, &serde_json::json!({})))
}

fn malformed(error: serde_json::Error) -> Failure {
    Failure::new(FailureCode::Malformed, error.to_string())
}

/// Takes verdicts about the node.
pub(in crate::node::server) async fn report(caller: &Caller, body: &[u8]) -> Reply {
    let reports = VerdictsRequest::parse(body)?;
    caller.store.verify().await?;
    let cluster = hex::encode(caller.tenant.cluster().0);
    for report in caller.tenant.verdicts.record(reports).await? {
        let VerdictReport { id, epoch, name, position, verdict, reason, .. } = report;
        let (id, verdict_text, stripe, sample) = (hex::encode(id), verdict.text(), position.stripe, position.sample);
        metrics::counter!(VERDICTS, "cluster" => cluster.clone(), "verdict" => verdict_text).increment(1);
        if verdict == Verdict::Passed {
            tracing::info!(cluster, id, epoch, %name, stripe, sample, verdict = verdict_text, reason, "audited");
        } else {
            tracing::warn!(cluster, id, epoch, %name, stripe, sample, verdict = verdict_text, reason, "audited");
        }
    }
    Ok(json(StatusCode::OK, &serde_json::json!({})))
}
