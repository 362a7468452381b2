//! Epochs of money: one after the other without gaps, by the database's clock.

use crate::domain::Timestamp;
use crate::domain::money::account::LedgerAccount;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::domain::money::price::Prices;
use crate::domain::money::transfer::{Transfer, TransferCode};
use crate::ledger::{Entry, HOUR_MICROS, next_prices, transfer_id};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::posting::LedgerEnd;
use crate::metadata::money::{bucket_meters, stored_entry};
use crate::metadata::staking::decisions::{self, VotingOutcome};

/// What a new epoch is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochTerms {
    /// How long it lasts.
    pub micros: u64,
    /// What is done about money in it.
    pub mode: MoneyMode,
    /// The prices that are wanted; they are reached in steps from those of the epoch before.
    pub prices: Prices,
    /// What the root account is given, once in each book.
    pub endowment: Frost,
    /// What votes decided, where there are any: noted with the epoch, which does not begin when votes or stake have changed since.
    pub voting: Option<VotingOutcome>,
}

/// How far an epoch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochState {
    /// Under way, or over and nothing was charged yet.
    Open,
    /// Some buckets were charged.
    Charging,
    /// What all buckets owe is known.
    Charged,
    /// They were charged, and the escrow was paid out.
    Settled,
}

impl EpochState {
    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Charging => "charging",
            Self::Charged => "charged",
            Self::Settled => "settled",
        }
    }
}

/// An epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyEpoch {
    /// Which.
    pub number: Epoch,
    /// When it begins: where the one before ends.
    pub begins_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// What is done about money.
    pub mode: MoneyMode,
    /// What usage costs.
    pub prices: Prices,
    /// How far it is.
    pub state: EpochState,
    /// The last bucket that was charged.
    pub charged_through: i64,
    /// It was over when it was begun, because no gateway ran.
    pub is_caught_up: bool,
}

impl MoneyEpoch {
    /// Its length in microseconds.
    #[must_use]
    pub fn micros(&self) -> u64 {
        self.ends_at.0.abs_diff(self.begins_at.0)
    }
}

const COLUMNS: &str = "number, begins_at, ends_at, mode, storage_price, write_price, read_request_price, write_request_price, \
                       egress_price, state, charged_through, is_caught_up";

impl MetadataStore {
    /// Begins the next epoch if it is time, or the first; whether another may be due at once. Several gateways may ask.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn begin_epoch_if_due(&self, terms: EpochTerms) -> Result<bool> {
        // Nobody waits for the end of the ledger only to find that nothing is due.
        if let Some((last, now)) = self.money_epoch().await?
            && now < last.ends_at
        {
            return Ok(false);
        }
        self.database().transact(Begin(terms)).await
    }

    /// The epoch that began last, and the database's time; none before the first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn money_epoch(&self) -> Result<Option<(MoneyEpoch, Timestamp)>> {
        let mut session = self.database().reader().await?;
        let now = session.dialect().now();
        let text = format!("SELECT {COLUMNS}, {now} FROM epoch ORDER BY number DESC LIMIT 1");
        let row = session.row(Statement::new(text)).await?;
        row.map(|row| Ok((epoch(&row)?, Timestamp(row.int(12)?)))).transpose()
    }

    /// An epoch by its number.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn money_epoch_numbered(&self, number: Epoch) -> Result<Option<MoneyEpoch>> {
        let text = format!("SELECT {COLUMNS} FROM epoch WHERE number = $1");
        self.database().row(Statement::new(text).bind(int(number.0)?)).await?.as_ref().map(epoch).transpose()
    }

    /// The last epochs, newest first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn money_epochs(&self, most: usize) -> Result<Vec<MoneyEpoch>> {
        let text = format!("SELECT {COLUMNS} FROM epoch ORDER BY number DESC LIMIT $1");
        self.database().rows(Statement::new(text).bind(limit(most))).await?.iter().map(epoch).collect()
    }

    /// The oldest epoch that is charged and not settled.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn epoch_to_settle(&self) -> Result<Option<MoneyEpoch>> {
        to_settle(&mut self.database().reader().await?).await
    }
}

/// Begins the next epoch, if it is time.
pub(super) struct Begin(pub EpochTerms);

impl Work for Begin {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let mut end = LedgerEnd::hold(tx).await?;
        let Self(terms) = self;
        // By the clock itself: a ledger whose times do not go back may be ahead of it.
        let clock = tx.row(Statement::new(format!("SELECT {}", tx.dialect().now()))).await?;
        let now = clock.ok_or_else(|| MetadataError::Damaged("the database has no time".to_owned()))?.int(0)?;
        let last = last(tx).await?;
        let micros = int(terms.micros.max(1))?;
        let (number, begins_at, prices) = match &last {
            Some(last) if now < last.ends_at.0 => return Ok(false),
            Some(last) => (last.number.next(), last.ends_at.0, next_prices(&last.prices, &terms.prices)),
            None => (Epoch(1), first_begin(now, micros), terms.prices),
        };
        if let (Some(voting), Some(_)) = (&terms.voting, &last)
            && !decisions::note(tx, voting, number).await?
        {
            return Ok(true);
        }
        let ends_at = begins_at.saturating_add(micros);
        let text = "INSERT INTO epoch (number, begins_at, ends_at, mode, storage_price, write_price, read_request_price, \
                    write_request_price, egress_price, state, charged_through, is_caught_up) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10, $11)";
        let statement = Statement::new(text)
            .bind(int(number.0)?)
            .bind(begins_at)
            .bind(ends_at)
            .bind(mode_number(terms.mode))
            .bind(int(prices.storage.0)?)
            .bind(int(prices.write.0)?)
            .bind(int(prices.requests_read.0)?)
            .bind(int(prices.requests_write.0)?)
            .bind(int(prices.egress.0)?)
            .bind(i64::MIN)
            .bind(last.is_some() && ends_at <= now);
        tx.execute(statement).await?;
        if last.is_none() {
            bucket_meters::begin(tx, begins_at).await?;
        }
        endow(tx, &mut end, terms, number).await?;
        Ok(ends_at <= now)
    }
}

/// Epochs of whole hours begin with an hour, so that no hour of meters lies in two of them.
fn first_begin(now: i64, micros: i64) -> i64 {
    if micros % HOUR_MICROS == 0 { now.div_euclid(HOUR_MICROS) * HOUR_MICROS } else { now }
}

/// Gives the root account what an installation begins with, once.
async fn endow(tx: &mut Session, end: &mut LedgerEnd, terms: &EpochTerms, epoch: Epoch) -> Result<()> {
    let Some(book) = terms.mode.book().filter(|_| !terms.endowment.is_zero()) else { return Ok(()) };
    let root = tx.row(Statement::new("SELECT id FROM account WHERE is_root ORDER BY id LIMIT 1")).await?;
    let Some(root) = root else { return Ok(()) };
    let transfer = Transfer {
        id: transfer_id(&[b"endowment", &[u8::try_from(stored_entry::book_number(book)).unwrap_or_default()]]),
        book,
        debit: LedgerAccount::Outside,
        credit: LedgerAccount::Payer(crate::domain::UserId(root.int(0)?).account_number()),
        amount: terms.endowment,
        code: TransferCode::Endowment,
        epoch,
        cause: "endowment".to_owned(),
    };
    // One that was given before stands, whatever the amount is now.
    end.append(tx, &[Entry::posted(transfer)]).await.map(drop)
}

/// The epoch to charge next, if one is over since `margin_micros`.
pub(super) async fn chargeable(tx: &mut Session, now: i64, margin_micros: i64) -> Result<Option<MoneyEpoch>> {
    let text = format!("SELECT {COLUMNS} FROM epoch WHERE state IN ('open', 'charging') ORDER BY number LIMIT 1");
    let oldest = tx.row(Statement::new(text)).await?.as_ref().map(epoch).transpose()?;
    Ok(oldest.filter(|epoch| epoch.ends_at.0.saturating_add(margin_micros) <= now))
}

/// The epoch that began last.
pub(in crate::metadata) async fn last(tx: &mut Session) -> Result<Option<MoneyEpoch>> {
    let text = format!("SELECT {COLUMNS} FROM epoch ORDER BY number DESC LIMIT 1");
    tx.row(Statement::new(text)).await?.as_ref().map(epoch).transpose()
}

/// The oldest epoch that is charged and not settled.
pub(super) async fn to_settle(tx: &mut Session) -> Result<Option<MoneyEpoch>> {
    let text = format!("SELECT {COLUMNS} FROM epoch WHERE state = 'charged' ORDER BY number LIMIT 1");
    tx.row(Statement::new(text)).await?.as_ref().map(epoch).transpose()
}

/// The epoch that is not settled, if it is the only one.
pub(super) async fn only_unsettled(tx: &mut Session) -> Result<Option<MoneyEpoch>> {
    let text = format!("SELECT {COLUMNS} FROM epoch WHERE state <> 'settled' ORDER BY number LIMIT 2");
    let rows = tx.rows(Statement::new(text)).await?;
    if let [only] = &*rows { epoch(only).map(Some) } else { Ok(None) }
}

/// Notes how far an epoch is.
pub(super) async fn set_state(tx: &mut Session, number: Epoch, state: EpochState, through: i64) -> Result<()> {
    let text = "UPDATE epoch SET state = $1, charged_through = $2 WHERE number = $3";
    tx.execute(Statement::new(text).bind(state.as_str()).bind(through).bind(int(number.0)?)).await.map(drop)
}

fn mode_number(mode: MoneyMode) -> i64 {
    match mode {
        MoneyMode::Track => 0,
        MoneyMode::On => 1,
        MoneyMode::Off => 2,
    }
}

fn epoch(row: &Row) -> Result<MoneyEpoch> {
    let damaged = || MetadataError::Damaged("an epoch of unknown mode or state".to_owned());
    let mode = match row.int(3)? {
        0 => MoneyMode::Track,
        1 => MoneyMode::On,
        2 => MoneyMode::Off,
        _ => return Err(damaged()),
    };
    let states = [EpochState::Open, EpochState::Charging, EpochState::Charged, EpochState::Settled];
    let state = row.text(9)?;
    Ok(MoneyEpoch {
        number: Epoch(row.number(0)?),
        begins_at: Timestamp(row.int(1)?),
        ends_at: Timestamp(row.int(2)?),
        mode,
        prices: Prices {
            storage: stored_entry::frost(row, 4)?,
            write: stored_entry::frost(row, 5)?,
            requests_read: stored_entry::frost(row, 6)?,
            requests_write: stored_entry::frost(row, 7)?,
            egress: stored_entry::frost(row, 8)?,
        },
        state: states.into_iter().find(|known| known.as_str() == state).ok_or_else(damaged)?,
        charged_through: row.int(10)?,
        is_caught_up: row.flag(11)?,
    })
}
