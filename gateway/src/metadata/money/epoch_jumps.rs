//! Going on to the next epoch, unless the clock went on by so much that an operator should say that it is right.

use crate::domain::Timestamp;
use crate::domain::money::epoch::{Epoch, JumpTerms};
use crate::ledger::epoch_jump;
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::money::epochs::{self, Begin, EpochTerms};
use crate::metadata::money::posting::LedgerEnd;

/// More time passed since the last epoch than is believed without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochJump {
    /// The last epoch, which stays open until then.
    pub last: Epoch,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The time by the database's clock.
    pub now: Timestamp,
    /// How many whole epochs passed that nobody saw.
    pub missed: u64,
}

/// What going on came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochAdvance {
    /// An epoch is under way: this one. Earlier ones may be charged.
    UnderWay(Epoch),
    /// One was begun, and another may be due at once.
    Begun,
    /// Nothing is begun, charged or settled until an operator confirms the time.
    Waits(EpochJump),
}

impl MetadataStore {
    /// Begins the next epoch if it is time, or the first, unless that waits for an operator.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn advance_epoch(&self, terms: EpochTerms, unconfirmed_max: u64) -> Result<EpochAdvance> {
        // Nobody waits for the end of the ledger only to find that nothing is due.
        if let Some((last, now)) = self.money_epoch().await?
            && now < last.ends_at
        {
            return Ok(EpochAdvance::UnderWay(last.number));
        }
        self.database().transact(Advance { terms, unconfirmed_max }).await
    }

    /// The jump that waits for an operator, if one does.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn epoch_jump(&self, terms: &JumpTerms) -> Result<Option<EpochJump>> {
        jump(&mut self.database().reader().await?, terms).await
    }

    /// An operator says that the time is right: epochs that end by now are begun. Until when that counts.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn confirm_epochs(&self) -> Result<Timestamp> {
        self.database().transact(Confirm).await
    }
}

async fn now(session: &mut Session) -> Result<i64> {
    // By the clock itself: a ledger whose times do not go back may be ahead of it.
    let clock = session.row(Statement::new(format!("SELECT {}", session.dialect().now()))).await?;
    clock.map_or(Ok(i64::MIN), |row| row.int(0))
}

async fn jump(session: &mut Session, terms: &JumpTerms) -> Result<Option<EpochJump>> {
    let Some(last) = epochs::last(session).await? else { return Ok(None) };
    let now = now(session).await?;
    let row = session.row(Statement::new("SELECT confirmed_until FROM epoch_confirmation WHERE id = 1")).await?;
    let confirmed = row.map_or(Ok(i64::MIN), |row| row.int(0))?;
    let missed = epoch_jump(last.ends_at.0, now, confirmed, terms);
    Ok(missed.map(|missed| EpochJump { last: last.number, ended_at: last.ends_at, now: Timestamp(now), missed }))
}

struct Advance {
    terms: EpochTerms,
    unconfirmed_max: u64,
}

impl Work for Advance {
    type Done = EpochAdvance;

    async fn run(&self, tx: &mut Session) -> Result<EpochAdvance> {
        LedgerEnd::hold(tx).await?;
        let terms = JumpTerms { micros: self.terms.micros, unconfirmed_max: self.unconfirmed_max };
        if let Some(jump) = jump(tx, &terms).await? {
            return Ok(EpochAdvance::Waits(jump));
        }
        let begin = Begin(self.terms.clone());
        begin.run(tx).await?;
        Ok(EpochAdvance::Begun)
    }
}

struct Confirm;

impl Work for Confirm {
    type Done = Timestamp;

    async fn run(&self, tx: &mut Session) -> Result<Timestamp> {
        LedgerEnd::hold(tx).await?;
        let now = now(tx).await?;
        let text = "INSERT INTO epoch_confirmation (id, confirmed_until) VALUES (1, $1) \
                    ON CONFLICT (id) DO UPDATE SET confirmed_until = EXCLUDED.confirmed_until";
        tx.execute(Statement::new(text).bind(now)).await?;
        Ok(Timestamp(now))
    }
}
