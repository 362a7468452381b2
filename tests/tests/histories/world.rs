//! What all clients share: the keys that they use, and what they did and saw.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Effect, Ending, History, Operation, Payload, Value, wait_until};
use md5::{Digest, Md5};
use tokio::sync::watch;

/// One of them keeps its versions.
pub const BUCKETS: [&str; 2] = ["plain", "versioned"];
/// In this one names are changed, which S3 offers where no versions are kept.
pub const RENAMES: &str = BUCKETS[0];
/// Keys of each bucket that are in use at a time.
pub const KEYS: u64 = 10;
/// Most share quilts, some are blobs of their own.
const SIZES: [u64; 7] = [0, 300, 1_500, 5_000, 12_000, 30_000, 200_000];

/// What all clients share.
pub struct World {
    /// What they did.
    pub history: History,
    /// Which gateways serve.
    pub serving: watch::Sender<Vec<bool>>,
    /// The end of the work.
    pub done: AtomicBool,
    /// The keys in use have this in their names.
    pub pass: AtomicU64,
    /// How many operations were answered.
    pub answered: AtomicU64,
    /// Versions that were acknowledged where they are kept: key and id.
    pub versions: Mutex<Vec<(String, String, Value)>>,
    etags: Mutex<HashMap<String, Value>>,
    /// Operations of which nobody knows how they ended, with the gateway that they were sent to.
    unknown: Mutex<Vec<(usize, Operation)>>,
    copies: Mutex<HashMap<Value, Copied>>,
}

/// What is known of a copy.
#[derive(Clone)]
pub struct Copied {
    pub client: u64,
    pub source: String,
    pub invoked: Duration,
    /// The value that it found.
    pub content: Option<Value>,
}

impl World {
    pub fn new(gateways: usize) -> Self {
        Self {
            history: History::default(),
            serving: watch::Sender::new(vec![true; gateways]),
            done: AtomicBool::default(),
            pass: AtomicU64::default(),
            answered: AtomicU64::default(),
            versions: Mutex::default(),
            etags: Mutex::default(),
            unknown: Mutex::default(),
            copies: Mutex::default(),
        }
    }

    /// A gateway died at this instant and its successor serves now: what was sent to it before takes no effect any more.
    pub fn died(&self, gateway: usize, killed: Duration) {
        let now = self.history.now();
        let is_over = |(sent_to, operation): &mut (usize, Operation)| *sent_to == gateway && operation.invoked < killed;
        for (_, operation) in self.unknown.lock().unwrap().extract_if(.., is_over) {
            self.history.add(Operation { ending: Ending::UnknownUntil(now), ..operation });
        }
    }

    /// Nobody knows how an operation ended that was sent to a gateway.
    pub fn not_known(&self, sent_to: usize, operation: Operation) {
        self.unknown.lock().unwrap().push((sent_to, operation));
    }

    /// A copy is under way, which writes this value.
    pub fn copy_began(&self, value: Value, copied: Copied) {
        self.copies.lock().unwrap().insert(value, copied);
    }

    /// Waits until so many more operations are answered.
    pub async fn answer_more(&self, count: u64) -> Result<()> {
        let enough = self.answered.load(Ordering::Relaxed) + count;
        wait_until(&format!("{enough} operations are answered"), async || {
            Ok((self.answered.load(Ordering::Relaxed) >= enough).then_some(()))
        })
        .await
    }

    /// Everything that was done and seen, when nothing is under way any more.
    pub fn operations(&self) -> Vec<Operation> {
        for (_, operation) in self.unknown.lock().unwrap().drain(..) {
            self.history.add(operation);
        }
        self.history.operations()
    }

    /// A value that nobody has written, and its content, whose ETag is remembered.
    pub fn new_content(&self) -> (Value, Vec<u8>) {
        let value = self.history.new_value();
        let content = content(value);
        self.remember(format!("\"{}\"", hex::encode(Md5::digest(&content))), value);
        (value, content)
    }

    pub fn remember(&self, etag: String, value: Value) {
        self.etags.lock().unwrap().insert(etag, value);
    }

    pub fn value_of(&self, etag: &str) -> Result<Value> {
        self.etags.lock().unwrap().get(etag).copied().with_context(|| format!("nobody wrote {etag}"))
    }

    /// A key shows a value whose content is that of another one: it must be a copy of it.
    pub fn check_copy(&self, value: Value, content: Value) -> Result<()> {
        let mut copies = self.copies.lock().unwrap();
        let copied = copies.get_mut(&value).with_context(|| format!("{value} has the content of {content}"))?;
        match copied.content {
            Some(known) => ensure!(known == content, "the copy {value} of {known} has the content of {content}"),
            None => {
                copied.content = Some(content);
                self.history.add(Operation {
                    client: copied.client,
                    name: "COPY (source, as its target shows)",
                    key: copied.source.clone(),
                    effect: Effect::Read(Some(content)),
                    invoked: copied.invoked,
                    ending: Ending::Done(self.history.now()),
                });
            }
        }
        Ok(())
    }
}

/// The content of a value, which begins with it.
pub fn content(value: Value) -> Vec<u8> {
    let size = SIZES[(value % SIZES.len() as u64) as usize] + 8;
    [&value.to_be_bytes(), &Payload::new("history", value, size).bytes()[8..]].concat()
}
