//! Settling an epoch that is charged: what the ledger and earlier epochs say of it, and the one transaction that applies its plan.

use std::collections::BTreeMap;

use crate::domain::BucketId;
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::Transfer;
use crate::domain::money::transfer::TransferId;
use crate::ledger::Entry;
use crate::metadata::MetadataStore;
use crate::metadata::audits::{reputations, verdict_counts};
use crate::metadata::engine::columns::int;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::charging::release;
use crate::metadata::money::epochs::{self, EpochState, MoneyEpoch};
use crate::metadata::money::funds_row::Hold;
use crate::metadata::money::posting::LedgerEnd;
use crate::metadata::money::provider_accounts::{self, OpenPeriodRow, ProviderAccount};
use crate::metadata::money::stored_entry::{self, BALANCE_COLUMNS};
use crate::metadata::money::{held_samples, losses};
use crate::metadata::staking::price_floors::{self, PriceFloorRow};
use crate::metadata::staking::proposals::{self, ProposalRow};
use crate::metadata::staking::providers::{self, StakingProvider};
use crate::metadata::staking::settled_stakes::{self, SettledStakes, StakeRows};

/// What a settlement begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementFacts {
    /// The epoch.
    pub epoch: MoneyEpoch,
    /// The ledger's last transfer. The settlement is refused when there is a later one.
    pub seq: u64,
    /// What accounts have, holds of buckets included: payers of the epoch, providers' holdbacks, repair fund and remainder.
    pub funds: BTreeMap<LedgerAccount, Frost>,
    /// The providers of earlier epochs, as the epoch's book has them.
    pub providers: BTreeMap<String, ProviderAccount>,
    /// What earlier epochs of the same book left open.
    pub open_periods: Vec<OpenPeriodRow>,
    /// Providers that take stake.
    pub staking: BTreeMap<String, StakingProvider>,
    /// Their stake; none where money is only tracked.
    pub stakes: StakeRows,
    /// Proposals that passed, from which the parameters of the epoch follow.
    pub passed: Vec<ProposalRow>,
    /// Price floors that were in force in it; none where money is only tracked.
    pub floors: Vec<PriceFloorRow>,
}

/// A settlement that is to be applied.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The epoch.
    pub epoch: Epoch,
    /// The ledger's last transfer when the facts were read.
    pub seq: u64,
    /// From what it was planned, byte for byte.
    pub inputs: Vec<u8>,
    /// The transfers of the plan in their order, between the ledger's own accounts.
    pub transfers: Vec<Transfer>,
    /// Buckets whose payers could not pay all.
    pub unpaid: Vec<(BucketId, Frost)>,
    /// Providers as the epoch leaves them.
    pub providers: BTreeMap<String, ProviderAccount>,
    /// What it leaves open.
    pub open_periods: Vec<OpenPeriodRow>,
    /// What becomes of stake.
    pub stakes: SettledStakes,
    /// The verdicts that it slashes for.
    pub evidence: Vec<[u8; 16]>,
    /// Providers that were silent too often: nothing new goes there until they answer.
    pub silent: Vec<String>,
}

/// A settled epoch that the published log does not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// From what it was settled.
    pub inputs: Vec<u8>,
    /// The ledger's last transfer that belongs to its section.
    pub through: u64,
}

impl MetadataStore {
    /// What the ledger and earlier epochs say about the oldest epoch that is charged and not settled.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn settlement_facts(&self) -> Result<Option<SettlementFacts>> {
        let Some(epoch) = self.epoch_to_settle().await? else { return Ok(None) };
        let mut session = self.database().reader().await?;
        let end = session.row(Statement::new("SELECT seq FROM ledger_end WHERE id = 1")).await?;
        let seq = end.map_or(Ok(0), |row| row.number(0))?;
        let funds = funds(&mut session, &epoch).await?;
        let book = book_of(&epoch);
        let providers = provider_accounts::read(&mut session, book).await?;
        let open_periods = provider_accounts::open_periods(&mut session, book).await?;
        let is_charged = book == Book::On;
        let stakes =
            if is_charged { settled_stakes::read(&mut session, epoch.number).await? } else { StakeRows::default() };
        let staking = providers::all(&mut session).await?;
        let passed = proposals::passed(&mut session).await?;
        let floors = if is_charged { price_floors::in_force(&mut session, epoch.number).await? } else { Vec::new() };
        Ok(Some(SettlementFacts { epoch, seq, funds, providers, open_periods, staking, stakes, passed, floors }))
    }

    /// Applies a settlement: holds are released, the transfers posted, and what follows from them noted, in one transaction. Whether it was:
    /// not when the epoch is settled by now, or the ledger went on since the facts were read.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn settle(&self, settlement: Settlement) -> Result<bool> {
        self.database().transact(settlement).await
    }

    /// The oldest settled epoch that the published log does not have.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn settlement_to_publish(&self) -> Result<Option<SettledEpoch>> {
        let text = "SELECT epoch, inputs, through FROM settlement WHERE epoch > \
                    (SELECT COALESCE(MAX(epoch), 0) FROM ledger_checkpoint) ORDER BY epoch LIMIT 1";
        let row = self.database().row(Statement::new(text)).await?;
        row.map(|row| {
            Ok(SettledEpoch { epoch: Epoch(row.number(0)?), inputs: row.bytes(1)?.to_vec(), through: row.number(2)? })
        })
        .transpose()
    }
}

/// The book that an epoch is settled in.
fn book_of(epoch: &MoneyEpoch) -> Book {
    epoch.mode.book().unwrap_or(Book::Track)
}

/// What the accounts have that the settlement of an epoch may take from.
async fn funds(session: &mut Session, epoch: &MoneyEpoch) -> Result<BTreeMap<LedgerAccount, Frost>> {
    let book = book_of(epoch);
    let text = format!(
        "SELECT {BALANCE_COLUMNS} FROM ledger_account WHERE book = $1 AND (name IN ('repair-fund', 'remainder') OR \
         name LIKE 'holdback/%' OR name IN (SELECT payer FROM bill WHERE epoch = $2))"
    );
    let statement = Statement::new(text).bind(stored_entry::book_number(book)).bind(int(epoch.number.0)?);
    let mut funds = BTreeMap::new();
    for row in session.rows(statement).await? {
        let ((_, account), balance) = stored_entry::balance(&row)?;
        funds.insert(account, balance.free());
    }
    for (_, hold, _) in if book == Book::On { holds(session).await? } else { Vec::new() } {
        if let Some(free) = funds.get_mut(&hold.payer) {
            *free = free.checked_add(hold.amount).unwrap_or(Frost::MAX);
        }
    }
    Ok(funds)
}

/// All holds of buckets: bucket, hold, epoch.
async fn holds(session: &mut Session) -> Result<Vec<(BucketId, Hold, u64)>> {
    let text = "SELECT bucket_id, hold_id, hold_payer, hold_amount, hold_epoch FROM bucket_funds WHERE hold_id IS NOT NULL \
                ORDER BY bucket_id";
    let rows = session.rows(Statement::new(text)).await?;
    rows.iter()
        .map(|row| {
            let payer = stored_entry::account(row.text(2)?)?;
            let hold = Hold { id: TransferId(row.array(1)?), payer, amount: stored_entry::frost(row, 3)? };
            Ok((BucketId(row.int(0)?), hold, row.number(4)?))
        })
        .collect()
}

impl Work for Settlement {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let mut end = LedgerEnd::hold(tx).await?;
        let next = epochs::to_settle(tx).await?;
        let Some(epoch) = next.filter(|next| end.seq() == self.seq && next.number == self.epoch) else {
            return Ok(false);
        };
        let mut entries = Vec::new();
        if self.transfers.iter().any(|transfer| transfer.book == Book::On) {
            entries.extend(holds(tx).await?.iter().map(|(bucket, hold, epoch)| release(*bucket, hold, *epoch)));
            let text =
                "UPDATE bucket_funds SET hold_id = NULL, hold_amount = 0, hold_payer = '' WHERE hold_id IS NOT NULL";
            tx.execute(Statement::new(text)).await?;
        }
        entries.extend(self.transfers.iter().cloned().map(Entry::posted));
        for (entry, outcome) in entries.iter().zip(end.append(tx, &entries).await?) {
            if !outcome.stands() {
                let what = format!("the settlement's {:?} is refused: {outcome:?}", entry.transfer);
                return Err(MetadataError::Damaged(what));
            }
        }
        self.note_unpaid(tx).await?;
        provider_accounts::note(tx, book_of(&epoch), &self.providers).await?;
        provider_accounts::note_open_periods(tx, book_of(&epoch), &self.open_periods).await?;
        settled_stakes::apply(tx, self.epoch, &self.stakes).await?;
        verdict_counts::note_slashed(tx, self.epoch, &self.evidence).await?;
        reputations::note_silent(tx, &epoch, &self.silent).await?;
        held_samples::forget_before(tx, &epoch).await?;
        losses::forget_before(tx, epoch.begins_at).await?;
        let text = "INSERT INTO settlement (epoch, inputs, through, settled_at) VALUES ($1, $2, $3, $4)";
        let statement = Statement::new(text).bind(int(self.epoch.0)?).bind(self.inputs.clone());
        tx.execute(statement.bind(int(end.seq())?).bind(end.now)).await?;
        epochs::set_state(tx, self.epoch, EpochState::Settled, i64::MAX).await?;
        Ok(true)
    }
}

impl Settlement {
    async fn note_unpaid(&self, tx: &mut Session) -> Result<()> {
        let rows = || -> Result<Vec<[Value; 2]>> {
            self.unpaid.iter().map(|(bucket, amount)| Ok([bucket.0.into(), int(amount.0)?.into()])).collect()
        };
        let head = "WITH n (bucket_id, amount) AS (VALUES ";
        let tail = ") UPDATE bucket_funds SET unpaid = bucket_funds.unpaid + n.amount FROM n \
                    WHERE bucket_funds.bucket_id = n.bucket_id";
        tx.execute_rows(head, rows()?, tail).await?;
        let tail = format!(
            ") UPDATE bill SET unpaid = n.amount FROM n WHERE bill.bucket_id = n.bucket_id AND bill.epoch = {}",
            self.epoch.0
        );
        tx.execute_rows(head, rows()?, &tail).await.map(drop)
    }
}
