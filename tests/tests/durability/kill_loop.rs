//! kill -9 in the middle of uploads, again and again: what was acknowledged reads back, nothing partial is visible.
//!
//! By hand: `HAULOUT_KILLS=50 tests/run kill_loop`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result, bail, ensure};
use harness::{Payload, S3, TestGateway, number_from_environment, on_both, wait_until};

on_both!(what_was_acknowledged_survives_every_kill);

const WRITERS: u64 = 6;
/// Never written in more than one way, so that a reader can tell which attempt it sees.
const SIZES: [u64; 7] = [0, 900, 4_096, 65_536, 300_000, 1_100_000, 2_500_000];

/// One key, and what its writer knows about it.
#[derive(Clone, Copy)]
struct Known {
    writer: u64,
    /// The newest version that was acknowledged, or read back.
    sure: Option<u64>,
    /// The newest attempt, of which nobody knows how it ended.
    attempted: Option<u64>,
    next: u64,
}

impl Known {
    fn key(self) -> String {
        format!("writer {}", self.writer)
    }

    fn payload(self, version: u64) -> Payload {
        let size = SIZES[usize::try_from((version + self.writer) % SIZES.len() as u64).unwrap()];
        Payload::new(&self.key(), version, size + 8)
    }

    fn content(self, version: u64) -> Vec<u8> {
        let payload = self.payload(version);
        [&version.to_be_bytes(), &payload.bytes()[8..]].concat()
    }
}

/// The time between two kills, as its writers see it.
#[derive(Default)]
struct Round {
    killed: AtomicBool,
    acknowledged: AtomicU64,
}

async fn what_was_acknowledged_survives_every_kill(gateway: &mut TestGateway) -> Result<()> {
    let kills = number_from_environment("HAULOUT_KILLS", 6);
    gateway.root().create_bucket("kill").await?;
    let mut known: Vec<_> = (0..WRITERS).map(|writer| Known { writer, sure: None, attempted: None, next: 1 }).collect();
    for round in 0..kills {
        let this = Arc::new(Round::default());
        let writers: Vec<_> = known
            .iter()
            .map(|known| tokio::spawn(write_until_killed(gateway.root(), *known, Arc::clone(&this))))
            .collect();
        // Each time elsewhere in the turns of PUTs, uploads and sizes.
        let writes = 1 + (round * 11) % 30;
        wait_until(&format!("{writes} writes are acknowledged"), async || {
            Ok((this.acknowledged.load(Ordering::Relaxed) >= writes).then_some(()))
        })
        .await?;
        gateway.kill();
        this.killed.store(true, Ordering::Relaxed);
        known.clear();
        for writer in writers {
            known.push(writer.await?);
        }
        gateway.restart().with_context(|| format!("after kill {round}"))?;
        for known in &mut known {
            read_back(&gateway.root(), known).await.with_context(|| format!("after kill {round}"))?;
        }
    }
    ensure!(known.iter().all(|known| known.sure.is_some()), "the loop was too short for anything to be written");
    gateway.wait_for_collection().await
}

/// Writes version after version, by turns as one PUT and as a multipart upload, until the gateway is gone.
async fn write_until_killed(s3: S3, mut known: Known, round: Arc<Round>) -> Known {
    while !round.killed.load(Ordering::Relaxed) {
        let version = known.next;
        known.next += 1;
        known.attempted = Some(version);
        let written =
            if version.is_multiple_of(4) { upload(&s3, known, version).await } else { put(&s3, known, version).await };
        if written.is_ok() {
            known.sure = Some(version);
            known.attempted = None;
            round.acknowledged.fetch_add(1, Ordering::Relaxed);
        } else if s3.list_page("kill", &[("max-keys", "1")]).await.is_err() {
            break;
        }
    }
    known
}

async fn put(s3: &S3, known: Known, version: u64) -> Result<()> {
    s3.put("kill", &known.key(), known.content(version)).await?.ok().map(drop)
}

async fn upload(s3: &S3, known: Known, version: u64) -> Result<()> {
    let upload = s3.create_upload("kill", &known.key()).await?;
    let etag = s3.put_part("kill", &known.key(), &upload, 1, known.content(version).into()).await?;
    s3.complete("kill", &known.key(), &upload, &[(1, etag)]).await?.ok().map(drop)
}

/// What is there must be the version that is sure, or an attempt made after it, and whole.
async fn read_back(s3: &S3, known: &mut Known) -> Result<()> {
    let reply = s3.get("kill", &known.key()).await?;
    if reply.status == 404 && known.sure.is_none() {
        return Ok(());
    }
    let body = reply.ok()?.body;
    let Some(version) = body.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)) else { bail!("a partial object") };
    ensure!(
        known.sure == Some(version) || known.attempted.is_some_and(|attempted| version == attempted),
        "{} holds version {version}; sure was {:?}, attempted {:?}",
        known.key(),
        known.sure,
        known.attempted
    );
    ensure!(body == known.content(version), "{} version {version} is not whole", known.key());
    known.sure = Some(version);
    known.attempted = None;
    Ok(())
}
