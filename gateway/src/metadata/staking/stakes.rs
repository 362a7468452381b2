//! Stakes come and go: money moves in the same transaction.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode};
use crate::ledger::{Entry, Outcome, Refusal, transfer_id};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::posting::LedgerEnd;
use crate::metadata::staking::moment::VotingMoment;
use crate::metadata::staking::providers;
use crate::metadata::staking::stake_rows::{STAKE_COLUMNS, StakeRow, StakeState, stake};

/// Money that is to be staked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStake {
    /// What an operator calls it; the same again does nothing.
    pub reference: String,
    /// Whose free funds it comes from.
    pub staker: String,
    /// In whose pool it goes.
    pub provider: String,
    /// How much.
    pub amount: Frost,
    /// When it comes.
    pub at: VotingMoment,
    /// The first epoch in which it counts.
    pub active_from: Epoch,
}

/// What became of money that was to be staked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddedStake {
    /// It is staked.
    New(StakeRow),
    /// The reference was used before, for the same.
    Known(StakeRow),
    /// The reference was used before, for another stake.
    Different(StakeRow),
    /// The provider is not registered.
    NotRegistered,
    /// The ledger refuses.
    Refused(Refusal),
    /// Another epoch has begun, or money is not charged in it: decide again.
    Late,
}

/// What became of a stake that was to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// It leaves at the beginning of an epoch, or did.
    Leaves(StakeRow),
    /// It did not count yet, and is paid back.
    Returned(StakeRow),
    /// There is no such stake.
    Unknown,
    /// Another epoch has begun, or it has changed: decide again.
    Late,
}

/// Whose stakes are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StakeFilter {
    /// Of one provider's pool.
    pub provider: Option<String>,
    /// Of one staker.
    pub staker: Option<String>,
    /// Those that were paid back as well.
    pub paid: bool,
}

impl MetadataStore {
    /// Stakes money: it moves from the staker's free funds to the pool, in the book that is charged.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn add_stake(&self, stake: NewStake) -> Result<AddedStake> {
        self.database().transact(stake).await
    }

    /// Lets a stake leave at the beginning of an epoch, or at once where there is none. The same again changes nothing.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn withdraw_stake(&self, id: &str, at: VotingMoment, leaves_at: Option<Epoch>) -> Result<Withdrawn> {
        self.database().transact(Withdraw { id: id.to_owned(), at, leaves_at }).await
    }

    /// A stake by its name.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn stake(&self, id: &str) -> Result<Option<StakeRow>> {
        one(&mut self.database().reader().await?, "id", id).await
    }

    /// Stakes by name; the first ones.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn stakes(&self, filter: &StakeFilter, most: usize) -> Result<Vec<StakeRow>> {
        let any = |name: &Option<String>| (name.is_none(), name.clone().unwrap_or_default());
        let ((any_provider, provider), (any_staker, staker)) = (any(&filter.provider), any(&filter.staker));
        let text = format!(
            "SELECT {STAKE_COLUMNS} FROM stake WHERE ($1 OR provider = $2) AND ($3 OR staker = $4) \
             AND ($5 OR state <> 'paid') ORDER BY id LIMIT $6"
        );
        let statement = Statement::new(text).bind(any_provider).bind(&*provider).bind(any_staker).bind(&*staker);
        let rows = self.database().rows(statement.bind(filter.paid).bind(limit(most))).await?;
        rows.iter().map(stake).collect()
    }
}

async fn one(session: &mut Session, column: &str, value: &str) -> Result<Option<StakeRow>> {
    let text = format!("SELECT {STAKE_COLUMNS} FROM stake WHERE {column} = $1");
    session.row(Statement::new(text).bind(value)).await?.as_ref().map(stake).transpose()
}

impl NewStake {
    /// A name that follows from the reference, as the transfer's id does.
    fn id(&self) -> String {
        let id = transfer_id(&[b"stake", self.reference.as_bytes()]);
        format!("stake-{}", hex::encode(&id.0[..10]))
    }

    fn entry(&self) -> Entry {
        Entry::posted(Transfer {
            id: transfer_id(&[b"stake", self.reference.as_bytes()]),
            book: Book::On,
            debit: LedgerAccount::Staker(self.staker.clone()),
            credit: LedgerAccount::Pool(self.provider.clone()),
            amount: self.amount,
            code: TransferCode::Stake,
            epoch: self.at.epoch,
            cause: self.id(),
        })
    }
}

impl Work for NewStake {
    type Done = AddedStake;

    async fn run(&self, tx: &mut Session) -> Result<AddedStake> {
        let mut end = LedgerEnd::hold(tx).await?;
        if let Some(known) = one(tx, "reference", &self.reference).await? {
            let asked = (&self.staker, &self.provider, self.amount);
            let same = (&known.staker, &known.provider, known.principal) == asked;
            return Ok(if same { AddedStake::Known(known) } else { AddedStake::Different(known) });
        }
        let Some(provider) = providers::one(tx, &self.provider).await? else { return Ok(AddedStake::NotRegistered) };
        if !self.at.holds(tx, end.now).await? {
            return Ok(AddedStake::Late);
        }
        match end.append(tx, &[self.entry()]).await?.pop() {
            Some(Outcome::Recorded) => {}
            Some(Outcome::Refused(refusal)) => return Ok(AddedStake::Refused(refusal)),
            _ => return Err(MetadataError::Damaged(format!("stake {} has a transfer and no row", self.id()))),
        }
        let row = StakeRow {
            id: self.id(),
            reference: self.reference.clone(),
            staker: self.staker.clone(),
            provider: self.provider.clone(),
            principal: self.amount,
            is_own: provider.owner == self.staker,
            staked_in: self.at.epoch,
            active_from: self.active_from,
            leaves_at: None,
            state: StakeState::Arriving,
            shares: 0,
            paid: None,
        };
        insert(tx, &row).await?;
        Ok(AddedStake::New(row))
    }
}

async fn insert(tx: &mut Session, row: &StakeRow) -> Result<()> {
    let text = "INSERT INTO stake (id, reference, staker, provider, principal, is_own, staked_in, active_from, state, shares) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'arriving', '0')";
    let statement = Statement::new(text)
        .bind(row.id.as_str())
        .bind(row.reference.as_str())
        .bind(row.staker.as_str())
        .bind(row.provider.as_str())
        .bind(int(row.principal.0)?)
        .bind(row.is_own)
        .bind(int(row.staked_in.0)?)
        .bind(int(row.active_from.0)?);
    tx.execute(statement).await.map(drop)
}

struct Withdraw {
    id: String,
    at: VotingMoment,
    leaves_at: Option<Epoch>,
}

impl Work for Withdraw {
    type Done = Withdrawn;

    async fn run(&self, tx: &mut Session) -> Result<Withdrawn> {
        let mut end = LedgerEnd::hold(tx).await?;
        let Some(known) = one(tx, "id", &self.id).await? else { return Ok(Withdrawn::Unknown) };
        if known.leaves_at.is_some() {
            return Ok(Withdrawn::Leaves(known));
        }
        if known.state == StakeState::Paid {
            return Ok(Withdrawn::Returned(known));
        }
        if !self.at.holds(tx, end.now).await? {
            return Ok(Withdrawn::Late);
        }
        if let Some(epoch) = self.leaves_at {
            let text = "UPDATE stake SET leaves_at = $1 WHERE id = $2";
            tx.execute(Statement::new(text).bind(int(epoch.0)?).bind(self.id.as_str())).await?;
            return Ok(Withdrawn::Leaves(StakeRow { leaves_at: Some(epoch), ..known }));
        }
        if known.state != StakeState::Arriving {
            return Ok(Withdrawn::Late);
        }
        let entry = Entry::posted(Transfer {
            id: transfer_id(&[b"unstake", self.id.as_bytes()]),
            book: Book::On,
            debit: LedgerAccount::Pool(known.provider.clone()),
            credit: LedgerAccount::Staker(known.staker.clone()),
            amount: known.principal,
            code: TransferCode::Unstake,
            epoch: self.at.epoch,
            cause: known.id.clone(),
        });
        if end.append(tx, &[entry]).await?.pop() != Some(Outcome::Recorded) {
            return Err(MetadataError::Damaged(format!("stake {} is not in the ledger's pool", self.id)));
        }
        let text = "UPDATE stake SET state = 'paid', paid = principal WHERE id = $1";
        tx.execute(Statement::new(text).bind(self.id.as_str())).await?;
        Ok(Withdrawn::Returned(StakeRow { state: StakeState::Paid, paid: Some(known.principal), ..known }))
    }
}
