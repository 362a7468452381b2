//! The process ends, or an operation fails, panics or takes long, at one point after the other: what was acknowledged reads back,
//! nothing partial is visible, and nothing is left over.
//!
//! Takes a program with the feature `failpoints`, which `tests/run` builds: `HAULOUT_FAILPOINTS_BIN`. By hand, each point twice:
//! `HAULOUT_PASSES=2 tests/run failpoints`. The full matrix, every point by every action with all checks after each, on both databases:
//! `HAULOUT_MATRIX=1 tests/run failpoints`.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Database, Payload, S3, Settings, TestGateway, number_from_environment, run_scenario};

/// The points, and how often each is passed before it strikes: at the start of the gateway some are passed dozens of times.
const POINTS: [(&str, [usize; 2]); 21] = [
    ("begin", [4, 40]),
    ("begun", [9, 45]),
    ("commit", [6, 42]),
    ("commit", [12, 50]),
    ("committed", [7, 41]),
    ("committed", [14, 48]),
    ("sliver-write", [1, 30]),
    ("sliver-sync", [0, 9]),
    ("sliver-sync", [4, 20]),
    ("sliver-rename", [2, 15]),
    ("sliver-rename", [5, 27]),
    ("sliver-sync-folder", [0, 11]),
    ("sliver-sync-folder", [3, 23]),
    ("sliver-published", [1, 14]),
    ("sliver-published", [5, 22]),
    ("sliver-delete", [2, 13]),
    ("sliver-deleted", [1, 8]),
    ("slivers-deleted", [0, 2]),
    ("small-sync", [2, 7]),
    ("small-rename", [3, 8]),
    ("small-sync-folder", [4, 9]),
];

/// What happens there: as `FAILPOINTS` says it.
const ACTIONS: [&str; 4] = ["return(kill)", "return(error)", "panic", "return(delay)"];
/// Those of the short form.
const FIRST_ACTIONS: usize = 2;

/// How many series of writes a point is given until it strikes, and the pause after each, in which background work passes points too.
const WRITES_MAX: usize = 20;
const PAUSE: Duration = Duration::from_millis(500);

const KEYS: u64 = 5;
const SIZES: [u64; 5] = [10, 70_000, 1_500_000, 900, 2_200_000];

#[test]
fn what_was_acknowledged_survives_every_point_on_sqlite() -> Result<()> {
    run(Database::Sqlite)
}

#[test]
fn what_was_acknowledged_survives_every_point_on_postgres() -> Result<()> {
    run(Database::Postgres)
}

fn run(database: Database) -> Result<()> {
    run_with(database, every_point)
}

fn run_with(database: Database, scenario: impl AsyncFnOnce(&mut TestGateway) -> Result<()>) -> Result<()> {
    let Some(program) = std::env::var_os("HAULOUT_FAILPOINTS_BIN") else {
        eprintln!("HAULOUT_FAILPOINTS_BIN names no program with failpoints: nothing was tested");
        return Ok(());
    };
    let settings = Settings::new(database).set("objects", "heartbeat_seconds = 1");
    run_scenario(settings.program(program.into()), scenario)
}

/// What is known of a key: the version that is there for sure (none: nothing is), and those that may be.
#[derive(Default)]
struct Known {
    sure: Option<u64>,
    attempted: Vec<Option<u64>>,
}

#[test]
fn every_point_is_in_the_list() {
    let tested: BTreeSet<&str> = POINTS.iter().map(|(point, _)| *point).collect();
    assert_eq!(tested, backends::failpoint::POINTS.into_iter().collect());
}

#[test]
fn every_point_is_passed_on_sqlite() -> Result<()> {
    run_with(Database::Sqlite, every_point_is_passed)
}

#[test]
fn every_point_is_passed_on_postgres() -> Result<()> {
    run_with(Database::Postgres, every_point_is_passed)
}

/// A gateway that says which points it passes has passed each after a few writes and deletions, and their collection.
async fn every_point_is_passed(gateway: &mut TestGateway) -> Result<()> {
    let noted: Vec<_> = backends::failpoint::POINTS.iter().map(|point| format!("{point}=return(note)")).collect();
    gateway.root().create_bucket("points").await?;
    restart(gateway, &noted.join(";"))?;
    let (mut known, mut version) = ((0..KEYS).map(|_| Known::default()).collect::<Vec<_>>(), 0);
    ensure!(write(&gateway.root(), &mut known, &mut version).await, "a note ends nothing");
    for point in backends::failpoint::POINTS {
        gateway.wait_for_log(&format!("passed the point {point}\n")).await?;
    }
    restart(gateway, "")?;
    gateway.wait_for_collection().await
}

async fn every_point(gateway: &mut TestGateway) -> Result<()> {
    gateway.root().create_bucket("points").await?;
    let (mut known, mut version) = ((0..KEYS).map(|_| Known::default()).collect::<Vec<_>>(), 0);
    let times = number_from_environment("HAULOUT_PASSES", 1);
    let is_full = number_from_environment("HAULOUT_MATRIX", 0) > 0;
    let mut runs = 0;
    for action in ACTIONS.into_iter().take(if is_full { ACTIONS.len() } else { FIRST_ACTIONS }) {
        for (point, passes) in POINTS {
            for passed in passes.into_iter().take(usize::try_from(times)?) {
                runs += 1;
                let armed = format!("{point}={passed}*off->1*{action}->off");
                let before = gateway.strikes(point);
                restart(gateway, &armed).with_context(|| armed.clone())?;
                let struck = write_until_it_strikes(gateway, (point, before), &mut known, &mut version).await;
                struck.with_context(|| armed.clone())?;
                if !action.contains("kill") {
                    let lives =
                        read_back(&gateway.root(), &mut known).await.with_context(|| format!("after {armed}"))?;
                    ensure!(lives, "the gateway ended: {armed}");
                }
                if is_full {
                    restart(gateway, "")?;
                    gateway.wait_for_collection().await.with_context(|| format!("after {armed}"))?;
                }
            }
        }
    }
    eprintln!("{runs} runs, each of which struck");
    restart(gateway, "")?;
    ensure!(read_back(&gateway.root(), &mut known).await?, "nothing ends it any more");
    gateway.wait_for_collection().await
}

/// Reads and writes until a point has struck once more than before. Where that ended the process, it may have been in the midst of a
/// write, of a read or of background work.
async fn write_until_it_strikes(
    gateway: &TestGateway,
    (point, before): (&str, usize),
    known: &mut [Known],
    version: &mut u64,
) -> Result<()> {
    for _ in 0..WRITES_MAX {
        let lives = read_back(&gateway.root(), known).await? && write(&gateway.root(), known, version).await;
        if gateway.strikes(point) > before {
            return Ok(());
        }
        ensure!(lives, "the gateway ended, and not at the point");
        tokio::time::sleep(PAUSE).await;
    }
    ensure!(gateway.strikes(point) > before, "it did not strike while {WRITES_MAX} series were written");
    Ok(())
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

/// Writes and deletes for some time; false if the gateway ended meanwhile.
async fn write(s3: &S3, known: &mut [Known], version: &mut u64) -> bool {
    for turn in 0..3 * KEYS {
        *version += 1;
        let at = turn % KEYS;
        let key = &mut known[usize::try_from(at).unwrap_or_default()];
        let (name, deletes) = (format!("key {at}"), version.is_multiple_of(4));
        let becomes = (!deletes).then_some(*version);
        let reply = match deletes {
            true => s3.delete("points", &name).await,
            false => s3.put("points", &name, content(at, *version)).await,
        };
        match reply {
            Ok(reply) if (200..300).contains(&reply.status) => *key = Known { sure: becomes, attempted: Vec::new() },
            Ok(_) => key.attempted.push(becomes),
            Err(_) => {
                key.attempted.push(becomes);
                return false;
            }
        }
    }
    true
}

/// Each key holds what is sure, or what was attempted after that, whole. False if the gateway ended meanwhile.
async fn read_back(s3: &S3, known: &mut [Known]) -> Result<bool> {
    for (at, known) in (0..).zip(known) {
        let Ok(mut reply) = s3.get("points", &format!("key {at}")).await else { return Ok(false) };
        if reply.status == 503 {
            // The point struck just then, which it does once: clients ask again.
            let Ok(again) = s3.get("points", &format!("key {at}")).await else { return Ok(false) };
            reply = again;
        }
        let found = match reply.status {
            404 => None,
            _ => {
                let body = reply.ok()?.body;
                let Some(version) = body.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)) else {
                    bail!("key {at} is partial");
                };
                ensure!(body == content(at, version), "key {at} version {version} is not whole");
                Some(version)
            }
        };
        ensure!(
            found == known.sure || known.attempted.contains(&found),
            "key {at} holds {found:?}; sure was {:?}, attempted {:?}",
            known.sure,
            known.attempted
        );
        *known = Known { sure: found, attempted: Vec::new() };
    }
    Ok(true)
}

fn content(at: u64, version: u64) -> Vec<u8> {
    let size = SIZES[usize::try_from((version + at) % SIZES.len() as u64).unwrap_or_default()];
    let payload = Payload::new(&format!("key {at}"), version, size + 8);
    [&version.to_be_bytes(), &payload.bytes()[8..]].concat()
}
