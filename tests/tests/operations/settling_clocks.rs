//! The clocks of gateways step, and requests arrive twice, at two gateways and in another order: each bucket is charged once for each epoch and for
//! each body that was accepted, each epoch is settled once, and money that an operator moves moves once.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use harness::{Database, Request, Settings, TestGateway, WallClock, run_scenario, send_raw, wait_until};
use http::Method;
use serde_json::Value;

/// Seconds of an epoch.
const EPOCH: u64 = 2;
const WAL: i64 = 1_000_000_000;
/// What the root account begins with.
const ENDOWMENT: i64 = 1_000 * WAL;
/// Every body: too large to share a blob.
const BODY_BYTES: usize = 3 << 20;
/// Seconds by which the clock of one gateway is ahead, and that of the other behind. Requests are signed for the right time, which is good for a
/// quarter of an hour.
const STEPS: [i64; 5] = [600, -600, 3_600, -3_600, 0];
/// The clock of a gateway with SQLite is that of its database: some epochs are begun at once, and then none for as long.
const STEPS_OF_ONE: [i64; 4] = [6, 0, 20, 0];
const SIGNED_FOR: i64 = 900;

/// What an operator does, each under its reference.
const ORDERS: [[&str; 6]; 3] = [
    ["account", "credit", "root", "2WAL", "--reference", "statement 1"],
    ["account", "payout", "root", "1WAL", "--reference", "statement 2"],
    ["account", "credit", "staker/anna", "5WAL", "--reference", "statement 3"],
];

#[test]
fn each_charge_is_made_once_whatever_the_clock_says_and_whatever_comes_twice_on_sqlite() -> Result<()> {
    run(Database::Sqlite)
}

#[test]
fn each_charge_is_made_once_by_two_whatever_their_clocks_say_and_whatever_comes_twice_on_postgres() -> Result<()> {
    run(Database::Postgres)
}

fn run(database: Database) -> Result<()> {
    let settings = Settings::new(database)
        .env("HAULOUT_EPOCH", &EPOCH.to_string())
        .set("money", "mode = \"on\"")
        .set("money", "unconfirmed_epochs = 1000");
    run_scenario(settings, async |gateway| {
        let mut clocks = vec![WallClock::of(gateway)?];
        // SQLite serves one gateway process.
        let mut other = None;
        if database == Database::Postgres {
            let mut beside = gateway.start_beside().await?;
            clocks.push(WallClock::of(&mut beside)?);
            other = Some(beside);
        }
        let steps: &[i64] = if other.is_some() { &STEPS } else { &STEPS_OF_ONE };
        let told = story(gateway, other.as_ref(), steps, &clocks).await;
        if let Some(mut other) = other {
            if told.is_err() {
                other.print_log();
            }
            other.stop()?;
        }
        gateway.stop()?;
        charged_once(gateway, &told?).await?;
        gateway.restart()
    })
}

/// What was sent.
struct Told {
    /// The epochs over which the first objects lay there.
    epochs: RangeInclusive<u64>,
    /// Encoded bytes of each body.
    encoded: u64,
    /// How many bodies were accepted for the bucket to which requests come again.
    bodies: u64,
}

async fn json(gateway: &TestGateway, arguments: &[&str]) -> Result<Value> {
    let arguments = [arguments, &["--json"]].concat();
    Ok(serde_json::from_str(&gateway.haulout(&arguments).ok().await?)?)
}

fn number(value: &Value, key: &str) -> Result<u64> {
    value[key].as_u64().with_context(|| format!("{key} in {value}"))
}

async fn last_published(gateway: &TestGateway) -> Result<u64> {
    Ok(json(gateway, &["ledger", "checkpoint"]).await?["checkpoint"]["epoch"].as_u64().unwrap_or(0))
}

async fn story(
    gateway: &TestGateway,
    other: Option<&TestGateway>,
    steps: &[i64],
    clocks: &[WallClock],
) -> Result<Told> {
    let s3 = gateway.root();
    for bucket in ["steady", "replayed"] {
        s3.create_bucket(bucket).await?;
        s3.put(bucket, "first", vec![7; BODY_BYTES]).await?.ok()?;
    }
    let encoded = number(&json(gateway, &["usage", "replayed"]).await?[0], "encoded_bytes")?;
    let since = number(&json(gateway, &["epoch"]).await?[0], "number")? + 1;
    let requests = requests(gateway).await?;
    // The first object, and the part that came when the requests were made.
    let mut bodies = 2;
    for (turn, ahead) in steps.iter().enumerate() {
        for (clock, sign) in clocks.iter().zip([1, -1]) {
            clock.set_ahead(sign * ahead)?;
        }
        let gateways: Vec<&TestGateway> = [Some(gateway), other].into_iter().flatten().collect();
        if ahead.abs() < SIGNED_FOR {
            bodies += replay(&gateways, &requests, turn).await?;
        }
        operate(&gateways, turn).await?;
        let before = last_published(gateway).await?;
        wait_until("another epoch is settled and published", async || {
            Ok((last_published(gateway).await? > before).then_some(()))
        })
        .await?;
    }
    let last = number(&json(gateway, &["epoch"]).await?[0], "number")?;
    wait_until(
        "all epochs of before are published",
        async || Ok((last_published(gateway).await? > last).then_some(())),
    )
    .await?;
    epochs_follow_each_other(gateway, last).await?;
    Ok(Told { epochs: since..=last, encoded, bodies })
}

/// Requests as they go over the wire, with whether they bring a body that is charged: each is signed once.
async fn requests(gateway: &TestGateway) -> Result<Vec<(Vec<u8>, bool)>> {
    let s3 = gateway.root();
    let raw = |request: Request<'_>, body: Bytes| -> Result<Vec<u8>> {
        let head = request.body(body.clone()).head_text()?.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        Ok([head.as_bytes(), &body].concat())
    };
    let body = |fill: u8| Bytes::from(vec![fill; BODY_BYTES]);
    let upload = s3.create_upload("replayed", "parts").await?;
    let part = s3.put_part("replayed", "parts", &upload, 1, body(1)).await?;
    let listed = format!("<Part><PartNumber>1</PartNumber><ETag>{part}</ETag></Part>");
    let parts = Bytes::from(format!("<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"));
    let part = s3.on(Method::PUT, "replayed", "parts").query("partNumber", "1").query("uploadId", &upload);
    let complete = s3.on(Method::POST, "replayed", "parts").query("uploadId", &upload);
    Ok(vec![
        (raw(s3.on(Method::PUT, "replayed", "a"), body(2))?, true),
        (raw(s3.on(Method::PUT, "replayed", "a"), body(3))?, true),
        (raw(part, body(1))?, true),
        (raw(complete, parts)?, false),
        (raw(s3.on(Method::DELETE, "replayed", "a"), Bytes::new())?, false),
        (raw(s3.on(Method::DELETE, "replayed", "parts"), Bytes::new())?, false),
    ])
}

/// Sends all requests to each gateway: in their order, backwards, or all at once. The answer is how many brought a body that was accepted.
async fn replay(gateways: &[&TestGateway], requests: &[(Vec<u8>, bool)], turn: usize) -> Result<u64> {
    let mut accepted = 0;
    let mut order: Vec<&(Vec<u8>, bool)> = requests.iter().collect();
    for (at, gateway) in gateways.iter().enumerate() {
        if (turn + at) % 2 == 1 {
            order.reverse();
        }
        for (request, brings) in &order {
            accepted += u64::from(is_accepted(gateway, request).await? && *brings);
        }
    }
    let at_once = gateways.iter().flat_map(|gateway| requests.iter().map(move |request| (gateway, request)));
    let at_once = at_once.map(async |(gateway, (request, brings))| -> Result<bool> {
        Ok(is_accepted(gateway, request).await? && *brings)
    });
    let at_once: Vec<bool> = try_join_all(at_once).await?;
    Ok(accepted + u64::try_from(at_once.iter().filter(|accepted| **accepted).count())?)
}

/// Whether a request succeeded. An upload is completed and gone when its parts come again, and what was deleted cannot be completed again.
async fn is_accepted(gateway: &TestGateway, request: &[u8]) -> Result<bool> {
    let reply = send_raw(gateway.address(), request).await?;
    let status = reply.status().context("a reply")?;
    ensure!([200, 204, 404].contains(&status), "{}", reply.text);
    Ok(status == 200)
}

/// An operator says everything again, to all gateways at once.
async fn operate(gateways: &[&TestGateway], turn: usize) -> Result<()> {
    let mut orders = ORDERS;
    orders.rotate_left(turn % ORDERS.len());
    let said = gateways.iter().flat_map(|gateway| orders.iter().map(move |order| (gateway, order)));
    let said = said.map(async |(gateway, order)| gateway.haulout(order).ok().await);
    let said = try_join_all(said).await?;
    let new = said.iter().filter(|said| !said.contains("nothing changed")).count();
    ensure!(new == if turn == 0 { ORDERS.len() } else { 0 }, "each is recorded once: {said:?}");
    Ok(())
}

/// No epoch is there twice, none is missing, and each begins where the one before ended.
async fn epochs_follow_each_other(gateway: &TestGateway, last: u64) -> Result<()> {
    let epochs = json(gateway, &["epoch"]).await?;
    let epochs = epochs.as_array().context("a list")?;
    for pair in epochs.windows(2) {
        ensure!(number(&pair[0], "number")? == number(&pair[1], "number")? + 1, "{pair:?}");
        ensure!(pair[0]["begins_at"] == pair[1]["ends_at"], "{pair:?}");
    }
    let open = epochs.iter().filter(|epoch| epoch["state"] != "settled").filter_map(|epoch| epoch["number"].as_u64());
    ensure!(open.min() > Some(last), "{epochs:?}");
    let folder = gateway.scratch("log").to_string_lossy().into_owned();
    gateway.haulout(&["ledger", "export", "--out", &folder]).ok().await?;
    gateway.haulout(&["ledger", "verify", &folder]).ok().await.map(drop)
}

/// What gateways that are stopped charged.
async fn charged_once(gateway: &TestGateway, told: &Told) -> Result<()> {
    let Told { epochs, encoded, bodies } = told;
    let (mut billed, mut written) = (0, 0);
    let all = json(gateway, &["epoch"]).await?;
    let settled = all.as_array().context("a list")?.iter().find(|epoch| epoch["state"] == "settled");
    let settled = number(settled.context("one is settled")?, "number")?;
    for bucket in ["steady", "replayed"] {
        let bills = json(gateway, &["invoice", bucket]).await?;
        let bills: Vec<_> =
            bills.as_array().context("a list")?.iter().filter(|bill| bill["epoch"].as_u64() <= Some(settled)).collect();
        let seen = bills.iter().map(|bill| number(bill, "epoch")).collect::<Result<BTreeSet<_>>>()?;
        ensure!(seen.len() == bills.len(), "{bucket} is billed once for an epoch: {bills:?}");
        for bill in bills {
            billed += number(bill, "total")?;
            if bucket == "replayed" {
                written += number(bill, "written_bytes")?;
            } else if epochs.contains(&number(bill, "epoch")?) {
                let area = u128::from(*encoded) * u128::from(EPOCH) * 1_000_000;
                ensure!(bill["byte_micros"] == area.to_string(), "it lay there all the time: {bill}");
            }
        }
        ensure!(epochs.clone().all(|epoch| bucket != "steady" || seen.contains(&epoch)), "{seen:?} of {epochs:?}");
    }
    ensure!(written == bodies * encoded, "{bodies} bodies of {encoded} bytes were accepted, {written} charged");
    let accounts = json(gateway, &["account"]).await?;
    let accounts = accounts.as_array().context("a list")?;
    let balances = accounts.iter().filter_map(|one| Some((one["account"].as_str()?, one["balance"].as_i64()?)));
    let of =
        |kind: &str| balances.clone().filter(|(name, _)| name.starts_with(kind)).map(|(_, amount)| amount).sum::<i64>();
    ensure!(of("staker/anna") == 5 * WAL, "{accounts:?}");
    ensure!(of("") == 0, "the ledger balances: {accounts:?}");
    let paid = ENDOWMENT + 2 * WAL - WAL - of("payer/");
    ensure!(i64::try_from(billed)? == paid, "what was billed was paid, once: {paid} of {billed}");
    Ok(())
}
