//! `haulout backend add`, `replace` and `rebalance`, and following what moves.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::admin::{
    AddBackend, AddedBackend, AddedState, DrainMove, DrainRequest, MovesReport, RebalanceBackends, RebalanceReport,
    ReplaceBackend, ReplacementReport, ShowMoves,
};
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};
use crate::objects::BackendFlow;

/// The most bytes of a file with a backend.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// How often progress is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Characters of a bar.
const BAR: u64 = 30;

/// How a reply is shown.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub(super) follow: bool,
    pub(super) json: bool,
}

/// What is followed.
pub(super) enum Followed {
    /// A drain or a replacement of this backend.
    Drain(String),
    /// What is rebuilt of a backend that was removed with so many slivers.
    Removal(String, u64),
    /// A rebalance of so many blobs.
    Rebalance(u64),
}

pub(super) fn request(dry_run: bool, cancel: bool) -> DrainRequest {
    match (dry_run, cancel) {
        (true, _) => DrainRequest::Plan,
        (false, true) => DrainRequest::Cancel,
        (false, false) => DrainRequest::Begin,
    }
}

/// What a move costs beside its bytes.
pub(super) fn cost(read_bytes: u64, seconds: Option<u64>) -> String {
    let time = seconds.map(|seconds| format!(", takes {} at least", show::duration(seconds)));
    format!("reads {}{}", show::bytes(read_bytes), time.unwrap_or_default())
}

pub(super) async fn add(runner: &OperationRunner, file: &Path, dry_run: bool, json: bool) -> Result<Outcome> {
    let block = read(file)?;
    let added = runner.run(AddBackend { block: block.clone(), dry_run }).await?;
    if json {
        show::json(&added)?;
    } else {
        show::print(&added_text(&added))?;
        show_block(&added, &block)?;
    }
    Ok(Outcome::Fine)
}

pub(super) async fn replace(
    runner: &OperationRunner,
    name: String,
    file: Option<&Path>,
    request: DrainRequest,
    shown: Shown,
) -> Result<Outcome> {
    let block = file.map(read).transpose()?;
    let report = runner.run(ReplaceBackend { name: name.clone(), block: block.clone(), request }).await?;
    if shown.json {
        show::json(&report)?;
        return Ok(Outcome::Fine);
    }
    show::print(&replacement_text(request, &report))?;
    if let (Some(successor), Some(block), DrainRequest::Begin) = (&report.successor, &block, request) {
        show_block(successor, block)?;
    }
    if shown.follow { follow(runner, Followed::Drain(name)).await } else { Ok(Outcome::Fine) }
}

pub(super) async fn rebalance(runner: &OperationRunner, request: DrainRequest, shown: Shown) -> Result<Outcome> {
    let report = runner.run(RebalanceBackends { request }).await?;
    if shown.json {
        show::json(&report)?;
        return Ok(Outcome::Fine);
    }
    show::print(&rebalance_text(request, &report))?;
    if !report.flows.is_empty() && request != DrainRequest::Cancel {
        let rows: Vec<_> = report.flows.iter().map(flow_row).collect();
        show::table(["BACKEND", "COMES", "GOES"], &rows)?;
    }
    if shown.follow && report.under_way {
        follow(runner, Followed::Rebalance(report.blobs)).await
    } else {
        Ok(Outcome::Fine)
    }
}

/// Shows how far something is until it is done: one line that is drawn again on a terminal, a line for each look otherwise.
pub(super) async fn follow(runner: &OperationRunner, what: Followed) -> Result<Outcome> {
    let terminal = std::io::stdout().is_terminal();
    loop {
        let moves = runner.run(ShowMoves {}).await?;
        let (line, done) = progress(&moves, &what);
        if terminal {
            let mut out = std::io::stdout();
            write!(out, "\r\x1b[K{line}").and_then(|()| out.flush())?;
        } else {
            show::print(&line)?;
        }
        if done {
            if terminal {
                show::print("")?;
            }
            return Ok(Outcome::Fine);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How far it is, and whether it is done.
fn progress(moves: &MovesReport, what: &Followed) -> (String, bool) {
    let before = match moves.endangered {
        0 => String::new(),
        blobs => format!("; {blobs} endangered blobs are repaired first"),
    };
    match what {
        Followed::Drain(name) => match moves.drains.get(name) {
            None => (format!("{name}: done"), true),
            Some(DrainMove { waits_for_configuration: true, successor, .. }) => {
                let successor = successor.clone().unwrap_or_default();
                (
                    format!("{name}: waits until the configuration has {successor} and the gateway was started again"),
                    false,
                )
            }
            Some(DrainMove { progress, successor, .. }) => {
                let moved = progress.of.saturating_sub(progress.left);
                let ends = match (progress.left, successor) {
                    (0, Some(_)) => "; it leaves the cluster within a minute".to_owned(),
                    (0, None) => format!("; `haulout backend remove {name}` takes it out of the cluster"),
                    _ => left(progress.seconds_left),
                };
                let line =
                    format!("{name} {} {moved} of {} slivers{ends}{before}", bar(moved, progress.of), progress.of);
                (line, progress.left == 0 && successor.is_none())
            }
        },
        Followed::Removal(name, slivers) => match moves.removed.get(name) {
            None => (format!("{name}: done"), true),
            Some(left) => {
                let of = *slivers.max(left);
                (format!("{name} {} {} of {of} slivers are rebuilt", bar(of - left, of), of - left), false)
            }
        },
        Followed::Rebalance(blobs) => match moves.rebalance {
            None => ("rebalance: done".to_owned(), true),
            Some(progress) => {
                let of = (*blobs).max(progress.blobs_left);
                let (moved, ends) = (of - progress.blobs_left, left(progress.seconds_left));
                (format!("rebalance {} {moved} of {of} blobs{ends}{before}", bar(moved, of)), false)
            }
        },
    }
}

fn left(seconds: Option<u64>) -> String {
    seconds.map(|seconds| format!(", {} left", show::duration(seconds))).unwrap_or_default()
}

fn bar(done: u64, of: u64) -> String {
    let filled = (done.saturating_mul(BAR)).checked_div(of).unwrap_or(BAR).min(BAR);
    let part = |character: &str, count: u64| character.repeat(usize::try_from(count).unwrap_or(0));
    format!("[{}{}]", part("#", filled), part("-", BAR - filled))
}

fn added_text(added: &AddedBackend) -> String {
    let AddedBackend { name, url, .. } = added;
    let free = added.free_bytes.map(|bytes| format!(", {} free", show::bytes(bytes))).unwrap_or_default();
    let mut text = match added.state {
        AddedState::Checked => format!("{name} at {url} was reached{free}; nothing was changed"),
        AddedState::Added => format!("{name} at {url} is formatted and belongs to the cluster{free}"),
        AddedState::InUse => format!("{name} at {url} is in use{free}"),
    };
    let (whole, tenth) = (added.share / 10, added.share % 10);
    text.push_str(&format!("\nits weight is {whole}.{tenth} % of all"));
    if added.vetting {
        text.push_str(", and counts little until it has passed its audits");
    }
    for note in &added.notes {
        text.push_str(&format!("\nnote: {note}"));
    }
    text
}

/// What is left to do before a backend takes slivers.
fn show_block(added: &AddedBackend, block: &str) -> Result<()> {
    if added.state != AddedState::Added {
        return Ok(());
    }
    show::print("now add this to the configuration of every gateway, and start them again one after the other:\n")?;
    if !added.other_blocks.is_empty() {
        show::print("# The backends that are used because the configuration names none.")?;
        show::print(&added.other_blocks)?;
    }
    show::print(block.trim_end())
}

fn replacement_text(request: DrainRequest, report: &ReplacementReport) -> String {
    let ReplacementReport { name, slivers, .. } = report;
    let bytes = show::bytes(report.bytes);
    let Some(successor) = &report.successor else {
        return format!("{name} takes slivers again; it holds {slivers}, {bytes}");
    };
    let new = &successor.name;
    let cost = cost(report.read_bytes, report.seconds);
    let problem = match successor.free_bytes {
        Some(free) if free < report.bytes => format!("\n{new} reports {} free, which is too little", show::bytes(free)),
        _ => String::new(),
    };
    match request {
        DrainRequest::Plan => format!(
            "{name}: {slivers} slivers, {bytes}, would move to {new}; {cost}{problem}\n{}",
            added_text(successor)
        ),
        _ if successor.state == AddedState::InUse => {
            format!("{name}: {slivers} slivers, {bytes}, are being moved to {new}; then it leaves the cluster{problem}")
        }
        _ => format!(
            "{name}: {slivers} slivers, {bytes}, move to {new} once the gateways have it; then {name} leaves the cluster{problem}\n{}",
            added_text(successor)
        ),
    }
}

fn rebalance_text(request: DrainRequest, report: &RebalanceReport) -> String {
    let RebalanceReport { blobs, slivers, .. } = report;
    let bytes = show::bytes(report.bytes);
    match request {
        DrainRequest::Cancel => "the rebalance was cancelled; what was moved stays where it is".to_owned(),
        _ if *slivers == 0 => "everything lies where the weights want it".to_owned(),
        DrainRequest::Plan => {
            let cost = cost(report.read_bytes, report.seconds);
            let under_way = if report.under_way { "; a rebalance is under way" } else { "" };
            format!("{slivers} slivers of {blobs} blobs, {bytes}, would move; {cost}{under_way}")
        }
        DrainRequest::Begin => format!("{slivers} slivers of {blobs} blobs, {bytes}, are being moved"),
    }
}

fn flow_row((name, flow): (&String, &BackendFlow)) -> [String; 3] {
    let side = |slivers: u64, bytes: u64| match slivers {
        0 => "-".to_owned(),
        _ => format!("{slivers} slivers, {}", show::bytes(bytes)),
    };
    [name.clone(), side(flow.in_slivers, flow.in_bytes), side(flow.out_slivers, flow.out_bytes)]
}

/// Reads a file, or the standard input.
fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().take(FILE_BYTES_MAX + 1).read_to_string(&mut text),
        _ => std::fs::File::open(file).and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)),
    };
    read.with_context(|| format!("cannot read {}", file.display()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        bail!("{} is no file with a backend: it has more than {FILE_BYTES_MAX} bytes", file.display());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::admin::{DrainProgress, RebalanceProgress};

    fn moves(left: u64, successor: Option<&str>, waits_for_configuration: bool) -> MovesReport {
        let progress = DrainProgress { left, of: 100, seconds_left: Some(30).filter(|_| left < 100) };
        let successor = successor.map(str::to_owned);
        let drain = DrainMove { progress, successor, waits_for_configuration };
        MovesReport { drains: BTreeMap::from([("b1".to_owned(), drain)]), ..MovesReport::default() }
    }

    #[test]
    fn progress_is_one_line_and_says_what_is_waited_for() {
        let of = |moves: &MovesReport| progress(moves, &Followed::Drain("b1".to_owned()));
        let half = "b1 [###############---------------] 50 of 100 slivers, 30 seconds left";
        assert_eq!(of(&moves(50, None, false)), (half.to_owned(), false));
        assert!(of(&moves(0, None, false)).1, "whoever drains removes");
        assert!(!of(&moves(0, Some("b7"), false)).1, "a replaced one goes by itself");
        assert!(of(&moves(100, Some("b7"), true)).0.contains("waits until the configuration has b7"));
        assert_eq!(of(&MovesReport::default()), ("b1: done".to_owned(), true));
        let removal = Followed::Removal("b1".to_owned(), 10);
        assert_eq!(progress(&MovesReport::default(), &removal), ("b1: done".to_owned(), true));
        let removed = MovesReport { removed: BTreeMap::from([("b1".to_owned(), 5)]), ..MovesReport::default() };
        let half = "b1 [###############---------------] 5 of 10 slivers are rebuilt";
        assert_eq!(progress(&removed, &removal), (half.to_owned(), false));
        let rebalance = RebalanceProgress { slivers: 9, blobs_left: 4, seconds: 2, seconds_left: None };
        let report = MovesReport { rebalance: Some(rebalance), endangered: 3, ..MovesReport::default() };
        let line = "rebalance [###################-----------] 7 of 11 blobs; 3 endangered blobs are repaired first";
        assert_eq!(progress(&report, &Followed::Rebalance(11)), (line.to_owned(), false));
        assert!(progress(&report, &Followed::Rebalance(0)).0.contains("0 of 4 blobs"), "more than were planned");
    }
}
