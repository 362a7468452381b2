//! Messages on their way: enqueued, claimed in order, delayed, and deleted when delivered.

use std::collections::BTreeSet;

use crate::domain::{BucketId, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::events::due_events::take_numbers;

/// Microseconds.
const SECOND: i64 = 1_000_000;

/// Stands for the operator where a message names its account: no account has this number.
const OPERATOR: i64 = 0;

/// Messages looked at in one transaction.
const LOOKED_AT: usize = 256;

/// How long a message is put off that waits for an earlier one of its key, in microseconds, unless that one goes before. A release
/// before this one deletes the earlier one and leaves this one as it is.
const PUT_OFF: i64 = 600 * SECOND;

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the order of its key.
    pub seq: i64,
    /// To which target.
    pub target: String,
    /// The account of the bucket it is about, if that is still known.
    pub account: Option<UserId>,
    /// It is the operator's own, who may use every target: what it is about is for whoever watches costs.
    pub is_alert: bool,
    /// The version it is about, where clients know one.
    pub version: Option<String>,
    /// The message, as JSON.
    pub record: String,
    /// Nothing is added to the message.
    pub whole: bool,
    /// How often it was tried.
    pub attempts: u32,
    /// How old it is, in seconds.
    pub age_seconds: i64,
}

/// What a claim of messages comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimedEvents {
    /// Messages to send.
    pub events: Vec<Event>,
    /// How many are gone that had waited too long for an earlier one of their key.
    pub given_up: u64,
}

impl MetadataStore {
    /// Enqueues a complete message about a bucket.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn enqueue_event(&self, bucket: BucketId, target: &str, message: String) -> Result<()> {
        self.database().transact(EnqueueEvent { bucket, target: target.to_owned(), message }).await
    }

    /// Claims messages to a target that are due, for `lease_seconds`. Of one key only the oldest is handed out: the next one waits
    /// until it has arrived, or is given up when it has become older than `age_max_seconds` meanwhile.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn claim_events(
        &self,
        target: &str,
        most: usize,
        lease_seconds: i64,
        age_max_seconds: i64,
    ) -> Result<ClaimedEvents> {
        let mut given_up = 0;
        loop {
            let claim = Claim { target: target.to_owned(), most, lease_seconds, age_max_seconds };
            let claimed = self.database().transact(claim).await?;
            given_up += claimed.given_up;
            if !claimed.events.is_empty() || !claimed.others_follow {
                return Ok(ClaimedEvents { events: claimed.events, given_up });
            }
        }
    }

    /// The oldest messages to other targets than these that are older than `seconds`. Reads all messages.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn old_events_to_others(&self, targets: &[String], seconds: i64, most: usize) -> Result<Vec<i64>> {
        let mut session = self.database().reader().await?;
        let (now, age) = (session.dialect().now(), seconds.saturating_mul(SECOND));
        let head = format!("SELECT seq FROM event WHERE created_at < {now} - {age} AND target NOT IN (VALUES ");
        // No target has an empty name.
        let rows: Vec<_> =
            [""].into_iter().chain(targets.iter().map(String::as_str)).map(|name| [name.into()]).collect();
        let tail = format!(") ORDER BY seq LIMIT {most}");
        let statement = Statement::of_rows(session.dialect(), &head, rows.into_iter(), &tail);
        session.rows(statement).await?.iter().map(|row| row.int(0)).collect()
    }

    /// Deletes messages that were delivered or abandoned.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn forget_events(&self, events: Vec<i64>) -> Result<()> {
        self.database().transact(Forget(events)).await
    }

    /// Delays the next attempt of a message.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn delay_event(&self, seq: i64, seconds: i64) -> Result<()> {
        self.database().transact(Delay { seq, seconds }).await
    }

    /// How many messages wait, and how old the oldest is, in seconds.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn waiting_events(&self) -> Result<(u64, i64)> {
        let mut session = self.database().reader().await?;
        let now = session.dialect().now();
        let text = format!("SELECT COUNT(*), COALESCE({now} - MIN(created_at), 0) FROM event");
        let row = session.row(Statement::new(text)).await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.number(0)?, row.int(1)? / SECOND)))
    }
}

struct EnqueueEvent {
    bucket: BucketId,
    target: String,
    message: String,
}

impl Work for EnqueueEvent {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        enqueue(tx, (self.bucket, None), &self.target, &self.message).await
    }
}

/// Enqueues an alert about a bucket in the transaction that takes note of it: so it is sent at least once, in the order of the bucket's alerts,
/// again and again until it is taken or too old.
pub(in crate::metadata) async fn enqueue_alert(
    tx: &mut Session,
    bucket: BucketId,
    target: &str,
    message: &str,
) -> Result<()> {
    enqueue(tx, (bucket, Some(OPERATOR)), target, message).await
}

/// `account`: whose message it is, if not that of the bucket's account.
async fn enqueue(
    tx: &mut Session,
    (bucket, account): (BucketId, Option<i64>),
    target: &str,
    message: &str,
) -> Result<()> {
    let seq = take_numbers(tx, 1).await?.into_iter().next();
    let seq = seq.ok_or_else(|| MetadataError::Damaged("no number for a message".to_owned()))?;
    let now = tx.dialect().now();
    let account = account
        .map_or_else(|| format!("(SELECT b.account_id FROM bucket b WHERE b.id = {})", bucket.0), |id| id.to_string());
    let text = format!(
        "INSERT INTO event (seq, target, bucket_id, key, version, record, is_whole, not_before, created_at, account_id) \
         VALUES ($1, $2, $3, $4, '', $5, TRUE, {now}, {now}, {account})"
    );
    let statement = Statement::new(text).bind(seq).bind(target).bind(bucket.0).bind(Vec::new());
    tx.execute(statement.bind(message)).await.map(drop)
}

struct Claim {
    target: String,
    most: usize,
    lease_seconds: i64,
    age_max_seconds: i64,
}

/// What one transaction of a claim came to.
struct Claimed {
    events: Vec<Event>,
    given_up: u64,
    /// There may be more messages that are due than were looked at.
    others_follow: bool,
}

impl Work for Claim {
    type Done = Claimed;

    /// Looks at a bounded number of messages. Those that wait for an earlier one of their key are put off, so that the next claim does
    /// not meet them again: their turn comes when that one is deleted. They come back only until they are too old.
    async fn run(&self, tx: &mut Session) -> Result<Claimed> {
        let dialect = tx.dialect();
        let now = dialect.now();
        let text = format!(
            "SELECT e.seq, {}, {} FROM event e WHERE e.target = $1 AND e.not_before <= {now} \
             ORDER BY e.not_before LIMIT {LOOKED_AT}{}",
            waits(dialect, "e"),
            self.is_old(dialect, "e"),
            dialect.for_claim()
        );
        let due = tx.rows(Statement::new(text).bind(&*self.target)).await?;
        let (mut first, mut blocked, mut old) = (Vec::new(), Vec::new(), Vec::new());
        for row in &due {
            let list = match (row.flag(1)?, row.flag(2)?) {
                (false, _) => &mut first,
                (true, false) => &mut blocked,
                (true, true) => &mut old,
            };
            list.push(row.int(0)?);
        }
        first.truncate(self.most);
        let tail = format!(") AND {}", waits(dialect, "event"));
        let given_up = tx.execute_rows("DELETE FROM event WHERE seq IN (VALUES ", values(&old), &tail).await?;
        // Decided again, now that they are locked: the earlier one may just have gone.
        let head = format!("UPDATE event SET not_before = {now} + {PUT_OFF} WHERE seq IN (VALUES ");
        tx.execute_rows(&head, values(&blocked), &tail).await?;
        let events = read(tx, &first).await?;
        let until = self.lease_seconds.saturating_mul(SECOND);
        let head =
            format!("UPDATE event SET not_before = {now} + {until}, attempts = attempts + 1 WHERE seq IN (VALUES ");
        tx.execute_rows(&head, values(&first), ")").await?;
        Ok(Claimed { events, given_up, others_follow: due.len() >= LOOKED_AT })
    }
}

impl Claim {
    /// Whether a message is too old to wait any longer.
    fn is_old(&self, dialect: Dialect, event: &str) -> String {
        let most = self.age_max_seconds.saturating_mul(SECOND);
        format!("{event}.created_at < {} - {most}", dialect.now())
    }
}

/// Whether there is an earlier message of the same target and key.
fn waits(dialect: Dialect, event: &str) -> String {
    format!("({}) < {event}.seq", first_of(dialect, event))
}

/// The number of the first message of the target and key of a row: the beginning of a range of `event_order`, whatever is in it. Asked
/// for equal columns, PostgreSQL would read by number where most messages are of one key, so it is asked in the order of that
/// index; where the key has no message, that is the first one behind it. SQLite goes by equal columns, and would read all of a target.
fn first_of(dialect: Dialect, row: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!(
            "SELECT f.seq FROM event f WHERE f.target = {row}.target AND f.bucket_id = {row}.bucket_id \
             AND f.key = {row}.key ORDER BY f.seq LIMIT 1"
        ),
        Dialect::Postgres => format!(
            "SELECT f.seq FROM event f WHERE (f.target, f.bucket_id, f.key, f.seq) >= \
             ({row}.target, {row}.bucket_id, {row}.key, 0) ORDER BY f.target, f.bucket_id, f.key, f.seq LIMIT 1"
        ),
    }
}

/// Messages by their numbers, in this order.
async fn read(tx: &mut Session, seqs: &[i64]) -> Result<Vec<Event>> {
    let now = tx.dialect().now();
    let head = format!(
        "SELECT e.seq, e.target, e.version, e.record, e.is_whole, e.attempts, {now} - e.created_at, \
         COALESCE(e.account_id, (SELECT b.account_id FROM bucket b WHERE b.id = e.bucket_id), {OPERATOR}), \
         COALESCE(e.account_id = {OPERATOR}, FALSE) FROM event e \
         WHERE e.seq IN (VALUES "
    );
    let mut events = Vec::with_capacity(seqs.len());
    for row in tx.rows_of_rows(&head, values(seqs), ")").await? {
        events.push(Event {
            seq: row.int(0)?,
            target: row.text(1)?.to_owned(),
            version: Some(row.text(2)?.to_owned()).filter(|version| !version.is_empty()),
            record: row.text(3)?.to_owned(),
            whole: row.flag(4)?,
            attempts: row.number(5)?,
            age_seconds: row.int(6)? / SECOND,
            account: Some(UserId(row.int(7)?)).filter(|account| account.0 != OPERATOR),
            is_alert: row.flag(8)?,
        });
    }
    events.sort_by_key(|event| seqs.iter().position(|seq| *seq == event.seq));
    Ok(events)
}

struct Forget(Vec<i64>);

impl Work for Forget {
    type Done = ();

    /// What waited for one of them is due. Whether it was put off is not asked: a claim beside this transaction may be about to do so.
    async fn run(&self, tx: &mut Session) -> Result<()> {
        let tail = ") RETURNING target, bucket_id, key";
        let gone = tx.rows_of_rows("DELETE FROM event WHERE seq IN (VALUES ", values(&self.0), tail).await?;
        let mut keys = BTreeSet::new();
        for row in &gone {
            keys.insert((row.text(0)?, row.int(1)?, row.bytes(2)?));
        }
        let keys = keys.into_iter().map(|(target, bucket, key)| [target.into(), bucket.into(), key.into()]).collect();
        // Should it be the first one of another key, that is due already, or was claimed.
        let tail = format!(
            ") UPDATE event SET not_before = {} WHERE attempts = 0 AND seq IN (SELECT ({}) FROM n)",
            tx.dialect().now(),
            first_of(tx.dialect(), "n")
        );
        tx.execute_rows("WITH n (target, bucket_id, key) AS (VALUES ", keys, &tail).await.map(drop)
    }
}

struct Delay {
    seq: i64,
    seconds: i64,
}

impl Work for Delay {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let until = self.seconds.saturating_mul(SECOND);
        let text = format!("UPDATE event SET not_before = {} + {until} WHERE seq = $1", tx.dialect().now());
        tx.execute(Statement::new(text).bind(self.seq)).await.map(drop)
    }
}

fn values(seqs: &[i64]) -> Vec<[Value; 1]> {
    seqs.iter().map(|seq| [(*seq).into()]).collect()
}
