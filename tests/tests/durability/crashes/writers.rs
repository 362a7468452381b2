//! Writers of versions, each of which is sure to be there, or may be: what a test compares with what survived.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result, bail, ensure};
use harness::{Payload, S3, wait_until};
use tokio::task::JoinHandle;

/// Never written in more than one way, so that a reader can tell which attempt it sees.
const SIZES: [u64; 7] = [0, 900, 4_096, 65_536, 300_000, 1_100_000, 2_500_000];

/// Writers of a bucket, each with a key of its own.
pub struct Writers {
    bucket: &'static str,
    known: Vec<Known>,
}

/// Writers at work.
pub struct Working {
    round: Arc<Round>,
    tasks: Vec<JoinHandle<Known>>,
}

/// One key, and what its writer knows about it.
#[derive(Clone)]
struct Known {
    bucket: &'static str,
    writer: u64,
    /// The newest version that was acknowledged, or read back.
    sure: Option<u64>,
    /// Later attempts, of which nobody knows how they ended.
    attempted: Vec<u64>,
    next: u64,
}

#[derive(Default)]
struct Round {
    ended: AtomicBool,
    is_cut: AtomicBool,
    acknowledged: AtomicU64,
}

impl Writers {
    pub fn new(bucket: &'static str, count: u64) -> Self {
        let one = |writer| Known { bucket, writer, sure: None, attempted: Vec::new(), next: 1 };
        Self { bucket, known: (0..count).map(one).collect() }
    }

    /// Lets them write version after version, by turns as one PUT and as a multipart upload, until the gateway is gone.
    pub fn start(&self, s3: &S3) -> Working {
        let round = Arc::new(Round::default());
        let start = |known: &Known| tokio::spawn(known.clone().write_on(s3.clone(), Arc::clone(&round)));
        Working { tasks: self.known.iter().map(start).collect(), round }
    }

    /// Takes over what they know; the gateway is gone.
    pub async fn end(&mut self, working: Working) -> Result<()> {
        working.round.ended.store(true, Ordering::Relaxed);
        self.known.clear();
        for task in working.tasks {
            self.known.push(task.await?);
        }
        Ok(())
    }

    /// What is there must be the version that is sure, or an attempt made after it, and whole.
    pub async fn read_back(&mut self, s3: &S3) -> Result<()> {
        for known in &mut self.known {
            known.read_back(s3).await.with_context(|| format!("in {}", self.bucket))?;
        }
        Ok(())
    }

    /// Each has had a version acknowledged.
    pub fn have_all_written(&self) -> bool {
        self.known.iter().all(|known| known.sure.is_some())
    }
}

impl Working {
    /// Returns when so many writes were acknowledged.
    pub async fn acknowledge(&self, writes: u64) -> Result<()> {
        wait_until(&format!("{writes} writes are acknowledged"), async || {
            Ok((self.acknowledged() >= writes).then_some(()))
        })
        .await
    }

    /// What is acknowledged from now on would not have left a machine without power: it may be there or not. While a file system is being shut
    /// down, Linux may say that something is synced which is not there at the next mount.
    pub fn cut(&self) {
        self.round.is_cut.store(true, Ordering::SeqCst);
    }

    /// How many writes were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.round.acknowledged.load(Ordering::Relaxed)
    }
}

impl Known {
    async fn write_on(mut self, s3: S3, round: Arc<Round>) -> Self {
        while !round.ended.load(Ordering::Relaxed) {
            let version = self.next;
            self.next += 1;
            self.attempted.push(version);
            let written =
                if version.is_multiple_of(4) { self.upload(&s3, version).await } else { self.put(&s3, version).await };
            if written.is_ok() && !round.is_cut.load(Ordering::SeqCst) {
                self.sure = Some(version);
                self.attempted.clear();
                round.acknowledged.fetch_add(1, Ordering::Relaxed);
            } else if written.is_err() && s3.list_page(self.bucket, &[("max-keys", "1")]).await.is_err() {
                break;
            }
        }
        self
    }

    async fn put(&self, s3: &S3, version: u64) -> Result<()> {
        s3.put(self.bucket, &self.key(), self.content(version)).await?.ok().map(drop)
    }

    async fn upload(&self, s3: &S3, version: u64) -> Result<()> {
        let upload = s3.create_upload(self.bucket, &self.key()).await?;
        let etag = s3.put_part(self.bucket, &self.key(), &upload, 1, self.content(version).into()).await?;
        s3.complete(self.bucket, &self.key(), &upload, &[(1, etag)]).await?.ok().map(drop)
    }

    async fn read_back(&mut self, s3: &S3) -> Result<()> {
        let reply = s3.get(self.bucket, &self.key()).await?;
        if reply.status == 404 && self.sure.is_none() {
            return Ok(());
        }
        let body = reply.ok()?.body;
        let Some(version) = body.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)) else {
            bail!("a partial object")
        };
        ensure!(
            self.sure == Some(version) || self.attempted.contains(&version),
            "{} holds version {version}; sure was {:?}, attempted {:?}",
            self.key(),
            self.sure,
            self.attempted
        );
        ensure!(body == self.content(version), "{} version {version} is not whole", self.key());
        self.sure = Some(version);
        self.attempted.clear();
        Ok(())
    }

    fn key(&self) -> String {
        format!("writer {}", self.writer)
    }

    fn content(&self, version: u64) -> Vec<u8> {
        let size = SIZES[usize::try_from((version + self.writer) % SIZES.len() as u64).unwrap()];
        let payload = Payload::new(&self.key(), version, size + 8);
        [&version.to_be_bytes(), &payload.bytes()[8..]].concat()
    }
}
