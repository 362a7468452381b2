//! What gateways found, kept for the node's operator.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::VerdictReport;
use crate::node::protocol::{Failure, VerdictRecord};
use crate::node::server::files::record_log::RecordLog;

/// The file below the cluster's folder.
const VERDICT_FILE: &str = "verdicts.jsonl";
/// Verdicts that are recognised when they are sent again.
const RECENT_MAX: usize = 1024;

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
        Self { log: RecordLog::new(folder, VERDICT_FILE, 0), recent: Mutex::default() }
    }

    /// Records those that are not known yet, and gives them.
    pub(super) async fn record(&self, mut reports: Vec<VerdictReport>) -> Result<Vec<VerdictReport>, Failure> {
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
