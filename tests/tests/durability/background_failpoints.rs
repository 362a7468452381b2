//! The process ends, or a step fails, panics or takes long, in the midst of uploads of many parts, collection, compaction, repair, drains and
//! audits: what was acknowledged reads back, all of it goes on afterwards, and nothing is left over.
//!
//! Takes a program with the feature `failpoints` as `failpoints.rs` beside this does. The full matrix, every point by every action with all
//! checks after each: `HAULOUT_MATRIX=1 tests/run failpoints`; from its fortieth run on: `HAULOUT_MATRIX=1 HAULOUT_FROM=40`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use backends::failpoint::LATER_POINTS;
use bytes::Bytes;
use harness::{Database, Payload, S3, Settings, TestGateway, number_from_environment, run_scenario, wait_until};
use http::Method;

/// What happens at a point: as `FAILPOINTS` says it.
const ACTIONS: [&str; 4] = ["return(kill)", "return(error)", "panic", "return(delay)"];

/// What strikes in the short form.
const SHORT_ON_SQLITE: [(&str, &str); 6] = [
    ("repair-moved", "return(kill)"),
    ("upload-chosen", "return(kill)"),
    ("compact-written", "return(error)"),
    ("discard-deleted", "return(kill)"),
    ("audit-judged", "return(kill)"),
    ("drain-begun", "return(kill)"),
];
const SHORT_ON_POSTGRES: [(&str, &str); 6] = [
    ("repair-copied", "return(kill)"),
    ("part-stored", "return(kill)"),
    ("repair-rebuilt", "panic"),
    ("reclaim-forgotten", "return(kill)"),
    ("audit-recorded", "return(kill)"),
    ("drain-enqueued", "return(error)"),
];

const BUCKET: &str = "points";

/// How long a point may take until it strikes after some work, and how often the work is done until it does.
const STRIKES_WITHIN: Duration = Duration::from_secs(8);
const DRIVES_MAX: usize = 12;

/// Objects that are kept: the oldest go.
const KEPT: usize = 4;

#[test]
fn background_work_survives_every_point_on_sqlite() -> Result<()> {
    run(Database::Sqlite, &SHORT_ON_SQLITE)
}

#[test]
fn background_work_survives_every_point_on_postgres() -> Result<()> {
    run(Database::Postgres, &SHORT_ON_POSTGRES)
}

fn run(database: Database, short: &[(&'static str, &'static str)]) -> Result<()> {
    let Some(program) = std::env::var_os("HAULOUT_FAILPOINTS_BIN") else {
        eprintln!("HAULOUT_FAILPOINTS_BIN names no program with failpoints: nothing was tested");
        return Ok(());
    };
    let is_full = number_from_environment("HAULOUT_MATRIX", 0) > 0;
    let all = ACTIONS.into_iter().flat_map(|action| LATER_POINTS.into_iter().map(move |point| (point, action)));
    let from = usize::try_from(number_from_environment("HAULOUT_FROM", 0))?;
    let strikes: Vec<_> = if is_full { all.skip(from).collect() } else { short.to_vec() };
    let settings = Settings::new(database)
        .folders(8)
        .set("objects", "heartbeat_seconds = 1")
        .set("scrub", "days = 0")
        .set("audit", "epoch_seconds = 3")
        .set("audit", "samples = 200")
        .set("audit", "retry_seconds = 1")
        // What is taken from b1 here is not its fault.
        .set("audit", "suspend_below = 0")
        .set("audit", "unreliable_below = 0");
    run_scenario(settings.program(program.into()), async |gateway| every_point(gateway, &strikes, is_full).await)
}

async fn every_point(gateway: &mut TestGateway, strikes: &[(&str, &str)], is_full: bool) -> Result<()> {
    gateway.root().create_bucket(BUCKET).await?;
    let mut work = Work::default();
    every_point_is_passed(gateway, &mut work).await?;
    for (point, action) in strikes {
        let armed = format!("{point}=1*{action}->off");
        let before = gateway.strikes(point);
        restart(gateway, &armed)?;
        work.drive_until_it_strikes(gateway, point, before).await.with_context(|| armed.clone())?;
        if !action.contains("kill") {
            work.read_back(&gateway.root()).await.with_context(|| format!("after {armed}"))?;
        }
        if is_full {
            restart(gateway, "")?;
            gateway.wait_for_collection().await.with_context(|| format!("after {armed}"))?;
            work.read_back(&gateway.root()).await.with_context(|| format!("after {armed}, started again"))?;
        }
    }
    eprintln!("{} runs, each of which struck", strikes.len());
    restart(gateway, "")?;
    for backend in ["b7", "b8"] {
        gateway.haulout(&["backend", "drain", backend, "--cancel"]).run().await?;
    }
    gateway.wait_for_collection().await?;
    work.read_back(&gateway.root()).await
}

/// A gateway that says which points it passes has passed each after some of this work.
async fn every_point_is_passed(gateway: &mut TestGateway, work: &mut Work) -> Result<()> {
    let noted: Vec<_> = LATER_POINTS.iter().map(|point| format!("{point}=return(note)")).collect();
    restart(gateway, &noted.join(";"))?;
    let mut open = LATER_POINTS.to_vec();
    for _ in 0..DRIVES_MAX {
        work.drive(gateway).await?;
        let passed = wait_until("all points are passed", async || {
            open.retain(|point| gateway.strikes(point) == 0);
            Ok(open.is_empty().then_some(()))
        });
        if tokio::time::timeout(Duration::from_secs(6), passed).await.is_ok() {
            return work.read_back(&gateway.root()).await;
        }
    }
    bail!("nothing passed the points {open:?}")
}

/// Starts it again with a point armed; without, if it struck before the gateway was ready.
fn restart(gateway: &mut TestGateway, armed: &str) -> Result<()> {
    gateway.reconfigure(|settings| settings.env("FAILPOINTS", armed))?;
    if gateway.restart().is_err() {
        gateway.reconfigure(|settings| settings.env("FAILPOINTS", ""))?;
        gateway.restart()?;
    }
    Ok(())
}

/// What is done again and again, and what is known of it.
#[derive(Default)]
struct Work {
    turn: u64,
    /// Objects that were acknowledged, each with its content.
    sure: BTreeMap<String, Vec<u8>>,
}

impl Work {
    /// Works until a point has struck once more than before: what passes it may take several turns, as a drain needs something to move.
    async fn drive_until_it_strikes(&mut self, gateway: &TestGateway, point: &str, before: usize) -> Result<()> {
        for _ in 0..DRIVES_MAX {
            self.drive(gateway).await?;
            let strikes = wait_until("it strikes", async || Ok((gateway.strikes(point) > before).then_some(())));
            if tokio::time::timeout(STRIKES_WITHIN, strikes).await.is_ok() {
                return Ok(());
            }
        }
        bail!("it did not strike in {DRIVES_MAX} turns of work")
    }

    /// Does something of everything. Whatever fails, because the gateway ended or the point struck, is not known.
    async fn drive(&mut self, gateway: &TestGateway) -> Result<()> {
        self.turn += 1;
        let s3 = gateway.root();
        self.write(&s3).await?;
        let parts = self.upload(&s3).await;
        if let Err(error) = parts {
            eprintln!("an upload did not come to its end: {error:#}");
        }
        // One backend loses something; no blob more than one sliver at a time, because no other backend does.
        if let Some(sliver) = gateway.slivers_of(1)?.first() {
            let _ = fs::remove_file(sliver);
        }
        let (drained, other) = if self.turn.is_multiple_of(2) { ("b7", "b8") } else { ("b8", "b7") };
        gateway.haulout(&["backend", "drain", other, "--cancel"]).run().await?;
        gateway.haulout(&["backend", "rebalance"]).run().await?;
        gateway.haulout(&["backend", "drain", drained]).run().await?;
        gateway.haulout(&["collect"]).run().await?;
        Ok(())
    }

    /// Small objects, several at once so that they share a quilt, of which little is left; and a large one that is kept.
    async fn write(&mut self, s3: &S3) -> Result<()> {
        let turn = self.turn;
        let put = |number: u64| async move {
            let _ = s3.put(BUCKET, &format!("small {turn} {number}"), content(turn, 5_000)).await;
        };
        futures::future::join_all((0..8).map(put)).await;
        // Two stay: the first may have been alone in its quilt.
        for number in (1..8).filter(|number| *number != 4) {
            let _ = s3.delete(BUCKET, &format!("small {turn} {number}")).await;
        }
        let (key, large) = (format!("large {turn}"), content(turn, 1_500_000));
        if s3.put(BUCKET, &key, large.clone()).await.is_ok_and(|reply| (200..300).contains(&reply.status)) {
            self.sure.insert(key, large);
        }
        while self.sure.len() > KEPT {
            let Some((oldest, _)) = self.sure.pop_first() else { break };
            let _ = s3.delete(BUCKET, &oldest).await;
        }
        Ok(())
    }

    /// An upload that is completed, and one that is given up.
    async fn upload(&mut self, s3: &S3) -> Result<()> {
        let (key, part) = (format!("parts {}", self.turn), content(self.turn, 300_000));
        let upload = s3.create_upload(BUCKET, &key).await?;
        let tag = s3.put_part(BUCKET, &key, &upload, 1, Bytes::from(part.clone())).await?;
        let given_up = s3.create_upload(BUCKET, "given up").await?;
        s3.put_part(BUCKET, "given up", &given_up, 1, Bytes::from(part.clone())).await?;
        s3.on(Method::DELETE, BUCKET, "given up").query("uploadId", &given_up).send().await?.ok()?;
        s3.complete(BUCKET, &key, &upload, &[(1, tag)]).await?.ok()?;
        self.sure.insert(key, part);
        Ok(())
    }

    /// Each object that was acknowledged is there, whole.
    async fn read_back(&self, s3: &S3) -> Result<()> {
        for (key, content) in &self.sure {
            let reply = s3.get(BUCKET, key).await?.ok()?;
            ensure!(reply.body == *content, "{key} came back wrong");
        }
        Ok(())
    }
}

fn content(turn: u64, size: u64) -> Vec<u8> {
    Payload::new("background", turn, size).bytes().to_vec()
}
