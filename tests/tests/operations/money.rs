//! Money: what buckets cost is shown before and charged once, and who cannot pay may still read and delete.

use anyhow::{Context as _, Result, bail, ensure};
use harness::{Database, Settings, TestGateway, on_both, wait_until};
use http::Method;
use serde_json::Value;

on_both!(short_epochs => what_a_bucket_costs_is_known_before_and_charged_once);
on_both!(short_epochs => a_dry_run_prints_the_settlement_that_follows);
on_both!(charged => who_cannot_pay_is_refused_and_reads_and_deletes);

/// What the root account begins with.
const ENDOWMENT: i64 = 1_000_000_000_000;

/// Epochs of two seconds.
fn short_epochs(database: Database) -> Settings {
    let settings = Settings::new(database).env("HAULOUT_EPOCH", "2").set("money", "unconfirmed_epochs = 1000");
    settings.set("money", "read_request_price = 1000000").set("money", "egress_price = 7000")
}

/// One epoch of a day, in which money is charged and nobody has any.
fn charged(database: Database) -> Settings {
    let pay_at = "pay_at = \"https://pay.example/haulout\"";
    Settings::new(database)
        .env("HAULOUT_EPOCH", "86400")
        .set("money", "mode = \"on\"")
        .set("money", "endowment = 0")
        .set("money", pay_at)
}

async fn json(gateway: &TestGateway, arguments: &[&str]) -> Result<Value> {
    let arguments = [arguments, &["--json"]].concat();
    Ok(serde_json::from_str(&gateway.haulout(&arguments).ok().await?)?)
}

fn number(value: &Value, key: &str) -> Result<u64> {
    value[key].as_u64().with_context(|| format!("{key} in {value}"))
}

/// The last epoch that is settled: one after it may be charged, and nobody has paid for it yet.
async fn last_settled(gateway: &TestGateway) -> Result<u64> {
    let epochs = json(gateway, &["epoch"]).await?;
    let last = epochs.as_array().context("a list")?.iter().find(|epoch| epoch["state"] == "settled");
    number(last.context("one is settled")?, "number")
}

async fn what_a_bucket_costs_is_known_before_and_charged_once(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    s3.create_bucket("emptied").await?;
    let first = s3.put("kept", "a", vec![1; 3 << 20]).await?.ok()?;
    let cost = first.header("x-haulout-cost").to_owned();
    ensure!(cost.contains(" FROST until 20"), "{cost:?}");
    let upload = s3.create_upload("kept", "parts").await?;
    let part = s3.put_part("kept", "parts", &upload, 1, vec![2; 5 << 20].into()).await?;
    let completed = s3.complete("kept", "parts", &upload, &[(1, part)]).await?.ok()?;
    ensure!(completed.header("x-haulout-cost").contains("FROST"), "a completion says it too");
    s3.put("emptied", "a", vec![1; 3 << 20]).await?.ok()?;
    s3.delete("emptied", "a").await?.ok()?;

    let quote = json(gateway, &["quote", "--bytes", "3145728", "--epochs", "1"]).await?;
    let encoded = number(&quote, "encoded_bytes")?;
    ensure!(encoded > 3 << 20 && encoded < 5 << 20, "{quote}");
    ensure!(number(&quote, "total")? >= number(&quote, "storage")?, "{quote}");
    let fees = ["--parts", "3", "--read-requests", "2000", "--write-requests", "4", "--egress-bytes", "3145728"];
    let all = json(gateway, &[&["quote", "--bytes", "3145728"][..], &fees].concat()).await?;
    ensure!(number(&all, "requests")? == 2 * 1_000_000 && number(&all, "egress")? == 3 * 7_000, "{all}");
    let parts = ["storage", "write", "requests", "egress"].into_iter().map(|part| number(&all, part));
    ensure!(number(&all, "total")? == parts.sum::<Result<u64>>()?, "a quote is the sum of its fees: {all}");
    let usage = json(gateway, &["usage", "kept"]).await?;
    ensure!(number(&usage[0], "encoded_bytes")? > 8 << 20, "{usage}");

    kill_while_it_charges(gateway).await?;
    providers_show_what_they_hold(gateway, "kept").await?;
    gateway.stop()?;
    let last = last_settled(gateway).await?;
    let (mut billed, mut held) = (0, std::collections::BTreeSet::new());
    for bucket in ["kept", "emptied"] {
        let bills = json(gateway, &["invoice", bucket]).await?;
        for bill in bills.as_array().context("a list")? {
            if number(bill, "epoch")? > last {
                continue;
            }
            billed += number(bill, "total")?;
            let storage = number(bill, "storage")?;
            if bucket == "kept" && storage > 0 {
                ensure!(held.insert(number(bill, "epoch")?), "an epoch is billed once: {bills}");
            }
        }
        let csv = gateway.haulout(&["invoice", bucket, "--csv"]).ok().await?;
        ensure!(csv.lines().count() == bills.as_array().map_or(0, Vec::len) + 1, "{csv}");
    }
    ensure!(held.len() as u64 > last / 2, "every epoch since is paid for: {held:?} of {last}");
    let bills = json(gateway, &["invoice", "emptied"]).await?;
    let stored = bills.as_array().context("a list")?.iter().filter(|bill| bill["storage"] != 0).count();
    ensure!(stored <= 2, "what is deleted costs nothing any more: {bills}");
    let accounts = json(gateway, &["account"]).await?;
    let accounts = accounts.as_array().context("a list")?;
    let of = |kind: &str| -> i64 {
        let named = accounts.iter().filter(|account| account["account"].as_str().is_some_and(|a| a.starts_with(kind)));
        named.filter_map(|account| account["balance"].as_i64()).sum()
    };
    let paid = ENDOWMENT - of("payer/");
    ensure!(u64::try_from(paid)? == billed, "what was billed was paid, once: {paid} of {billed}");
    ensure!(of("provider/") + of("holdback/") > 0, "providers earn: {accounts:?}");
    ensure!(of("burn") > 0, "a share is burnt: {accounts:?}");
    let sum: i64 = accounts.iter().filter_map(|account| account["balance"].as_i64()).sum();
    ensure!(sum == 0, "the ledger balances: {accounts:?}");

    // What was published can be verified without the database.
    let folder = gateway.scratch("log").to_string_lossy().into_owned();
    gateway.haulout(&["ledger", "export", "--out", &folder]).ok().await?;
    gateway.haulout(&["ledger", "verify", &folder]).ok().await?;
    an_invoice_is_proven(gateway, &folder, last).await?;
    gateway.restart()
}

/// No epoch can be settled for a while: what `haulout settle --dry-run` prints then is what is posted and published afterwards, transfer by
/// transfer.
async fn a_dry_run_prints_the_settlement_that_follows(gateway: &mut TestGateway) -> Result<()> {
    gateway.root().create_bucket("kept").await?;
    gateway.root().put("kept", "a", vec![1; 3 << 20]).await?.ok()?;
    wait_until("an epoch with content is settled", async || {
        Ok((last_settled(gateway).await.ok() >= Some(2)).then_some(()))
    })
    .await?;
    let refuse =
        "CREATE TRIGGER held_up BEFORE INSERT ON settlement BEGIN SELECT RAISE(ABORT, 'the test holds it up'); END";
    let on_postgres = "CREATE FUNCTION held_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                       RAISE EXCEPTION 'the test holds it up'; END $$; \
                       CREATE TRIGGER held_up BEFORE INSERT ON settlement FOR EACH ROW EXECUTE FUNCTION held_up()";
    gateway.meddle(refuse, on_postgres).await?;
    // From then on nothing of what the plan depends on changes: what backends hold has been looked at after the epoch.
    gateway.wait_for_log("the test holds it up").await?;
    let plan = gateway.haulout(&["settle", "--dry-run"]).ok().await?;
    let again = gateway.haulout(&["settle", "--dry-run"]).ok().await?;
    ensure!(plan == again, "a dry run changes nothing: {plan}\n{again}");
    let word = |name: &str| plan.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let (epoch, book) = (word("epoch ").context("its epoch")?, word("book ").context("its book")?);
    gateway.meddle("DROP TRIGGER held_up", "DROP TRIGGER held_up ON settlement").await?;
    wait_until("the epoch is published", async || {
        let log = json(gateway, &["ledger", "checkpoint"]).await?;
        Ok((log["checkpoint"]["epoch"].as_u64() >= epoch.parse().ok()).then_some(()))
    })
    .await?;
    let folder = gateway.scratch("planned");
    gateway.haulout(&["ledger", "export", "--out", &folder.to_string_lossy()]).ok().await?;
    let published = published_transfers(&folder, &epoch)?;
    let planned = plan.lines().filter_map(|line| line.strip_prefix("transfer "));
    let planned = planned.map(|line| {
        let [id, code, debit, credit, amount, ..] = line.split(' ').collect::<Vec<_>>()[..] else { bail!("{line:?}") };
        Ok([id, &book, code, &epoch, debit, credit, amount].join(" "))
    });
    let planned = planned.collect::<Result<Vec<_>>>()?;
    ensure!(planned.len() > 5, "it moves something: {plan}");
    ensure!(planned == published, "planned: {planned:#?}\npublished: {published:#?}");
    Ok(())
}

/// The transfers of an epoch in an export that follow from its inputs: id, book, code, epoch, debit, credit and amount.
pub(super) fn published_transfers(folder: &std::path::Path, epoch: &str) -> Result<Vec<String>> {
    let (mut transfers, mut open) = (Vec::new(), vec![folder.join("tile/entries")]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?);
            continue;
        }
        let bytes = std::fs::read(path)?;
        let mut rest = &*bytes;
        while let Some((length, after)) = rest.split_at_checked(2) {
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let (leaf, after) = after.split_at_checked(length).context("a whole entry")?;
            rest = after;
            let leaf = std::str::from_utf8(leaf)?;
            let Some(transfer) = leaf.strip_prefix("haulout-transfer/1 ") else { continue };
            let [sequence, id, book, code, of, debit, credit, amount, ..] = transfer.split(' ').collect::<Vec<_>>()[..]
            else {
                bail!("{leaf:?}")
            };
            if of == epoch && code != "endowment" {
                let line = [id, book, code, of, debit, credit, amount].join(" ");
                transfers.push((sequence.parse::<u64>()?, line));
            }
        }
    }
    transfers.sort_unstable();
    Ok(transfers.into_iter().map(|(_, line)| line).collect())
}

/// Kills it again and again, until several epochs are settled.
async fn kill_while_it_charges(gateway: &mut TestGateway) -> Result<()> {
    for _ in 0..6 {
        tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
        gateway.kill();
        gateway.restart()?;
    }
    wait_until("several epochs are settled", async || {
        let epochs = json(gateway, &["epoch"]).await?;
        let settled = epochs.as_array().context("a list")?.iter().filter(|epoch| epoch["state"] == "settled").count();
        Ok((settled >= 5).then_some(()))
    })
    .await
}

/// The metrics of providers come to what the only bucket with content holds, and some for the journal.
async fn providers_show_what_they_hold(gateway: &TestGateway, bucket: &str) -> Result<()> {
    let held = number(&json(gateway, &["usage", bucket]).await?[0], "encoded_bytes")?;
    wait_until("metrics show what providers hold", async || {
        let (_, metrics) = gateway.ops("/metrics")?;
        let of_providers = metrics.lines().filter(|line| line.starts_with("haulout_provider_bytes{"));
        let bytes: u64 = of_providers.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
        Ok((held..2 * held).contains(&bytes).then_some(()))
    })
    .await
}

/// The transfers of an invoice, each in a file that proves it to whoever has a policy, and what the names in them stand for.
async fn an_invoice_is_proven(gateway: &TestGateway, export: &str, epoch: u64) -> Result<()> {
    let epoch = epoch.to_string();
    let out = gateway.scratch("proofs").to_string_lossy().into_owned();
    gateway.haulout(&["invoice", "kept", "--epoch", &epoch, "--prove", export, "--out", &out]).ok().await?;
    let bill = json(gateway, &["invoice", "kept", "--epoch", &epoch]).await?;
    let (mut proven, mut names) = (0, String::new());
    let mut transfers = Vec::new();
    for file in std::fs::read_dir(&out)? {
        let path = file?.path();
        let name = path.to_string_lossy().into_owned();
        if name.ends_with(".names") {
            names = gateway.haulout(&["ledger", "names", &name]).ok().await?;
            continue;
        }
        let said = gateway.haulout(&["ledger", "check", &name, "--policy", &format!("{export}/policy")]).ok().await?;
        let leaf: Vec<_> = said.lines().next().context("the leaf")?.split(' ').map(str::to_owned).collect();
        proven += leaf[8].parse::<u64>()?;
        transfers.push(leaf);
        let mut forged = std::fs::read(&path)?;
        let at = forged.len() / 2;
        forged[at] ^= 1;
        std::fs::write(&path, forged)?;
        gateway.haulout(&["ledger", "check", &name, "--policy", &format!("{export}/policy")]).fails().await?;
    }
    ensure!(!transfers.is_empty() && proven == number(&bill[0], "total")?, "{proven} of {bill}");
    // Who pays, and for which bucket, stands under salted names that the file opens.
    for line in names.lines() {
        let published = line.split(' ').next().context("a name")?;
        let salted = published.split('/').nth(1).context("a name")?;
        ensure!(transfers.iter().all(|leaf| leaf.iter().any(|word| word.ends_with(salted))), "{line} in {transfers:?}");
    }
    ensure!(names.lines().count() == 2, "{names}");
    Ok(())
}

async fn who_cannot_pay_is_refused_and_reads_and_deletes(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("paid").await?;
    let refused = s3.put("paid", "a", vec![1; 3 << 20]).await?;
    refused.refused(402, "InsufficientFunds")?;
    let text = refused.text_of("Message")?;
    ensure!(text.contains("WAL are missing") && text.contains("https://pay.example/haulout"), "{text}");
    ensure!(text.contains("payer/") && refused.text_of("MissingFrost")?.parse::<u64>()? > 0, "{text}");
    let upload = s3.create_upload("paid", "b").await?;
    let part = s3.request(Method::PUT, "/paid/b").query("partNumber", "1").query("uploadId", upload);
    part.body(vec![1; 100_000]).send().await?.refused(402, "InsufficientFunds")?;

    let credit = ["account", "credit", "root", "0.5WAL", "--reference", "statement 1"];
    ensure!(gateway.haulout(&credit).ok().await?.contains("recorded"));
    ensure!(gateway.haulout(&credit).ok().await?.contains("nothing changed"), "a reference counts once");
    let other = ["account", "credit", "root", "0.6WAL", "--reference", "statement 1"];
    ensure!(gateway.haulout(&other).fails().await?.contains("exists_with_different_amount"));
    let account = json(gateway, &["account", "root"]).await?;
    ensure!(number(&account[0], "free")? + number(&account[0], "reserved")? == 500_000_000, "{account}");
    wait_until("the payment is seen", async || {
        Ok((s3.put("paid", "a", vec![1; 3 << 20]).await?.status == 200).then_some(()))
    })
    .await?;
    let too_much = ["account", "payout", "root", "1WAL", "--reference", "statement 2"];
    ensure!(gateway.haulout(&too_much).fails().await?.contains("exceeds_credits"));

    gateway.haulout(&["bucket", "spend-limit", "paid", "1"]).ok().await?;
    wait_until("the limit is seen", async || {
        Ok((s3.put("paid", "b", vec![1; 100_000]).await?.status == 403).then_some(()))
    })
    .await?;
    let refused = s3.put("paid", "b", vec![1; 100_000]).await?;
    refused.refused(403, "SpendLimitExceeded")?;
    s3.get("paid", "a").await?.ok()?;
    s3.list("paid", &[]).await?;
    s3.delete("paid", "a").await?.ok()?;
    gateway.haulout(&["bucket", "spend-limit", "paid", "--clear"]).ok().await?;

    gateway.haulout(&["bucket", "payer", "paid", "--own-funds"]).ok().await?;
    let own = ["account", "credit", "bucket/paid", "1WAL", "--reference", "statement 3"];
    gateway.haulout(&own).ok().await?;
    let usage = json(gateway, &["usage", "paid"]).await?;
    ensure!(usage[0]["payer"].as_str().is_some_and(|payer| payer.starts_with("bucket/")), "{usage}");
    wait_until("its own funds are seen", async || {
        Ok((s3.put("paid", "c", vec![1; 100_000]).await?.status == 200).then_some(()))
    })
    .await?;
    wait_until("funds are reserved", async || {
        Ok((number(&json(gateway, &["usage", "paid"]).await?[0], "hold")? > 0).then_some(()))
    })
    .await
}
