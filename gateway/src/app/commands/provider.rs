//! `haulout provider` and `haulout repair`.

use anyhow::Result;

use crate::admin::money::earnings::ShowEarnings;
use crate::admin::money::price_floors::RegisterPriceFloor;
use crate::admin::money::registering::RegisterProvider;
use crate::admin::{
    AdmitProvider, InviteProvider, ListProviders, ListedProvider, RepairStatus, ShowRepairs, UnrepairableBlob,
};
use crate::app::cli::{EarningsOptions, Provider, RegisterOptions, Repair};
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show, staking};

pub(super) async fn run(runner: &OperationRunner, provider: Provider) -> Result<Outcome> {
    match provider {
        Provider::List { json } => list(runner, json).await,
        Provider::Invite { quota, days, json } => {
            let invited = runner.run(InviteProvider { quota_bytes: quota, days }).await?;
            if json {
                show::json(&invited)?;
            } else {
                eprintln!(
                    "for the node's operator, once, within {days} days, in `haulout node join`; it is kept nowhere:"
                );
                show::print(&invited.token)?;
            }
            Ok(Outcome::Fine)
        }
        Provider::Admit { acceptance, name, zone, allow_internal, json } => {
            let admitted = runner.run(AdmitProvider { acceptance, name, zone, allow_internal }).await?;
            if json {
                show::json(&admitted)?;
            } else {
                let name = &admitted.backend.name;
                eprintln!(
                    "{name} is formatted, belongs to the cluster, and has a small share until it has passed its audits"
                );
                eprintln!(
                    "now add this to the configuration of every gateway, and start them again one after the other:"
                );
                show::print(&admitted.block)?;
            }
            Ok(Outcome::Fine)
        }
        Provider::Register(RegisterOptions { provider, owner, account, commission, json }) => {
            let register = RegisterProvider { provider, owner, account, commission_bp: commission };
            staking::register(runner, register, json).await
        }
        Provider::PriceFloor { provider, statement, json } => {
            staking::price_floor(runner, RegisterPriceFloor { provider, statement }, json).await
        }
        Provider::Earnings(EarningsOptions { provider, epoch, json }) => {
            staking::earnings(runner, ShowEarnings { provider, epoch }, json).await
        }
    }
}

async fn list(runner: &OperationRunner, json: bool) -> Result<Outcome> {
    let providers = runner.run(ListProviders {}).await?;
    if json {
        show::json(&providers)?;
    } else {
        let rows: Vec<_> = providers.iter().map(row).collect();
        let head = [
            "NAME", "PROVIDER", "KIND", "ZONE", "HOLDS", "SAYS", "TRASH", "DATA", "STANDING", "LAST", "STATE",
            "ADDRESS",
        ];
        show::table(head, &rows)?;
    }
    let fine = providers.iter().all(|one| matches!(one.state.as_str(), "ok" | "draining" | "drained" | "removed"));
    Ok(if fine { Outcome::Fine } else { Outcome::Wrong })
}

fn row(one: &ListedProvider) -> [String; 12] {
    let known = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), show::bytes);
    let standing = match (one.vetting_audits, one.vetting_until) {
        (Some(audits), Some(until)) => format!("vetting {audits} of {until}"),
        _ => one.standing.clone(),
    };
    [
        one.name.clone(),
        one.provider.clone(),
        one.kind.clone(),
        if one.zone.is_empty() { one.network.clone() } else { one.zone.clone() },
        format!("{} in {}", show::bytes(one.bytes), one.slivers),
        known(one.reported_bytes),
        known(one.trash_bytes),
        format!("{}.{} %", one.reputation / 10, one.reputation % 10),
        standing,
        one.last_verdict.as_ref().map_or_else(|| "-".to_owned(), |(verdict, _)| verdict.clone()),
        one.state.clone(),
        one.address.clone(),
    ]
}

/// Runs `haulout repair`.
pub(super) async fn repair(runner: &OperationRunner, repair: Repair) -> Result<Outcome> {
    let Repair::Status { json } = repair;
    let status = runner.run(ShowRepairs {}).await?;
    if json {
        show::json(&status)?;
    } else {
        show::print(&status_text(&status))?;
    }
    Ok(if status.unrepairable == 0 { Outcome::Fine } else { Outcome::Wrong })
}

fn status_text(status: &RepairStatus) -> String {
    let mut lines = Vec::new();
    if status.is_idle() {
        lines.push("nothing waits to be repaired or moved".to_owned());
    } else {
        let ranks = [
            (status.last, "the next loss is their end"),
            (status.endangered, "slivers are missing"),
            (status.moves, "whole, to be moved"),
            (status.rebalance, "whole, to be rebalanced"),
            (status.unrepairable, "cannot be repaired now: too few slivers are left"),
        ];
        lines.extend(
            ranks.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count:>8} blobs: {what}")),
        );
        if status.waiting > 0 {
            lines.push(format!("{:>8} of them were tried and wait to be tried again", status.waiting));
        }
        lines.push(rate_text(status));
    }
    lines.extend(status.away.iter().cloned());
    lines.extend(status.lost.iter().map(lost_text));
    lines.join("\n")
}

fn rate_text(status: &RepairStatus) -> String {
    if status.blobs_per_second <= 0.0 {
        return "nothing was done in the last minutes by this gateway".to_owned();
    }
    let bytes = show::bytes(status.bytes_per_second as u64);
    let endangered = status.seconds_endangered.filter(|seconds| *seconds > 0);
    let safe = endangered.map(|seconds| format!("; nothing endangered in {}", show::duration(seconds)));
    let all = status.seconds_all.map(|seconds| format!("; all done in {}", show::duration(seconds)));
    let (safe, all) = (safe.unwrap_or_default(), all.unwrap_or_default());
    format!("{:.1} blobs and {bytes} of slivers in a second{safe}{all}", status.blobs_per_second)
}

fn lost_text(lost: &UnrepairableBlob) -> String {
    let objects = if lost.objects.is_empty() { "-".to_owned() } else { lost.objects.join(" ") };
    format!("blob {} (tried {} times): {objects}", lost.blob, lost.attempts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_shown_by_rank_with_what_is_lost() {
        assert_eq!(status_text(&RepairStatus::default()), "nothing waits to be repaired or moved");
        let lost = UnrepairableBlob { blob: "ab".to_owned(), attempts: 3, objects: vec!["photos/cat".to_owned()] };
        let status = RepairStatus {
            last: 2,
            endangered: 10,
            unrepairable: 1,
            waiting: 1,
            blobs_per_second: 4.0,
            bytes_per_second: 2048.0,
            seconds_endangered: Some(3),
            seconds_all: Some(3),
            lost: vec![lost],
            away: vec!["b2: away for 9 s".to_owned()],
            ..RepairStatus::default()
        };
        let expected = "       2 blobs: the next loss is their end\n      10 blobs: slivers are missing\n       1 blobs: cannot be \
                        repaired now: too few slivers are left\n       1 of them were tried and wait to be tried again\n4.0 blobs and \
                        2.0 KiB of slivers in a second; nothing endangered in 3 seconds; all done in 3 seconds\nb2: away for 9 s\n\
                        blob ab (tried 3 times): photos/cat";
        assert_eq!(status_text(&status), expected);
    }
}
