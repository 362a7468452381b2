//! `haulout backend`.

use anyhow::Result;

use crate::admin::{
    AcceptBackend, AwayBackend, DrainBackend, DrainProgress, DrainReport, DrainRequest, ListBackends, ListedBackend,
    LostAfter, RemoveBackend,
};
use crate::app::cli::Backend;
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, moves, show};

pub(super) async fn run(runner: &OperationRunner, backend: Backend) -> Result<Outcome> {
    let (backends, json) = match backend {
        Backend::List { json } => (runner.run(ListBackends {}).await?, json),
        Backend::Accept { name } => (vec![runner.run(AcceptBackend { name }).await?], false),
        Backend::Add { file, dry_run, json } => return moves::add(runner, &file, dry_run, json).await,
        Backend::Replace { name, file, dry_run, cancel, follow, json } => {
            let request = moves::request(dry_run, cancel);
            return moves::replace(runner, name, file.as_deref(), request, moves::Shown { follow, json }).await;
        }
        Backend::Rebalance { dry_run, cancel, follow, json } => {
            let request = moves::request(dry_run, cancel);
            return moves::rebalance(runner, request, moves::Shown { follow, json }).await;
        }
        Backend::Drain { name, dry_run, cancel, follow, json } => {
            let request = moves::request(dry_run, cancel);
            let outcome = drain(runner, DrainBackend { name: name.clone(), request }, json).await?;
            return if follow { moves::follow(runner, moves::Followed::Drain(name)).await } else { Ok(outcome) };
        }
        Backend::LostAfter { seconds } => {
            let report = runner.run(LostAfter { seconds }).await?;
            show::print(&match report.seconds {
                0 => "a backend that is away never counts as lost".to_owned(),
                seconds => format!("a backend that is away counts as lost after {}", show::duration(seconds)),
            })?;
            return Ok(Outcome::Fine);
        }
        Backend::Remove { name, lost, dry_run: true, .. } => {
            let plan = runner.run(DrainBackend { name, request: DrainRequest::Plan }).await?;
            show::print(&removal_text(&plan, lost))?;
            return Ok(if plan.slivers == 0 || lost { Outcome::Fine } else { Outcome::Wrong });
        }
        Backend::Remove { name, lost, follow: true, .. } => {
            let plan = runner.run(DrainBackend { name: name.clone(), request: DrainRequest::Plan }).await?;
            runner.run(RemoveBackend { name: name.clone(), lost }).await?;
            return moves::follow(runner, moves::Followed::Removal(name, plan.slivers)).await;
        }
        Backend::Remove { name, lost, .. } => (runner.run(RemoveBackend { name, lost }).await?, false),
    };
    if json {
        show::json(&backends)?;
    } else {
        let rows: Vec<_> = backends.iter().map(row).collect();
        show::table(["NAME", "PROVIDER", "ZONE", "FREE", "STATE", "URL"], &rows)?;
    }
    let fine = backends.iter().all(|backend| backend.problem.is_none());
    Ok(if fine { Outcome::Fine } else { Outcome::Wrong })
}

async fn drain(runner: &OperationRunner, drain: DrainBackend, json: bool) -> Result<Outcome> {
    let request = drain.request;
    let report = runner.run(drain).await?;
    if json {
        show::json(&report)?;
    } else {
        show::print(&drain_text(request, &report))?;
    }
    let fits = report.unplaceable == 0 && report.too_few.is_none();
    Ok(if fits || request == DrainRequest::Cancel { Outcome::Fine } else { Outcome::Wrong })
}

fn drain_text(request: DrainRequest, report: &DrainReport) -> String {
    let DrainReport { name, slivers, unplaceable, .. } = report;
    let (bytes, free) = (show::bytes(report.bytes), show::bytes(report.free_bytes));
    let problem = match (unplaceable, &report.too_few) {
        (0, None) => String::new(),
        (0, Some(reason)) => format!("\n{reason}: add a backend of another provider first"),
        (count, _) => format!("\n{count} slivers would find no place: add a backend of another provider first"),
    };
    match request {
        DrainRequest::Plan => {
            let cost = moves::cost(report.read_bytes, report.seconds);
            format!(
                "{name}: {slivers} slivers, {bytes}, would move to the others, which report {free} free; {cost}{problem}"
            )
        }
        DrainRequest::Begin => format!("{name}: {slivers} slivers, {bytes}, are being moved to the others"),
        DrainRequest::Cancel => format!("{name} takes slivers again; it holds {slivers}, {bytes}"),
    }
}

/// What removing a backend comes to.
fn removal_text(plan: &DrainReport, lost: bool) -> String {
    let DrainReport { name, slivers, .. } = plan;
    let bytes = show::bytes(plan.bytes);
    match (slivers, lost) {
        (0, _) => format!("{name} holds nothing, and would leave the cluster"),
        (_, false) => format!(
            "{name} holds {slivers} slivers, {bytes}: `haulout backend drain {name}` moves them first; if they are lost anyway, say --lost"
        ),
        (_, true) => {
            let cost = moves::cost(plan.rebuild_read_bytes, plan.rebuild_seconds);
            let none = match plan.unplaceable {
                0 => String::new(),
                count => format!("\n{count} slivers would find no place: add a backend of another provider first"),
            };
            format!(
                "{name}: {slivers} slivers, {bytes}, would be rebuilt on the others from what is left; {cost}{none}"
            )
        }
    }
}

fn row(backend: &ListedBackend) -> [String; 6] {
    let drain = backend.drain.as_ref().map(progress_text);
    let away = backend.away.as_ref().map(away_text).unwrap_or_default();
    let problem = backend.problem.as_ref().map(|problem| format!("{problem}{away}"));
    let gone = backend.gone.then(|| "removed: leave it out of the configuration".to_owned());
    [
        backend.name.clone(),
        backend.provider.clone(),
        backend.zone.clone(),
        backend.free_bytes.map(show::bytes).unwrap_or_default(),
        problem.or(drain).or(gone).unwrap_or_else(|| "ok".to_owned()),
        backend.url.clone(),
    ]
}

fn away_text(away: &AwayBackend) -> String {
    let since = show::duration(away.seconds);
    match away.lost {
        true => {
            format!("; away for {since}: counts as lost, and what it holds is rebuilt on the others until it is back")
        }
        false => format!("; away for {since}"),
    }
}

fn progress_text(drain: &DrainProgress) -> String {
    match (drain.left, drain.seconds_left) {
        (0, _) => "drained: `haulout backend remove` takes it out of the cluster".to_owned(),
        (left, Some(seconds)) => format!("draining: {left} of {} slivers left, {}", drain.of, show::duration(seconds)),
        (left, None) => format!("draining: {left} of {} slivers left", drain.of),
    }
}
