//! What the database keeps of the backends' heartbeats. Which backends an operator must look at: `backend_flags`.
//!
//! A round commits before anything is written to a backend, and only if the row is as it was before the backend was read:
//! so whatever was seen can be compared with it, however many gateways there are.

use std::collections::BTreeMap;

use crate::domain::{
    BackendId, Heartbeat, HeartbeatVerdict, KeptHeartbeat, SeenBackend, compare_heartbeats, next_heartbeat,
};
use crate::metadata::MetadataStore;
use crate::metadata::cluster::backend_flags::{is_flagged, raise_flag, unflag};
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::load;
use crate::metadata::engine::columns::{backend_id, int};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;
use crate::metadata::journal;

/// One backend, as a gateway has just seen it.
#[derive(Clone, Debug)]
pub struct BackendSighting {
    /// Which.
    pub backend: BackendId,
    /// What the database kept of it before it was looked at.
    pub kept: Option<KeptHeartbeat>,
    /// What it showed.
    pub seen: SeenBackend,
    /// Random, for the next heartbeat.
    pub nonce: [u8; 16],
    /// The next heartbeat is due this long after the last, in microseconds.
    pub period: i64,
}

/// The result of a sighting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SightedBackend {
    /// Which.
    pub backend: BackendId,
    /// How it compares; none when another gateway was quicker, and nothing can be said.
    pub verdict: Option<HeartbeatVerdict>,
    /// The heartbeat that is to be written to it now.
    pub write: Option<Heartbeat>,
}

/// How long another living gateway gets to write what it committed, in microseconds: longer than a write may take. Were it
/// taken over earlier, the late write could replace a later heartbeat, and look like a rollback.
const OTHERS: i64 = 25_000_000;

const COLUMNS: &str = "backend, generation, counter, nonce, before_counter, before_nonce, incarnation, sequence";

impl MetadataStore {
    /// What is kept of every backend that ever had a heartbeat.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn heartbeats(&self) -> Result<BTreeMap<BackendId, KeptHeartbeat>> {
        let rows = self.database().rows(Statement::new(format!("SELECT {COLUMNS} FROM heartbeat"))).await?;
        rows.iter().map(|row| Ok((backend_id(row.text(0)?)?, kept(row)?))).collect()
    }

    /// Compares what was seen with what is kept, flags what no gateway does, and, for a living incarnation, commits the
    /// next heartbeat of each backend that is in step and due.
    ///
    /// # Errors
    /// [`MetadataError::Fenced`](crate::metadata::MetadataError::Fenced) when the incarnation was marked dead. After any error nothing may be written to a backend.
    pub async fn note_sightings(
        &self,
        incarnation: Option<u32>,
        mut sightings: Vec<BackendSighting>,
    ) -> Result<Vec<SightedBackend>> {
        // Rows are locked in one order by everybody.
        sightings.sort_by(|a, b| a.backend.cmp(&b.backend));
        self.database().transact(Note { incarnation, sightings }).await
    }

    /// Begins a new generation of a backend whose marker claims `claimed`; `shown` is the heartbeat that lies there, if an
    /// authentic one does. Answers the heartbeat to write once the marker is there. The flag stays until
    /// [`MetadataStore::unflag_backend`].
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn begin_generation(
        &self,
        backend: &BackendId,
        claimed: u64,
        shown: Option<Heartbeat>,
        nonce: [u8; 16],
    ) -> Result<Heartbeat> {
        self.database().transact(BeginGeneration { backend: backend.clone(), claimed, shown, nonce }).await
    }

    /// Makes this database the one that counts, although these backends show later heartbeats: goes on from theirs, removes
    /// the flags about it, and declares incarnations dead that it has forgotten. `recorded` is the last segment of the journal that backends
    /// have recorded: if it is later than the database's, the journal goes on after it, with the random `hash` as that of the one before.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn confirm_database(
        &self,
        shown: Vec<(BackendId, Heartbeat, [u8; 16])>,
        recorded: u64,
        hash: [u8; 32],
    ) -> Result<()> {
        self.database().transact(Confirm { shown, recorded, hash }).await?;
        self.database().accept_lost_commits();
        self.compare_journal(recorded, false).await
    }

    /// The highest incarnation that is dead although it has no row.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn forgotten_incarnation(&self) -> Result<u32> {
        let row = self.database().row(Statement::new("SELECT forgotten_incarnation FROM cluster")).await?;
        row.map_or(Ok(0), |row| row.number(0))
    }
}

struct Note {
    incarnation: Option<u32>,
    sightings: Vec<BackendSighting>,
}

impl Work for Note {
    type Done = Vec<SightedBackend>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<SightedBackend>> {
        let mut facts = Facts::default();
        let dialect = tx.dialect();
        load::ask(tx, &mut facts, [load::now(dialect, self.incarnation)]).await?;
        let now = facts.fenced_now()?;
        let (sequence, highest) = (highest_sequence(tx).await?, highest_incarnation(tx).await?);
        let mut done = Vec::with_capacity(self.sightings.len());
        for sighting in &self.sightings {
            let mut locked = locked(tx, &sighting.backend).await?;
            let mut sighted = SightedBackend { backend: sighting.backend.clone(), verdict: None, write: None };
            if locked.kept == sighting.kept {
                let verdict = compare_heartbeats(locked.kept.as_ref(), &sighting.seen, sequence);
                if let HeartbeatVerdict::Flag(flag, reason) = &verdict {
                    raise_flag(tx, &sighting.backend, *flag, reason, now).await?;
                } else if let Some(incarnation) = self.incarnation
                    && !is_flagged(tx, &sighting.backend).await?
                {
                    let period = locked.period(tx, incarnation, sighting.period).await?;
                    let due = locked.beaten_at.saturating_add(period) <= now;
                    let next = next_row(&verdict, &locked, sighting, due, (highest, sequence));
                    if let Some(next) = next {
                        store(tx, &sighting.backend, &locked, &next, incarnation, now).await?;
                        sighted.write = Some(next.last);
                    }
                }
                sighted.verdict = Some(verdict);
            }
            done.push(sighted);
        }
        Ok(done)
    }
}

/// What the row becomes, if something is to be written to the backend now.
fn next_row(
    verdict: &HeartbeatVerdict,
    locked: &Locked,
    sighting: &BackendSighting,
    due: bool,
    (highest, sequence): (u32, u64),
) -> Option<KeptHeartbeat> {
    match (verdict, locked.kept) {
        (HeartbeatVerdict::Unknown, _) => {
            let generation = sighting.seen.generation.max(1);
            let last = Heartbeat { generation, counter: 1, incarnation: highest, nonce: sighting.nonce, sequence };
            Some(KeptHeartbeat { last, before: None })
        }
        // The same once more, and from now on ours to write.
        (HeartbeatVerdict::OneBehind, Some(kept)) if due || locked.is_mine => Some(kept),
        (HeartbeatVerdict::InStep, Some(kept)) if due => {
            Some(next_heartbeat(&kept.last, highest, sighting.nonce, sequence))
        }
        _ => None,
    }
}

struct BeginGeneration {
    backend: BackendId,
    claimed: u64,
    shown: Option<Heartbeat>,
    nonce: [u8; 16],
}

impl Work for BeginGeneration {
    type Done = Heartbeat;

    async fn run(&self, tx: &mut Session) -> Result<Heartbeat> {
        let (sequence, incarnation) = (highest_sequence(tx).await?, highest_incarnation(tx).await?);
        let found = locked(tx, &self.backend).await?;
        let known = [found.kept.map(|row| row.last), self.shown].into_iter().flatten();
        let (mut generation, mut counter, mut above) = (self.claimed, 0, incarnation);
        for heartbeat in known {
            generation = generation.max(heartbeat.generation);
            counter = counter.max(heartbeat.counter);
            above = above.max(heartbeat.incarnation);
        }
        let last = Heartbeat {
            generation: generation.saturating_add(1),
            counter: counter.saturating_add(1),
            incarnation: above,
            nonce: self.nonce,
            sequence,
        };
        let before = self.shown.map(|shown| (shown.counter, shown.nonce));
        let now = clock(tx).await?;
        store(tx, &self.backend, &found, &KeptHeartbeat { last, before }, incarnation, now).await?;
        Ok(last)
    }
}

struct Confirm {
    shown: Vec<(BackendId, Heartbeat, [u8; 16])>,
    recorded: u64,
    hash: [u8; 32],
}

impl Work for Confirm {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let (sequence, incarnation) = (highest_sequence(tx).await?, highest_incarnation(tx).await?);
        let now = clock(tx).await?;
        let mut forgotten = 0;
        journal::go_on_after(tx, self.recorded, self.hash).await?;
        for (backend, shown, nonce) in &self.shown {
            let found = locked(tx, backend).await?;
            let next = next_heartbeat(shown, incarnation, *nonce, sequence);
            store(tx, backend, &found, &next, incarnation, now).await?;
            unflag(tx, backend).await?;
            forgotten = forgotten.max(shown.incarnation);
        }
        let text = "UPDATE cluster SET forgotten_incarnation = $1 WHERE forgotten_incarnation < $2";
        tx.execute(Statement::new(text).bind(forgotten).bind(forgotten)).await.map(drop)
    }
}

/// A row that nobody else can change before the end of the transaction.
#[derive(Default)]
struct Locked {
    kept: Option<KeptHeartbeat>,
    maker: u32,
    beaten_at: i64,
    is_mine: bool,
}

impl Locked {
    /// How long after the last one this incarnation may make the next: another one that lives gets time to write.
    async fn period(&mut self, tx: &mut Session, incarnation: u32, period: i64) -> Result<i64> {
        self.is_mine = self.maker == incarnation;
        if self.is_mine {
            return Ok(period);
        }
        let text = "SELECT id FROM incarnation WHERE id = $1 AND NOT is_dead";
        let lives = tx.row(Statement::new(text).bind(self.maker)).await?.is_some();
        Ok(if lives { period.max(OTHERS) } else { period })
    }
}

async fn locked(tx: &mut Session, backend: &BackendId) -> Result<Locked> {
    let lock = tx.dialect().for_update();
    let text = format!("SELECT {COLUMNS}, maker, beaten_at FROM heartbeat WHERE backend = $1{lock}");
    let Some(row) = tx.row(Statement::new(text).bind(backend.as_str())).await? else { return Ok(Locked::default()) };
    Ok(Locked { kept: Some(kept(&row)?), maker: row.number(8)?, beaten_at: row.int(9)?, is_mine: false })
}

/// Writes a row. Where none was found, one that somebody else made meanwhile sends the transaction round again: it must not be
/// replaced by another heartbeat of the same number.
async fn store(
    tx: &mut Session,
    backend: &BackendId,
    found: &Locked,
    kept: &KeptHeartbeat,
    maker: u32,
    now: i64,
) -> Result<()> {
    let KeptHeartbeat { last, before } = kept;
    let replace = "ON CONFLICT (backend) DO UPDATE SET generation = excluded.generation, counter = excluded.counter, \
                   nonce = excluded.nonce, before_counter = excluded.before_counter, \
                   before_nonce = excluded.before_nonce, incarnation = excluded.incarnation, \
                   sequence = excluded.sequence, maker = excluded.maker, beaten_at = excluded.beaten_at";
    let replace = if found.kept.is_some() { replace } else { "" };
    let text = format!(
        "INSERT INTO heartbeat ({COLUMNS}, maker, beaten_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) {replace}"
    );
    let before_counter = before.map(|(counter, _)| int(counter)).transpose()?;
    let statement = Statement::new(text)
        .bind(backend.as_str())
        .bind(int(last.generation)?)
        .bind(int(last.counter)?)
        .bind(last.nonce)
        .bind(before_counter.map_or(Value::NoInt, Value::Int))
        .bind(before.map(|(_, nonce)| nonce.to_vec()))
        .bind(last.incarnation)
        .bind(int(last.sequence)?)
        .bind(maker)
        .bind(now);
    tx.execute(statement).await.map(drop)
}

async fn highest_incarnation(tx: &mut Session) -> Result<u32> {
    let row = tx.row(Statement::new("SELECT COALESCE(MAX(id), 0) FROM incarnation")).await?;
    row.map_or(Ok(0), |row| row.number(0))
}

/// The highest number of a version that was ever given. It never goes back while the database does not.
async fn highest_sequence(tx: &mut Session) -> Result<u64> {
    let text = match tx.dialect() {
        Dialect::Sqlite => "SELECT value FROM counter WHERE name = 'version_seq'",
        Dialect::Postgres => "SELECT last_value FROM version_seq",
    };
    tx.row(Statement::new(text)).await?.map_or(Ok(0), |row| row.number(0))
}

async fn clock(tx: &mut Session) -> Result<i64> {
    let mut facts = Facts::default();
    let dialect = tx.dialect();
    load::ask(tx, &mut facts, [load::now(dialect, None)]).await?;
    facts.fenced_now()
}

fn kept(row: &Row) -> Result<KeptHeartbeat> {
    let before = match row.number_if_any(4)? {
        Some(counter) => Some((counter, row.array(5)?)),
        None => None,
    };
    let last = Heartbeat {
        generation: row.number(1)?,
        counter: row.number(2)?,
        nonce: row.array(3)?,
        incarnation: row.number(6)?,
        sequence: row.number(7)?,
    };
    Ok(KeptHeartbeat { last, before })
}
