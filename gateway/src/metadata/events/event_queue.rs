//! Messages on their way: enqueued, claimed in order, delayed, and deleted when delivered.

use crate::domain::{BucketId, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::events::due_events::take_numbers;

/// Microseconds.
const SECOND: i64 = 1_000_000;

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the order of its key.
    pub seq: i64,
    /// To which target.
    pub target: String,
    /// The account of the bucket it is about, if that is still known.
    pub account: Option<UserId>,
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

impl MetadataStore {
    /// Enqueues a complete message about a bucket.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn enqueue_event(&self, bucket: BucketId, target: &str, message: String) -> Result<()> {
        self.database().transact(EnqueueEvent { bucket, target: target.to_owned(), message }).await
    }

    /// Claims messages to a target that are due, for `lease_seconds`. Of one key only the oldest is handed out: the next one waits
    /// until it has arrived.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn claim_events(&self, target: &str, most: usize, lease_seconds: i64) -> Result<Vec<Event>> {
        self.database().transact(Claim { target: target.to_owned(), most, lease_seconds }).await
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
        let seq = take_numbers(tx, 1).await?.into_iter().next();
        let seq = seq.ok_or_else(|| MetadataError::Damaged("no number for a message".to_owned()))?;
        let now = tx.dialect().now();
        let text = format!(
            "INSERT INTO event (seq, target, bucket_id, key, version, record, is_whole, not_before, created_at, account_id) \
             VALUES ($1, $2, $3, $4, '', $5, TRUE, {now}, {now}, (SELECT b.account_id FROM bucket b WHERE b.id = $6))"
        );
        let statement = Statement::new(text).bind(seq).bind(&*self.target).bind(self.bucket.0);
        tx.execute(statement.bind(Vec::new()).bind(&*self.message).bind(self.bucket.0)).await.map(drop)
    }
}

struct Claim {
    target: String,
    most: usize,
    lease_seconds: i64,
}

impl Work for Claim {
    type Done = Vec<Event>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<Event>> {
        let dialect = tx.dialect();
        let now = dialect.now();
        let text = format!(
            "SELECT e.seq, e.target, e.version, e.record, e.is_whole, e.attempts, {now} - e.created_at, \
             COALESCE(e.account_id, (SELECT b.account_id FROM bucket b WHERE b.id = e.bucket_id), 0) FROM event e \
             WHERE e.target = $1 AND e.not_before <= {now} AND NOT EXISTS (SELECT 1 FROM event f WHERE f.target = e.target \
             AND f.bucket_id = e.bucket_id AND f.key = e.key AND f.seq < e.seq) ORDER BY e.not_before LIMIT $2{}",
            dialect.for_claim()
        );
        let rows = tx.rows(Statement::new(text).bind(&*self.target).bind(limit(self.most))).await?;
        let event = |row: &crate::metadata::engine::row::Row| {
            Ok(Event {
                seq: row.int(0)?,
                target: row.text(1)?.to_owned(),
                version: Some(row.text(2)?.to_owned()).filter(|version| !version.is_empty()),
                record: row.text(3)?.to_owned(),
                whole: row.flag(4)?,
                attempts: row.number(5)?,
                age_seconds: row.int(6)? / SECOND,
                account: Some(UserId(row.int(7)?)).filter(|account| account.0 != 0),
            })
        };
        let events = rows.iter().map(event).collect::<Result<Vec<_>>>()?;
        let until = self.lease_seconds.saturating_mul(SECOND);
        let head =
            format!("UPDATE event SET not_before = {now} + {until}, attempts = attempts + 1 WHERE seq IN (VALUES ");
        tx.execute_rows(&head, events.iter().map(|event| [event.seq.into()]).collect(), ")").await?;
        Ok(events)
    }
}

struct Forget(Vec<i64>);

impl Work for Forget {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let rows = self.0.iter().map(|seq| [(*seq).into()]).collect();
        tx.execute_rows("DELETE FROM event WHERE seq IN (VALUES ", rows, ")").await.map(drop)
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
