//! What votes decide when an epoch ends: the prices of the next one, and proposals.

use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::Prices;
use crate::metadata::{
    Ballot, CountedVote, ProposalCount, ProposalOutcome, ProposalRow, VoteRow, VotingFacts, VotingOutcome,
};
use crate::staking::{self, Parameter, Parameters, PriceVote, Proposal, Verdict, next_prices, parameters_at};

/// The rules' form of a proposal; none of a parameter that this release does not know.
fn proposal(row: &ProposalRow) -> Option<Proposal> {
    Some(Proposal {
        number: row.number,
        parameter: Parameter::from_name(&row.parameter)?,
        value: row.value,
        voting_until: row.voting_until,
        effective: row.in_force,
    })
}

/// The parameters of an epoch, by the proposals that passed.
#[must_use]
pub fn parameters_in(epoch: Epoch, passed: &[ProposalRow]) -> Parameters {
    parameters_at(epoch, &passed.iter().filter_map(proposal).collect::<Vec<_>>())
}

/// What votes decide for the epoch that begins next. Where nobody with stake has voted for prices, those that are `wanted` are
/// aimed at; prices that nobody votes on are always those.
#[must_use]
pub fn count_votes(facts: &VotingFacts, wanted: &Prices) -> (Prices, VotingOutcome) {
    let begins = facts.epoch.number.next();
    let now = &facts.epoch.prices;
    let vote_of = |provider: &str| facts.prices.iter().find(|vote| vote.provider == provider);
    let counted = facts.pools.iter().filter(|(_, pool)| !pool.wal.is_zero()).map(|(provider, pool)| {
        // Who never voted asks for what is in force.
        let (storage, write) = match vote_of(provider).map(|vote| vote.ballot) {
            Some(Ballot::Prices { storage, write }) => (storage, write),
            _ => (now.storage, now.write),
        };
        CountedVote { provider: provider.clone(), storage, write, stake: pool.wal }
    });
    let counted: Vec<_> = counted.collect();
    let has_voted = counted.iter().any(|counted| vote_of(&counted.provider).is_some());
    let counted = if has_voted { counted } else { Vec::new() };
    let votes: Vec<_> = counted
        .iter()
        .map(|vote| PriceVote { storage: vote.storage, write: vote.write, weight: vote.stake.0 })
        .collect();
    let prices = match next_prices(now, &votes, &parameters_in(begins, &facts.passed)) {
        Prices { storage, write, .. } if has_voted => Prices { storage, write, ..*wanted },
        _ => *wanted,
    };
    let decided = facts.open.iter().filter_map(|(row, votes)| decide(facts, row, votes, begins)).collect();
    (prices, VotingOutcome { revision: facts.revision, counted, decided })
}

/// What became of a proposal, once its voting is over.
fn decide(
    facts: &VotingFacts,
    row: &ProposalRow,
    votes: &[VoteRow],
    begins: Epoch,
) -> Option<(u64, ProposalOutcome, ProposalCount)> {
    let parameters = parameters_in(facts.epoch.number, &facts.passed);
    let stake_of = |vote: &VoteRow| facts.pools.get(&vote.provider).map_or(Frost::ZERO, |pool| pool.wal);
    let side = |wanted: bool| -> Frost {
        let on_side = |vote: &&VoteRow| matches!(vote.ballot, Ballot::Proposal { is_yes, .. } if is_yes == wanted);
        votes.iter().filter(on_side).map(stake_of).sum()
    };
    let count = ProposalCount {
        yes: side(true),
        no: side(false),
        total: facts.pools.values().map(|pool| pool.wal).sum(),
        quorum_bp: parameters.get(Parameter::ProposalQuorumBp),
    };
    let ballot = staking::Ballot { yes: count.yes.0, no: count.no.0, total: count.total.0 };
    // A parameter that this release does not know can't be changed by it.
    let verdict = proposal(row).map_or_else(
        || if begins <= row.voting_until { Verdict::Open } else { Verdict::Rejected },
        |proposal| proposal.verdict(ballot, begins, &parameters),
    );
    let outcome = match verdict {
        Verdict::Open => return None,
        Verdict::Passed => ProposalOutcome::Passed,
        Verdict::NoQuorum => ProposalOutcome::NoQuorum,
        Verdict::Rejected => ProposalOutcome::Rejected,
    };
    Some((row.number, outcome, count))
}
