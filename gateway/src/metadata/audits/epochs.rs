//! Epochs of audits: one after the other, by the database's clock.

use crate::domain::Timestamp;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// An epoch of audits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEpoch {
    /// Which, from 1.
    pub number: u64,
    /// Decides what is asked for. Nodes learn it when the epoch is over.
    pub secret: [u8; 32],
    /// Its hash, which nodes learn when the epoch begins.
    pub commitment: [u8; 32],
    /// The highest number of a blob when it began.
    pub serials: u64,
    /// When it began.
    pub begun_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// The columns that [`epoch`] reads.
const COLUMNS: &str = "number, secret, commitment, serials, begun_at, ends_at";

impl MetadataStore {
    /// The epoch that is under way, and the database's time. When the last one is over, or there is none, the next begins now, lasts
    /// `seconds`, and has this secret; time that passed without a gateway belongs to no epoch.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn audit_epoch(
        &self,
        seconds: i64,
        secret: [u8; 32],
        commitment: [u8; 32],
    ) -> Result<(AuditEpoch, Timestamp)> {
        self.database().transact(Current { seconds, secret, commitment }).await
    }

    /// Epochs that are over and whose secrets were not shown yet, the oldest first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn unrevealed_epochs(&self, most: usize) -> Result<Vec<AuditEpoch>> {
        let mut session = self.database().reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM audit_epoch WHERE revealed_at IS NULL AND ends_at <= {} ORDER BY number LIMIT $1",
            session.dialect().now()
        );
        session.rows(Statement::new(text).bind(limit(most))).await?.iter().map(epoch).collect()
    }

    /// An epoch by its number.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn audit_epoch_numbered(&self, number: u64) -> Result<Option<AuditEpoch>> {
        let text = format!("SELECT {COLUMNS} FROM audit_epoch WHERE number = $1");
        self.database().row(Statement::new(text).bind(int(number)?)).await?.as_ref().map(epoch).transpose()
    }

    /// The number of the last epoch that began; none before the first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn last_audit_epoch(&self) -> Result<Option<u64>> {
        let row = self.database().row(Statement::new("SELECT MAX(number) FROM audit_epoch")).await?;
        row.map_or(Ok(None), |row| row.number_if_any(0))
    }

    /// The secret of an epoch that may be known to anybody; none before it is over.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn revealed_secret(&self, number: u64) -> Result<Option<[u8; 32]>> {
        let text = "SELECT secret FROM audit_epoch WHERE number = $1 AND revealed_at IS NOT NULL";
        self.database().row(Statement::new(text).bind(int(number)?)).await?.map(|row| row.array(0)).transpose()
    }

    /// Notes that an epoch's secret may be known to anybody.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn reveal_epoch(&self, number: u64) -> Result<()> {
        self.database().transact(Reveal(number)).await
    }
}

struct Current {
    seconds: i64,
    secret: [u8; 32],
    commitment: [u8; 32],
}

impl Work for Current {
    type Done = (AuditEpoch, Timestamp);

    /// Of two gateways that find the last one over, one makes the next and the other reads it.
    async fn run(&self, tx: &mut Session) -> Result<(AuditEpoch, Timestamp)> {
        let text = format!("SELECT {}", tx.dialect().now());
        let missing = || MetadataError::Damaged("the database has no time or no epoch".to_owned());
        let now = tx.row(Statement::new(text)).await?.ok_or_else(missing)?.int(0)?;
        let last = last(tx).await?;
        if let Some(last) = &last
            && now < last.ends_at.0
        {
            return Ok((last.clone(), Timestamp(now)));
        }
        let number = last.map_or(0, |last| last.number) + 1;
        let text = "INSERT INTO audit_epoch (number, secret, commitment, serials, begun_at, ends_at) \
                    SELECT $1, $2, $3, COALESCE(MAX(serial), 0), $4, $5 FROM blob WHERE serial IS NOT NULL \
                    ON CONFLICT (number) DO NOTHING";
        let ends_at = now.saturating_add(self.seconds.max(1).saturating_mul(1_000_000));
        let next = Statement::new(text).bind(int(number)?).bind(self.secret).bind(self.commitment);
        tx.execute(next.bind(now).bind(ends_at)).await?;
        Ok((self::last(tx).await?.ok_or_else(missing)?, Timestamp(now)))
    }
}

struct Reveal(u64);

impl Work for Reveal {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let text = format!(
            "UPDATE audit_epoch SET revealed_at = {now} WHERE number = $1 AND revealed_at IS NULL AND ends_at <= {now}",
            now = tx.dialect().now()
        );
        tx.execute(Statement::new(text).bind(int(self.0)?)).await.map(drop)
    }
}

async fn last(tx: &mut Session) -> Result<Option<AuditEpoch>> {
    let text = format!("SELECT {COLUMNS} FROM audit_epoch ORDER BY number DESC LIMIT 1");
    tx.row(Statement::new(text)).await?.as_ref().map(epoch).transpose()
}

fn epoch(row: &Row) -> Result<AuditEpoch> {
    Ok(AuditEpoch {
        number: row.number(0)?,
        secret: row.array(1)?,
        commitment: row.array(2)?,
        serials: row.number(3)?,
        begun_at: Timestamp(row.int(4)?),
        ends_at: Timestamp(row.int(5)?),
    })
}
