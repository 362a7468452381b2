//! `haulout check`.

use anyhow::Result;

use crate::admin::Check;
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};
use crate::audit::{BackendReport, CheckReport, SliverProblems};

/// Slivers named for each kind of problem of a backend; the JSON report names more.
const NAMED_MAX: usize = 10;

pub(super) async fn run(runner: &OperationRunner, check: Check, json: bool) -> Result<Outcome> {
    let report = runner.run(check).await?;
    if json {
        show::json(&report)?;
    } else {
        print(&report)?;
    }
    Ok(if report.clean() { Outcome::Fine } else { Outcome::Wrong })
}

fn print(report: &CheckReport) -> Result<()> {
    let rows: Vec<_> = report.backends.iter().map(row).collect();
    show::table(["BACKEND", "EXPECTED", "MISSING", "WRONG", "ORPHANED", "IN FLIGHT", "STATE"], &rows)?;
    for backend in &report.backends {
        name_some(&backend.backend, "missing", &backend.missing)?;
        name_some(&backend.backend, "wrong", &backend.wrong)?;
        name_some(&backend.backend, "orphaned", &backend.orphaned)?;
    }
    for broken in &report.metadata {
        show::print(&format!("metadata: {broken}"))?;
    }
    let how = if report.deep { "every byte read" } else { "names and lengths; --deep reads every byte" };
    show::print(&format!(
        "{} blobs: {} degraded, {} unreadable ({how})",
        report.blobs, report.degraded_blobs, report.unreadable_blobs
    ))?;
    if report.repairing > 0 {
        show::print(&format!(
            "{} slivers will be rebuilt: `haulout repair status` shows what waits",
            report.repairing
        ))?;
    }
    show::print(if report.clean() { "clean" } else { "NOT CLEAN" })
}

fn row(backend: &BackendReport) -> [String; 7] {
    [
        backend.backend.clone(),
        backend.expected.to_string(),
        backend.missing.count.to_string(),
        backend.wrong.count.to_string(),
        backend.orphaned.count.to_string(),
        backend.in_flight.to_string(),
        backend.unreachable.clone().unwrap_or_else(|| "ok".to_owned()),
    ]
}

fn name_some(backend: &str, kind: &str, problems: &SliverProblems) -> Result<()> {
    for problem in problems.named.iter().take(NAMED_MAX) {
        show::print(&format!("{backend}: {kind} {}: {}", problem.sliver, problem.reason))?;
    }
    match problems.count.saturating_sub(NAMED_MAX as u64) {
        0 => Ok(()),
        more => show::print(&format!("{backend}: {kind}: {more} more; --json names the first thousands")),
    }
}
