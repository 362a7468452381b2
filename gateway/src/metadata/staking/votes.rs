//! Votes of providers, each a row that never changes.

use crate::domain::Timestamp;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;
use crate::metadata::money::posting::LedgerEnd;
use crate::metadata::money::stored_entry::frost;
use crate::metadata::staking::decisions::CountedVote;
use crate::metadata::staking::moment::VotingMoment;
use crate::metadata::staking::{proposals, providers};

/// What a provider votes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ballot {
    /// Prices of the next epoch.
    Prices {
        /// FROST per encoded MiB and epoch.
        storage: Frost,
        /// FROST per encoded MiB that is written.
        write: Frost,
    },
    /// For or against a proposal.
    Proposal {
        /// Its number.
        number: u64,
        /// For it.
        is_yes: bool,
    },
}

/// A vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteRow {
    /// Its number, from 1.
    pub seq: u64,
    /// Whose.
    pub provider: String,
    /// The epoch in which it was cast.
    pub epoch: Epoch,
    /// For what.
    pub ballot: Ballot,
    /// When it was cast.
    pub cast_at: Timestamp,
}

/// What became of a vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CastVote {
    /// It counts, in place of what the provider voted before.
    New(VoteRow),
    /// The provider had voted the same.
    Known(VoteRow),
    /// The provider is not registered.
    NotRegistered,
    /// There is no such proposal.
    NoProposal,
    /// Its voting is over.
    Closed,
    /// Another epoch has begun, or money is not charged in it: decide again.
    Late,
}

impl MetadataStore {
    /// Casts a vote. The same again changes nothing.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn cast_vote(&self, provider: &str, ballot: Ballot, at: VotingMoment) -> Result<CastVote> {
        self.database().transact(Cast { provider: provider.to_owned(), ballot, at }).await
    }

    /// The votes of an epoch, or the last ones; newest first.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn votes(&self, epoch: Option<Epoch>, most: usize) -> Result<Vec<VoteRow>> {
        let (first, last) = match epoch {
            Some(epoch) => (int(epoch.0)?, int(epoch.0)?),
            None => (0, i64::MAX),
        };
        let text = format!("SELECT {COLUMNS} FROM vote WHERE epoch BETWEEN $1 AND $2 ORDER BY seq DESC LIMIT $3");
        let rows = self.database().rows(Statement::new(text).bind(first).bind(last).bind(limit(most))).await?;
        rows.iter().map(vote).collect()
    }

    /// The votes that decided the prices of an epoch, by provider.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn counted_votes(&self, epoch: Epoch) -> Result<Vec<CountedVote>> {
        let text =
            "SELECT provider, storage_price, write_price, stake FROM counted_vote WHERE epoch = $1 ORDER BY provider";
        let counted = |row: &Row| {
            let (storage, write, stake) = (frost(row, 1)?, frost(row, 2)?, frost(row, 3)?);
            Ok(CountedVote { provider: row.text(0)?.to_owned(), storage, write, stake })
        };
        self.database().rows(Statement::new(text).bind(int(epoch.0)?)).await?.iter().map(counted).collect()
    }
}

const COLUMNS: &str = "seq, provider, epoch, proposal, storage_price, write_price, is_yes, cast_at";

fn vote(row: &Row) -> Result<VoteRow> {
    let ballot = match row.number_if_any(3)? {
        Some(number) => Ballot::Proposal { number, is_yes: row.flag(6)? },
        None => Ballot::Prices { storage: frost(row, 4)?, write: frost(row, 5)? },
    };
    let (seq, provider) = (row.number(0)?, row.text(1)?.to_owned());
    Ok(VoteRow { seq, provider, epoch: Epoch(row.number(2)?), ballot, cast_at: Timestamp(row.int(7)?) })
}

/// The last vote of each provider up to an epoch: for prices, or on a proposal.
pub(super) async fn standing(session: &mut Session, epoch: Epoch, proposal: Option<u64>) -> Result<Vec<VoteRow>> {
    let (about, number) = match proposal {
        Some(number) => ("proposal = $2", int(number)?),
        None => ("proposal IS NULL AND $2 = 0", 0),
    };
    let text = format!(
        "SELECT {COLUMNS} FROM vote WHERE seq IN (SELECT MAX(seq) FROM vote WHERE epoch <= $1 AND {about} \
         GROUP BY provider) ORDER BY provider"
    );
    session.rows(Statement::new(text).bind(int(epoch.0)?).bind(number)).await?.iter().map(vote).collect()
}

struct Cast {
    provider: String,
    ballot: Ballot,
    at: VotingMoment,
}

impl Work for Cast {
    type Done = CastVote;

    async fn run(&self, tx: &mut Session) -> Result<CastVote> {
        let end = LedgerEnd::hold(tx).await?;
        if providers::one(tx, &self.provider).await?.is_none() {
            return Ok(CastVote::NotRegistered);
        }
        if !self.at.holds(tx, end.now).await? {
            return Ok(CastVote::Late);
        }
        let epoch = self.at.votes_in();
        let number = match self.ballot {
            Ballot::Prices { .. } => None,
            Ballot::Proposal { number, .. } => Some(number),
        };
        if let Some(number) = number {
            let open = proposals::open(tx).await?;
            match open.iter().find(|proposal| proposal.number == number) {
                Some(proposal) if epoch <= proposal.voting_until => {}
                Some(_) => return Ok(CastVote::Closed),
                None => {
                    let text = "SELECT number FROM proposal WHERE number = $1";
                    let known = tx.row(Statement::new(text).bind(int(number)?)).await?.is_some();
                    return Ok(if known { CastVote::Closed } else { CastVote::NoProposal });
                }
            }
        }
        let before = standing(tx, epoch, number).await?.into_iter().find(|vote| vote.provider == self.provider);
        if let Some(known) = before.filter(|vote| vote.ballot == self.ballot) {
            return Ok(CastVote::Known(known));
        }
        self.insert(tx, epoch, end.now).await.map(CastVote::New)
    }
}

impl Cast {
    async fn insert(&self, tx: &mut Session, epoch: Epoch, now: i64) -> Result<VoteRow> {
        let last = tx.row(Statement::new("SELECT COALESCE(MAX(seq), 0) FROM vote")).await?;
        let last: u64 = last.map_or(Ok(0), |row| row.number(0))?;
        let row = VoteRow {
            seq: last.saturating_add(1),
            provider: self.provider.clone(),
            epoch,
            ballot: self.ballot,
            cast_at: Timestamp(now),
        };
        let (proposal, storage, write, is_yes) = match self.ballot {
            Ballot::Prices { storage, write } => {
                (Value::NoInt, Value::Int(int(storage.0)?), Value::Int(int(write.0)?), Value::NoBool)
            }
            Ballot::Proposal { number, is_yes } => {
                (Value::Int(int(number)?), Value::NoInt, Value::NoInt, Value::Bool(is_yes))
            }
        };
        let text = "INSERT INTO vote (seq, provider, epoch, proposal, storage_price, write_price, is_yes, cast_at) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let statement = Statement::new(text).bind(int(row.seq)?).bind(row.provider.as_str()).bind(int(epoch.0)?);
        tx.execute(statement.bind(proposal).bind(storage).bind(write).bind(is_yes).bind(now)).await?;
        Ok(row)
    }
}
