//! Incarnations: each start of a gateway, fenced by a lease on database time.

use crate::domain::Timestamp;
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// Whether blobs of an incarnation may still be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncarnationState {
    /// It may still commit.
    Live,
    /// It never commits again: its blobs that no row references are orphans.
    Dead,
}

/// A run of a gateway that was not marked dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivingGateway {
    /// The first part of the ids of its blobs.
    pub incarnation: u32,
    /// The gateway's name.
    pub gateway: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Seconds until its lease runs out; negative when it has.
    pub lease_seconds: i64,
    /// Leased tasks that it runs now.
    pub tasks: Vec<String>,
}

impl MetadataStore {
    /// Every incarnation that was not marked dead, in the order of their numbers.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn living_gateways(&self) -> Result<Vec<LivingGateway>> {
        let mut session = self.database().reader().await?;
        let now = session.dialect().now();
        let text = format!(
            "SELECT id, gateway, started_at, (lease_until - {now}) / 1000000 FROM incarnation WHERE NOT is_dead ORDER BY id"
        );
        let rows = session.rows(Statement::new(text)).await?;
        let text = format!("SELECT holder, name FROM errand WHERE lease_until > {now} ORDER BY name");
        let held = session.rows(Statement::new(text)).await?;
        let held =
            held.iter().map(|row| Ok((row.number::<u32>(0)?, row.text(1)?.to_owned()))).collect::<Result<Vec<_>>>()?;
        let gateway = |row: &Row| {
            let incarnation = row.number(0)?;
            let tasks = held.iter().filter(|(of, _)| *of == incarnation).map(|(_, task)| task.clone());
            Ok(LivingGateway {
                incarnation,
                gateway: row.text(1)?.to_owned(),
                started_at: Timestamp(row.int(2)?),
                lease_seconds: row.int(3)?,
                tasks: tasks.collect(),
            })
        };
        rows.iter().map(gateway).collect()
    }

    /// Begins a new incarnation of the gateway of this name and answers its number, the first part of its blob ids.
    /// Numbers grow and are never reused. On SQLite, where this process is alone, every earlier incarnation ends.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn begin_incarnation(&self, gateway: &str, lease_seconds: i64) -> Result<u32> {
        self.begin_incarnation_above(gateway, lease_seconds, 0).await
    }

    /// As [`MetadataStore::begin_incarnation`], with a number above `above` as well: a restored database has forgotten
    /// numbers that blobs on the backends bear.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn begin_incarnation_above(&self, gateway: &str, lease_seconds: i64, above: u32) -> Result<u32> {
        self.database().transact(Begin { gateway: gateway.to_owned(), lease_seconds, above }).await
    }

    /// Marks the earlier incarnations of the same gateway dead, before their leases expire, and returns their numbers. Only
    /// for a caller who knows that they are gone: their process is dead, or it could not hold what the caller holds.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn mark_predecessors_dead(&self, gateway: &str, incarnation: u32) -> Result<Vec<u32>> {
        self.database().transact(MarkPredecessorsDead { gateway: gateway.to_owned(), incarnation }).await
    }

    /// Extends the lease of a living incarnation to now plus `lease_seconds`.
    ///
    /// # Errors
    /// [`MetadataError::Fenced`] when it was marked dead.
    pub async fn renew_incarnation(&self, incarnation: u32, lease_seconds: i64) -> Result<()> {
        self.database().transact(Renew { incarnation, lease_seconds }).await
    }

    /// Marks the caller's incarnation dead at a clean stop.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn end_incarnation(&self, incarnation: u32) -> Result<()> {
        self.database().transact(End(incarnation)).await
    }

    /// Marks every incarnation with an expired lease dead and returns their numbers. On SQLite none: this process is alone as
    /// long as it holds the lock of the file, whatever the clock says, and each start ends all earlier incarnations.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn mark_expired_incarnations_dead(&self) -> Result<Vec<u32>> {
        self.database().transact(MarkExpiredDead).await
    }

    /// Every incarnation there ever was, ascending. A blob id above the highest means the database is older than the
    /// backends (it was restored): nothing may be collected then.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn incarnation_states(&self) -> Result<Vec<(u32, IncarnationState)>> {
        let rows = self.database().rows(Statement::new("SELECT id, is_dead FROM incarnation ORDER BY id")).await?;
        rows.iter()
            .map(|row| Ok((row.number(0)?, if row.flag(1)? { IncarnationState::Dead } else { IncarnationState::Live })))
            .collect()
    }
}

struct Begin {
    gateway: String,
    lease_seconds: i64,
    above: u32,
}

impl Work for Begin {
    type Done = u32;

    /// Two gateways that begin at once take the same number; the primary key sends one of them round again.
    async fn run(&self, tx: &mut Session) -> Result<u32> {
        let dialect = tx.dialect();
        if tx.is_alone() {
            tx.execute(Statement::new("UPDATE incarnation SET is_dead = TRUE WHERE NOT is_dead")).await?;
        }
        let now = dialect.now();
        let text = format!(
            "INSERT INTO incarnation (id, gateway, lease_until, started_at) \
             SELECT CASE WHEN COALESCE(MAX(id), 0) > $3 THEN MAX(id) ELSE $4 END + 1, $1, {now} + $2 * 1000000, {now} \
             FROM incarnation WHERE TRUE RETURNING id"
        );
        let (above, statement) = (self.above, Statement::new(text).bind(&*self.gateway).bind(self.lease_seconds));
        let row = tx.row(statement.bind(above).bind(above)).await?;
        row.ok_or_else(|| MetadataError::Damaged("no number for an incarnation".to_owned()))?.number(0)
    }
}

struct MarkPredecessorsDead {
    gateway: String,
    incarnation: u32,
}

impl Work for MarkPredecessorsDead {
    type Done = Vec<u32>;

    async fn run(&self, tx: &mut Session) -> Result<Vec<u32>> {
        let text = "UPDATE incarnation SET is_dead = TRUE WHERE gateway = $1 AND id < $2 AND NOT is_dead RETURNING id";
        let rows = tx.rows(Statement::new(text).bind(&*self.gateway).bind(self.incarnation)).await?;
        let mut marked_dead = rows.iter().map(|row| row.number(0)).collect::<Result<Vec<u32>>>()?;
        marked_dead.sort_unstable();
        Ok(marked_dead)
    }
}

struct Renew {
    incarnation: u32,
    lease_seconds: i64,
}

impl Work for Renew {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let now = tx.dialect().now();
        let text = format!("UPDATE incarnation SET lease_until = {now} + $1 * 1000000 WHERE id = $2 AND NOT is_dead");
        match tx.execute(Statement::new(text).bind(self.lease_seconds).bind(self.incarnation)).await? {
            0 => Err(MetadataError::Fenced),
            _ => Ok(()),
        }
    }
}

struct End(u32);

impl Work for End {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        tx.execute(Statement::new("UPDATE incarnation SET is_dead = TRUE WHERE id = $1").bind(self.0)).await.map(drop)
    }
}

struct MarkExpiredDead;

impl Work for MarkExpiredDead {
    type Done = Vec<u32>;

    /// Waits for commits under way, which share the rows' locks, and then none can begin any more.
    async fn run(&self, tx: &mut Session) -> Result<Vec<u32>> {
        if tx.is_alone() {
            return Ok(Vec::new());
        }
        let now = tx.dialect().now();
        let text =
            format!("UPDATE incarnation SET is_dead = TRUE WHERE NOT is_dead AND lease_until < {now} RETURNING id");
        let rows = tx.rows(Statement::new(text)).await?;
        let mut marked_dead = rows.iter().map(|row| row.number(0)).collect::<Result<Vec<u32>>>()?;
        marked_dead.sort_unstable();
        Ok(marked_dead)
    }
}
