//! `haulout account`, `usage`, `invoice`, `quote`, `epoch`, and `haulout bucket payer` and `spend-limit`.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::admin::money::accounts::{Direction, MoveMoney, ShowAccounts, ShownAccount};
use crate::admin::money::buckets::{
    ArrearsRequest, DecideArrears, FundBucket, FundsRequest, ShowInvoice, ShowUsage, ShownBill, ShownUsage,
};
use crate::admin::money::epochs::{ConfirmEpochs, ConfirmedEpochs, Quote, ShowEpochs};
use crate::admin::money::invoice_proofs::{InvoiceLeaves, ShowInvoiceLeaves};
use crate::admin::money::settling::PlanSettlement;
use crate::app::cli;
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, ledger, show};
use crate::domain::money::frost::Frost;

/// Runs `haulout account`.
pub(super) async fn account(runner: &OperationRunner, account: cli::Account) -> Result<Outcome> {
    let (direction, movement) = match account.command {
        Some(cli::AccountCommand::Credit(movement)) => (Direction::Credit, movement),
        Some(cli::AccountCommand::Payout(movement)) => (Direction::Payout, movement),
        None => {
            let shown = runner.run(ShowAccounts { account: account.name }).await?;
            if account.json {
                show::json(&shown)?;
            } else {
                accounts(&shown)?;
            }
            return Ok(Outcome::Fine);
        }
    };
    let cli::Movement { name, amount, reference, json } = movement;
    let moved = runner.run(MoveMoney { direction, account: name, amount: amount.0, reference }).await?;
    if json {
        show::json(&moved)?;
    } else {
        show::print(if moved.is_new { "recorded" } else { "this reference was recorded before: nothing changed" })?;
        accounts(&[moved.account])?;
    }
    Ok(Outcome::Fine)
}

fn accounts(shown: &[ShownAccount]) -> Result<()> {
    let row = |account: &ShownAccount| {
        [account.account.clone(), signed(account.balance), wal(account.reserved), wal(account.free)]
    };
    show::table(["ACCOUNT", "BALANCE", "RESERVED", "FREE"], &shown.iter().map(row).collect::<Vec<_>>())?;
    let [one] = shown else { return Ok(()) };
    if one.owes > 0 {
        let dates = one.dates.as_ref().map_or_else(String::new, |[read_only, end]| {
            format!(": from {read_only} on no change but deletions; on {end} it is the operator's decision")
        });
        show::print(&format!("owes {} for buckets{dates}", wal(one.owes)))?;
    }
    if one.entries.is_empty() {
        return Ok(());
    }
    let entries = one.entries.iter().map(|entry| {
        let (sign, other) = if entry.debit == one.account { ("-", &entry.credit) } else { ("+", &entry.debit) };
        [
            entry.seq.to_string(),
            entry.at.clone(),
            format!("{sign}{}", wal(entry.amount)),
            entry.phase.clone(),
            entry.code.clone(),
            other.clone(),
            entry.cause.clone(),
        ]
    });
    show::print("")?;
    show::table(["ENTRY", "AT", "AMOUNT", "PHASE", "FOR", "WITH", "CAUSE"], &entries.collect::<Vec<_>>())
}

/// Runs `haulout usage`.
pub(super) async fn usage(runner: &OperationRunner, usage: cli::Usage) -> Result<Outcome> {
    let shown = runner.run(ShowUsage { bucket: usage.bucket }).await?;
    if usage.json {
        show::json(&shown)?
    } else {
        usages(&shown)?
    }
    Ok(Outcome::Fine)
}

fn usages(shown: &[ShownUsage]) -> Result<()> {
    let row = |usage: &ShownUsage| {
        [
            usage.bucket.clone(),
            usage.payer.clone(),
            show::bytes(usage.encoded_bytes),
            wal(usage.so_far),
            wal(usage.projected),
            usage.spend_limit.map_or_else(|| "any".to_owned(), wal),
            wal(usage.hold),
            wal(usage.free),
            wal(usage.unpaid),
        ]
    };
    let head = ["BUCKET", "PAYER", "ENCODED", "SO FAR", "BY THE END", "LIMIT", "RESERVED", "FREE", "UNPAID"];
    show::table(head, &shown.iter().map(row).collect::<Vec<_>>())?;
    shown.iter().filter(|usage| usage.arrears.is_some()).try_for_each(|usage| show::print(&arrears_text(usage)))
}

/// What becomes of a bucket that owes, in words.
fn arrears_text(usage: &ShownUsage) -> String {
    let Some(arrears) = &usage.arrears else { return format!("{}: owes nothing", usage.bucket) };
    let date = |date: &Option<String>| date.clone().unwrap_or_else(|| "a date that is announced soon".to_owned());
    let stage = match arrears.stage.as_str() {
        "grace" => format!(
            "no new content; from {} on no change but deletions; on {} it is your decision",
            date(&arrears.read_only_at),
            date(&arrears.ends_at)
        ),
        "read-only" => format!("no change but deletions; on {} it is your decision", date(&arrears.ends_at)),
        _ if arrears.is_given_up => "its content is being removed, but for what is locked".to_owned(),
        _ => format!("its announced end came on {}: nothing is removed unless you decide it", date(&arrears.ends_at)),
    };
    format!("{} owes {}: {stage}", usage.bucket, wal(usage.unpaid))
}

/// Runs `haulout bucket arrears`.
pub(super) async fn arrears(
    runner: &OperationRunner,
    bucket: Option<String>,
    request: ArrearsRequest,
    json: bool,
) -> Result<Outcome> {
    let is_list = bucket.is_none();
    let shown = runner.run(DecideArrears { bucket, request }).await?;
    if json {
        show::json(&shown)?;
    } else if shown.is_empty() && is_list {
        show::print("no bucket owes")?;
    } else {
        shown.iter().try_for_each(|usage| show::print(&arrears_text(usage)))?;
    }
    Ok(Outcome::Fine)
}

/// Runs `haulout invoice`.
pub(super) async fn invoice(runner: &OperationRunner, invoice: cli::Invoice) -> Result<Outcome> {
    if let (Some(export), Some(epoch)) = (&invoice.prove, invoice.epoch) {
        let leaves = runner.run(ShowInvoiceLeaves { bucket: invoice.bucket, epoch }).await?;
        return prove(&leaves, export, &invoice.out);
    }
    let bills = runner.run(ShowInvoice { bucket: invoice.bucket, epoch: invoice.epoch }).await?;
    if invoice.json {
        show::json(&bills)?;
    } else if invoice.csv {
        show::print(BILL_COLUMNS)?;
        bills.iter().try_for_each(|bill| show::print(&bill_line(bill)))?;
    } else {
        let rows: Vec<_> = bills.iter().map(bill_row).collect();
        let head = ["EPOCH", "PAYER", "STORAGE", "WRITES", "REQUESTS", "EGRESS", "TOTAL", "UNPAID"];
        show::table(head, &rows)?;
    }
    Ok(Outcome::Fine)
}

/// Writes a file for each transfer, `ID.tlog-proof`, and one with what opens the names in them. A charge that its payer could not pay is in no
/// transfer.
fn prove(invoices: &[InvoiceLeaves], export: &Path, out: &Path) -> Result<Outcome> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    for invoice in invoices {
        for id in &invoice.transfers {
            ledger::prove(export, id, out.join(format!("{id}.tlog-proof")))?;
        }
        let names = out.join(format!("bucket-{}.names", invoice.bucket_number));
        let lines: String = invoice.names.iter().map(|name| format!("{name}\n")).collect();
        std::fs::write(&names, lines).with_context(|| format!("cannot write {}", names.display()))?;
        show::print(&format!("{} opens the names in them: it is for those who may know them", names.display()))?;
    }
    Ok(Outcome::Fine)
}

const BILL_COLUMNS: &str = "epoch,bucket,bucket_number,payer,byte_micros,written_bytes,requests_read,requests_write,\
                            egress_bytes,storage,write,requests,egress,total,unpaid";

/// No field has a comma or a quotation mark in it: names of buckets and accounts have none.
fn bill_line(bill: &ShownBill) -> String {
    [
        bill.epoch.to_string(),
        bill.bucket.clone(),
        bill.bucket_number.to_string(),
        bill.payer.clone(),
        bill.byte_micros.clone(),
        bill.written_bytes.to_string(),
        bill.requests_read.to_string(),
        bill.requests_write.to_string(),
        bill.egress_bytes.to_string(),
        bill.storage.to_string(),
        bill.write.to_string(),
        bill.requests.to_string(),
        bill.egress.to_string(),
        bill.total.to_string(),
        bill.unpaid.to_string(),
    ]
    .join(",")
}

fn bill_row(bill: &ShownBill) -> [String; 8] {
    [
        bill.epoch.to_string(),
        bill.payer.clone(),
        wal(bill.storage),
        wal(bill.write),
        wal(bill.requests),
        wal(bill.egress),
        wal(bill.total),
        wal(bill.unpaid),
    ]
}

/// Runs `haulout quote`.
pub(super) async fn quote(runner: &OperationRunner, quote: cli::Quote) -> Result<Outcome> {
    let cli::Quote { bytes, scheme, epochs, parts, read_requests, write_requests, egress_bytes, json } = quote;
    let quote = Quote { bytes, scheme, epochs, parts, read_requests, write_requests, egress_bytes };
    let shown = runner.run(quote).await?;
    if json {
        show::json(&shown)?;
    } else {
        let later = if epochs == 0 { String::new() } else { format!(" and {epochs} more") };
        show::print(&format!(
            "{} in all: {} for {} of slivers to the end of epoch {}{later}, {} for writing them, {} for requests, {} for reading",
            wal(shown.total),
            wal(shown.storage),
            show::bytes(shown.encoded_bytes),
            shown.epoch,
            wal(shown.write),
            wal(shown.requests),
            wal(shown.egress),
        ))?;
        show::print(&format!("the prices hold until {} and move by at most a fifth then", shown.holds_until))?;
    }
    Ok(Outcome::Fine)
}

/// Runs `haulout settle --dry-run`.
pub(super) async fn settle(runner: &OperationRunner, _settle: &cli::Settle) -> Result<Outcome> {
    match runner.run(PlanSettlement {}).await? {
        Some(plan) => show::print(plan.trim_end())?,
        None => show::print("no epoch is charged and not settled")?,
    }
    Ok(Outcome::Fine)
}

/// Runs `haulout epoch`.
pub(super) async fn epoch(runner: &OperationRunner, epoch: cli::Epoch) -> Result<Outcome> {
    if let Some(cli::EpochCommand::Confirm { json }) = epoch.command {
        let confirmed = runner.run(ConfirmEpochs {}).await?;
        if json {
            show::json(&confirmed)?;
        } else {
            let ConfirmedEpochs { last, missed, confirmed_until } = confirmed;
            show::print(&format!("{missed} epochs after epoch {last} are begun one by one, until {confirmed_until}"))?;
        }
        return Ok(Outcome::Fine);
    }
    let shown = runner.run(ShowEpochs {}).await?;
    if epoch.json {
        show::json(&shown)?;
        return Ok(Outcome::Fine);
    }
    let rows = shown.into_iter().map(|epoch| {
        let price = |price: u64| format!("{price} FROST");
        let [storage, write] = [price(epoch.storage_price), price(epoch.write_price)];
        [epoch.number.to_string(), epoch.begins_at, epoch.ends_at, epoch.mode, epoch.state, storage, write]
    });
    let head = ["EPOCH", "BEGINS", "ENDS", "MONEY", "STATE", "A MIB KEPT", "A MIB WRITTEN"];
    show::table(head, &rows.collect::<Vec<_>>())?;
    Ok(Outcome::Fine)
}

/// Runs `haulout bucket payer` and `haulout bucket spend-limit`.
pub(super) async fn fund(
    runner: &OperationRunner,
    bucket: String,
    request: FundsRequest,
    json: bool,
) -> Result<Outcome> {
    let shown = runner.run(FundBucket { bucket, request }).await?;
    if json {
        show::json(&shown)?
    } else {
        usages(&[shown])?
    }
    Ok(Outcome::Fine)
}

fn wal(amount: u64) -> String {
    Frost(amount).to_string()
}

fn signed(amount: i128) -> String {
    let text = wal(u64::try_from(amount.unsigned_abs()).unwrap_or(u64::MAX));
    if amount < 0 { format!("-{text}") } else { text }
}
