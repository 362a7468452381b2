//! Votes and proposals, as operators see and cast them.

use serde::{Deserialize, Serialize};

use super::moment::{TRIES, not_registered, now, too_late};
use super::price_floors::{FloorInForce, ShownPriceFloor, shown_floor};
use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::metadata::{self, Ballot, NewProposal, PriceFloorRow, ProposalRow, Proposed, VoteRow, VotingFacts};
use crate::settlement::{count_votes, parameters_in};
use crate::staking::{PARAMETER_RULES, Parameter, Parameters, PriceFloor, Proposal};

/// Votes and proposals that are shown.
const SHOWN: usize = 1_000;

/// What a provider votes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VotedFor {
    /// The prices of the next epoch, in FROST.
    Prices {
        /// For each encoded MiB and epoch.
        storage: u64,
        /// For each encoded MiB that is written.
        write: u64,
    },
    /// For or against a proposal.
    Proposal {
        /// Its number.
        number: u64,
        /// For it.
        is_yes: bool,
    },
}

/// Cast a vote of a provider, with the stake of its pool. The same again does nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CastVote {
    /// Whose.
    pub provider: String,
    /// For what.
    pub vote: VotedFor,
}

/// A vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownVote {
    /// Its number; votes never change, and a later one counts in place of an earlier one.
    pub number: u64,
    /// Whose.
    pub provider: String,
    /// The epoch at whose end it counts first.
    pub epoch: u64,
    /// For what.
    pub vote: VotedFor,
    /// When it was cast.
    pub cast_at: String,
}

/// What became of a vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteCast {
    /// False where the provider had voted the same.
    pub is_new: bool,
    /// The vote.
    pub vote: ShownVote,
}

/// Propose to change a parameter. The same again while it is open does nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Propose {
    /// The parameter's name.
    pub parameter: String,
    /// What it is to be.
    pub value: u64,
    /// The last epoch in which votes count; the next one where absent.
    pub voting_until: Option<u64>,
    /// The epoch from whose beginning it holds; the second after the last one of votes where absent.
    pub in_force: Option<u64>,
}

/// A proposal. Amounts are stake in FROST: so far, or when votes were counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownProposal {
    /// Its number.
    pub number: u64,
    /// The parameter's name.
    pub parameter: String,
    /// What it is to be.
    pub value: u64,
    /// The epoch in which it was made.
    pub proposed_in: u64,
    /// The last epoch in which votes count.
    pub voting_until: u64,
    /// The epoch from whose beginning it holds, if it passes.
    pub in_force: u64,
    /// `open`, `passed`, `rejected` or `no-quorum`.
    pub outcome: String,
    /// Stake for it.
    pub yes: u64,
    /// Stake against it.
    pub no: u64,
    /// All stake that can vote.
    pub total: u64,
    /// How much of it must vote, in hundredths of a percent.
    pub quorum_bp: u64,
}

/// What became of a proposal that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeProposal {
    /// False where the same is open already.
    pub is_new: bool,
    /// The proposal.
    pub proposal: ShownProposal,
}

/// Show what is voted on and what votes would decide now.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ListVotes {}

/// A provider's vote for prices. Amounts are FROST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownPriceVote {
    /// Whose.
    pub provider: String,
    /// For each encoded MiB and epoch.
    pub storage: u64,
    /// For each encoded MiB that is written.
    pub write: u64,
    /// The stake behind it.
    pub stake: u64,
}

/// What is voted on. Prices are FROST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownVoting {
    /// The epoch that is under way.
    pub epoch: u64,
    /// Its prices for each encoded MiB that is kept, and that is written.
    pub prices: (u64, u64),
    /// Those of the next epoch if it began now.
    pub next_prices: (u64, u64),
    /// The votes that decide them; none where nobody with stake has voted, and the configuration says what is aimed at.
    pub votes: Vec<ShownPriceVote>,
    /// Price floors that are in force.
    pub floors: Vec<FloorInForce>,
    /// Open proposals.
    pub proposals: Vec<ShownProposal>,
    /// Parameters of this epoch: name, value, and what it is until a vote changes it.
    pub parameters: Vec<(String, u64, u64)>,
}

/// Show votes that were cast, and what they decided.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowVoteHistory {
    /// Of one epoch.
    pub epoch: Option<u64>,
}

/// Votes that were cast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteHistory {
    /// The votes, newest first.
    pub votes: Vec<ShownVote>,
    /// Of one epoch: the votes that decided its prices.
    pub counted: Vec<ShownPriceVote>,
    /// Price floors that were registered, newest first.
    pub floors: Vec<ShownPriceFloor>,
    /// The last proposals, newest first.
    pub proposals: Vec<ShownProposal>,
}

impl Operation for CastVote {
    const NAME: &'static str = "vote-cast";
    type Reply = VoteCast;

    async fn run(self, admin: &Admin) -> Result<VoteCast> {
        let ballot = match self.vote {
            VotedFor::Prices { storage, write } => Ballot::Prices { storage: Frost(storage), write: Frost(write) },
            VotedFor::Proposal { number, is_yes } => Ballot::Proposal { number, is_yes },
        };
        for _ in 0..TRIES {
            let (epoch, at) = now(admin).await?;
            if let Ballot::Prices { storage, write } = ballot {
                let in_range = PriceFloor { storage, write }.checked(&epoch.prices);
                in_range.map_err(|error| {
                    AdminError::refused(format!(
                        "a vote for {} FROST is out of range: at most {} now",
                        error.floor, error.most
                    ))
                })?;
            }
            let (is_new, row) = match admin.metadata.cast_vote(&self.provider, ballot, at).await? {
                metadata::CastVote::New(row) => (true, row),
                metadata::CastVote::Known(row) => (false, row),
                metadata::CastVote::NotRegistered => return Err(not_registered(&self.provider)),
                metadata::CastVote::NoProposal => {
                    return Err(AdminError::refused(
                        "there is no such proposal: `haulout vote list` shows the open ones",
                    ));
                }
                metadata::CastVote::Closed => {
                    return Err(AdminError::refused(
                        "the voting on this proposal is over: `haulout vote history` shows how it ended",
                    ));
                }
                metadata::CastVote::Late => continue,
            };
            return Ok(VoteCast { is_new, vote: shown_vote(&row) });
        }
        Err(too_late())
    }
}

impl Operation for Propose {
    const NAME: &'static str = "vote-propose";
    type Reply = MadeProposal;

    async fn run(self, admin: &Admin) -> Result<MadeProposal> {
        let parameter = Parameter::from_name(&self.parameter).ok_or_else(|| {
            let names = PARAMETER_RULES.map(|rule| rule.name).join(", ");
            AdminError::refused(format!("there is no parameter {:?}: {names}", self.parameter))
        })?;
        for _ in 0..TRIES {
            let (_, at) = now(admin).await?;
            let first = at.votes_in();
            let voting_until = self.voting_until.map_or(first.next(), Epoch);
            let in_force = self.in_force.map_or(Epoch(voting_until.0.saturating_add(2)), Epoch);
            let proposal = Proposal { number: 1, parameter, value: self.value, voting_until, effective: in_force };
            proposal.checked(first).map_err(|error| AdminError::refused(error.to_string()))?;
            let parameter = self.parameter.clone();
            let proposal = NewProposal { parameter, value: self.value, at, voting_until, in_force };
            let (is_new, row) = match admin.metadata.propose(proposal).await? {
                Proposed::New(row) => (true, row),
                Proposed::Known(row) => (false, row),
                Proposed::TooMany => {
                    return Err(AdminError::refused("a thousand proposals are open: vote on those first"));
                }
                Proposed::Late => continue,
            };
            return Ok(MadeProposal { is_new, proposal: shown_proposal(&row, None) });
        }
        Err(too_late())
    }
}

impl Operation for ListVotes {
    const NAME: &'static str = "vote-list";
    type Reply = ShownVoting;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<ShownVoting> {
        let none = || AdminError::refused("no epoch has begun: start `haulout serve` first");
        let (facts, _) = admin.metadata.voting_facts().await?.ok_or_else(none)?;
        let (next, outcome) = count_votes(&facts, &admin.money.prices());
        let next = crate::ledger::next_prices(&facts.epoch.prices, &next);
        let parameters = parameters_in(facts.epoch.number, &facts.passed);
        let floors = admin.metadata.price_floors_in(facts.epoch.number).await?;
        let in_force = |row: &PriceFloorRow| FloorInForce {
            is_met: PriceFloor::from(row.floor).accepts(&facts.epoch.prices),
            floor: shown_floor(row),
        };
        Ok(ShownVoting {
            epoch: facts.epoch.number.0,
            prices: (facts.epoch.prices.storage.0, facts.epoch.prices.write.0),
            next_prices: (next.storage.0, next.write.0),
            votes: outcome.counted.iter().map(shown_price_vote).collect(),
            floors: floors.iter().map(in_force).collect(),
            proposals: facts.open.iter().map(|(row, votes)| shown_proposal(row, Some((&facts, votes)))).collect(),
            parameters: PARAMETER_RULES
                .iter()
                .map(|rule| (rule.name.to_owned(), parameters.get(rule.parameter), rule.default))
                .collect(),
        })
    }
}

impl Operation for ShowVoteHistory {
    const NAME: &'static str = "vote-history";
    type Reply = VoteHistory;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<VoteHistory> {
        let epoch = self.epoch.map(Epoch);
        let counted = match epoch {
            Some(epoch) => admin.metadata.counted_votes(epoch).await?,
            None => Vec::new(),
        };
        Ok(VoteHistory {
            votes: admin.metadata.votes(epoch, SHOWN).await?.iter().map(shown_vote).collect(),
            counted: counted.iter().map(shown_price_vote).collect(),
            floors: admin.metadata.price_floors(epoch, SHOWN).await?.iter().map(shown_floor).collect(),
            proposals: admin.metadata.proposals(SHOWN).await?.iter().map(|row| shown_proposal(row, None)).collect(),
        })
    }
}

fn shown_vote(row: &VoteRow) -> ShownVote {
    ShownVote {
        number: row.seq,
        provider: row.provider.clone(),
        epoch: row.epoch.0,
        vote: match row.ballot {
            Ballot::Prices { storage, write } => VotedFor::Prices { storage: storage.0, write: write.0 },
            Ballot::Proposal { number, is_yes } => VotedFor::Proposal { number, is_yes },
        },
        cast_at: row.cast_at.iso(),
    }
}

fn shown_price_vote(vote: &metadata::CountedVote) -> ShownPriceVote {
    ShownPriceVote {
        provider: vote.provider.clone(),
        storage: vote.storage.0,
        write: vote.write.0,
        stake: vote.stake.0,
    }
}

/// `so_far`: what votes on an open one would come to now.
fn shown_proposal(row: &ProposalRow, so_far: Option<(&VotingFacts, &Vec<VoteRow>)>) -> ShownProposal {
    let side = |wanted: bool| -> u64 {
        let Some((facts, votes)) = so_far else { return 0 };
        let on_side = |vote: &&VoteRow| matches!(vote.ballot, Ballot::Proposal { is_yes, .. } if is_yes == wanted);
        let stake = |vote: &VoteRow| facts.pools.get(&vote.provider).map_or(Frost::ZERO, |pool| pool.wal);
        votes.iter().filter(on_side).map(stake).sum::<Frost>().0
    };
    let total = so_far.map_or(0, |(facts, _)| facts.pools.values().map(|pool| pool.wal).sum::<Frost>().0);
    let quorum = so_far
        .map_or(0, |(facts, _)| parameters_in(facts.epoch.number, &facts.passed).get(Parameter::ProposalQuorumBp));
    ShownProposal {
        number: row.number,
        parameter: row.parameter.clone(),
        value: row.value,
        proposed_in: row.proposed_in.0,
        voting_until: row.voting_until.0,
        in_force: row.in_force.0,
        outcome: row.outcome.as_str().to_owned(),
        yes: row.count.map_or_else(|| side(true), |count| count.yes.0),
        no: row.count.map_or_else(|| side(false), |count| count.no.0),
        total: row.count.map_or(total, |count| count.total.0),
        quorum_bp: row.count.map_or(quorum, |count| count.quorum_bp),
    }
}

/// The parameters of the epoch that is under way; what an installation begins with before the first.
pub(in crate::admin) async fn parameters_in_force(admin: &Admin) -> Result<Parameters> {
    let facts = admin.metadata.voting_facts().await?;
    Ok(facts.map_or_else(Parameters::default, |(facts, _)| parameters_in(facts.epoch.number, &facts.passed)))
}
