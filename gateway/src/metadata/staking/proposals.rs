//! Proposals to change a parameter.

use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{int, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::posting::LedgerEnd;
use crate::metadata::staking::decisions::{ProposalCount, ProposalOutcome};
use crate::metadata::staking::moment::VotingMoment;

/// Passed proposals that are read: the newest; many more than there are parameters.
const PASSED_MAX: usize = 10_000;

/// Proposals that are open at a time.
const OPEN_MAX: usize = 1_000;

/// A proposal to change a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalRow {
    /// Its number, from 1.
    pub number: u64,
    /// The name of the parameter.
    pub parameter: String,
    /// What it is to be.
    pub value: u64,
    /// The epoch in which it was made.
    pub proposed_in: Epoch,
    /// The last epoch in which votes count.
    pub voting_until: Epoch,
    /// The epoch from whose beginning the value holds, if it passes.
    pub in_force: Epoch,
    /// What became of it.
    pub outcome: ProposalOutcome,
    /// What votes came to; none while they count.
    pub count: Option<ProposalCount>,
}

/// A proposal that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProposal {
    /// The name of the parameter.
    pub parameter: String,
    /// What it is to be.
    pub value: u64,
    /// When it is made.
    pub at: VotingMoment,
    /// The last epoch in which votes count.
    pub voting_until: Epoch,
    /// The epoch from whose beginning the value holds, if it passes.
    pub in_force: Epoch,
}

/// What became of a proposal that was to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// Votes count from now on.
    New(ProposalRow),
    /// The same is open already.
    Known(ProposalRow),
    /// Too many are open.
    TooMany,
    /// Another epoch has begun, or money is not charged in it: decide again.
    Late,
}

impl MetadataStore {
    /// Makes a proposal. The same again while it is open changes nothing.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn propose(&self, proposal: NewProposal) -> Result<Proposed> {
        self.database().transact(proposal).await
    }

    /// The last proposals, newest first.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn proposals(&self, most: usize) -> Result<Vec<ProposalRow>> {
        read(&mut self.database().reader().await?, "TRUE", most).await
    }

    /// The proposals that passed, newest first: from them follows which parameters are in force when.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn passed_proposals(&self) -> Result<Vec<ProposalRow>> {
        passed(&mut self.database().reader().await?).await
    }
}

pub(in crate::metadata) async fn passed(session: &mut Session) -> Result<Vec<ProposalRow>> {
    read(session, "outcome = 'passed'", PASSED_MAX).await
}

pub(super) async fn open(session: &mut Session) -> Result<Vec<ProposalRow>> {
    read(session, "outcome = 'open'", OPEN_MAX).await
}

async fn read(session: &mut Session, which: &str, most: usize) -> Result<Vec<ProposalRow>> {
    let text = format!(
        "SELECT number, parameter, value, proposed_in, voting_until, in_force, outcome, quorum_bp, yes, no, total \
         FROM proposal WHERE {which} ORDER BY number DESC LIMIT $1"
    );
    session.rows(Statement::new(text).bind(limit(most))).await?.iter().map(proposal).collect()
}

fn proposal(row: &Row) -> Result<ProposalRow> {
    let name = row.text(6)?;
    let outcome = ProposalOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == name);
    let amount = |column| -> Result<Frost> { Ok(Frost(row.number_if_any(column)?.unwrap_or_default())) };
    let count = match row.number_if_any(7)? {
        None => None,
        Some(quorum_bp) => Some(ProposalCount { yes: amount(8)?, no: amount(9)?, total: amount(10)?, quorum_bp }),
    };
    Ok(ProposalRow {
        number: row.number(0)?,
        parameter: row.text(1)?.to_owned(),
        value: row.number(2)?,
        proposed_in: Epoch(row.number(3)?),
        voting_until: Epoch(row.number(4)?),
        in_force: Epoch(row.number(5)?),
        outcome: outcome.ok_or_else(|| MetadataError::Damaged(format!("a proposal that is {name:?}")))?,
        count,
    })
}

impl Work for NewProposal {
    type Done = Proposed;

    async fn run(&self, tx: &mut Session) -> Result<Proposed> {
        let end = LedgerEnd::hold(tx).await?;
        if !self.at.holds(tx, end.now).await? {
            return Ok(Proposed::Late);
        }
        let open = open(tx).await?;
        let same = |row: &&ProposalRow| {
            (&row.parameter, row.value, row.in_force) == (&self.parameter, self.value, self.in_force)
        };
        if let Some(known) = open.iter().find(same) {
            return Ok(Proposed::Known(known.clone()));
        }
        if open.len() >= OPEN_MAX {
            return Ok(Proposed::TooMany);
        }
        let last = tx.row(Statement::new("SELECT COALESCE(MAX(number), 0) FROM proposal")).await?;
        let row = ProposalRow {
            number: last.map_or(Ok(0), |row| row.number::<u64>(0))?.saturating_add(1),
            parameter: self.parameter.clone(),
            value: self.value,
            proposed_in: self.at.votes_in(),
            voting_until: self.voting_until,
            in_force: self.in_force,
            outcome: ProposalOutcome::Open,
            count: None,
        };
        let text = "INSERT INTO proposal (number, parameter, value, proposed_in, voting_until, in_force, outcome) \
                    VALUES ($1, $2, $3, $4, $5, $6, 'open')";
        let statement = Statement::new(text)
            .bind(int(row.number)?)
            .bind(row.parameter.as_str())
            .bind(int(row.value)?)
            .bind(int(row.proposed_in.0)?)
            .bind(int(row.voting_until.0)?)
            .bind(int(row.in_force.0)?);
        tx.execute(statement).await?;
        Ok(Proposed::New(row))
    }
}
