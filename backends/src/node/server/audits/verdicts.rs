//! What gateways found, kept for the node's operator: a record, a line in the log and a number for every verdict.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;

use crate::node::protocol::{Failure, VerdictRecord, VerdictsRequest};
use crate::node::server::authorize::Caller;
use crate::node::server::body::json;
use crate::node::server::record_log::RecordLog;
use crate::node::server::serving::Reply;
use crate::{Verdict, VerdictReport};

/// The file below the cluster's folder.
const VERDICT_FILE: &str = "verdicts.jsonl";
/// Verdicts that are recognised when they are sent again.
const RECENT_MAX: usize = 1024;
/// Verdicts. Labels: cluster, verdict.
const VERDICTS: &str = "haulout_node_verdicts_total";

/// The verdicts of one cluster.
#[derive(Debug)]
pub(in crate::node::server) struct VerdictLog {
    log: RecordLog,
    /// Ids of the newest, the oldest first. In memory: after a restart one that is sent again is recorded again.
    recent: Mutex<VecDeque<[u8; 16]>>,
}

impl VerdictLog {
    /// The log in a folder. Nothing is made before the first verdict.
    pub(in crate::node::server) fn new(folder: PathBuf) -> Self {
        Self { log: RecordLog::new(folder, VERDICT_FILE), recent: Mutex::default() }
    }

    /// Records those that are not known yet, and gives them.
    async fn record(&self, mut reports: Vec<VerdictReport>) -> Result<Vec<VerdictReport>, Failure> {
        {
            let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            reports.retain(|report| !recent.contains(&report.id));
        }
        let records: Vec<_> = reports.iter().map(VerdictRecord::from).collect();
        if !records.is_empty() {
            self.log.append(&records).await?;
        }
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.extend(reports.iter().map(|report| report.id));
        let surplus = recent.len().saturating_sub(RECENT_MAX);
        recent.drain(..surplus);
        Ok(reports)
    }
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
