//! `haulout stake`, `vote`, and `haulout provider register` and `earnings`.

use anyhow::Result;

use crate::admin::money::earnings::{ShowEarnings, ShownEarnings};
use crate::admin::money::price_floors::{FloorInForce, RegisterPriceFloor, ShownPriceFloor};
use crate::admin::money::registering::RegisterProvider;
use crate::admin::money::stakes::{AddStake, ListStakes, MovedStake, ShownStake, WithdrawStake};
use crate::admin::money::votes::{
    CastVote, ListVotes, Propose, ShowVoteHistory, ShownPriceVote, ShownProposal, ShownVote, ShownVoting, VoteHistory,
    VotedFor,
};
use crate::app::cli::{AddStake as AddStakeOptions, Choice, Stake, Vote};
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};
use crate::domain::money::frost::Frost;

/// Runs `haulout stake`.
pub(super) async fn stake(runner: &OperationRunner, stake: Stake) -> Result<Outcome> {
    match stake {
        Stake::Add(AddStakeOptions { provider, amount, staker, reference, json }) => {
            let added = runner.run(AddStake { provider, amount: amount.0, staker, reference }).await?;
            moved(&added, json, "staked", "this reference was staked before: nothing changed")?;
        }
        Stake::Withdraw { stake, json } => {
            let left = runner.run(WithdrawStake { stake }).await?;
            let said = match left.stake.leaves_at {
                Some(epoch) => format!("it leaves at the beginning of epoch {epoch}"),
                None => "it did not count yet and is paid back".to_owned(),
            };
            moved(&left, json, &said, "this was asked for before: nothing changed")?;
        }
        Stake::List { provider, staker, all, json } => {
            let stakes = runner.run(ListStakes { provider, staker, all }).await?;
            if json {
                show::json(&stakes)?;
            } else {
                stake_table(&stakes)?;
            }
        }
    }
    Ok(Outcome::Fine)
}

fn moved(moved: &MovedStake, json: bool, said: &str, again: &str) -> Result<()> {
    if json {
        return show::json(moved);
    }
    show::print(if moved.is_new { said } else { again })?;
    stake_table(std::slice::from_ref(&moved.stake))
}

fn stake_table(stakes: &[ShownStake]) -> Result<()> {
    let row = |stake: &ShownStake| {
        [
            stake.stake.clone(),
            stake.staker.clone(),
            stake.provider.clone(),
            wal(stake.principal),
            wal(stake.worth),
            stake.state.clone(),
            stake.active_from.to_string(),
            stake.leaves_at.map_or_else(|| "-".to_owned(), |epoch| epoch.to_string()),
        ]
    };
    let head = ["STAKE", "STAKER", "PROVIDER", "STAKED", "WORTH", "STATE", "ACTIVE FROM", "LEAVES AT"];
    show::table(head, &stakes.iter().map(row).collect::<Vec<_>>())
}

/// Runs `haulout vote`.
pub(super) async fn vote(runner: &OperationRunner, vote: Vote) -> Result<Outcome> {
    match vote {
        Vote::Price { provider, storage, write, json } => {
            let vote = VotedFor::Prices { storage: storage.0, write: write.0 };
            cast(runner, CastVote { provider, vote }, json).await?;
        }
        Vote::Parameter { provider, proposal, choice, json } => {
            let vote = VotedFor::Proposal { number: proposal, is_yes: choice == Choice::Yes };
            cast(runner, CastVote { provider, vote }, json).await?;
        }
        Vote::Propose { parameter, value, until, effective, json } => {
            let made = runner.run(Propose { parameter, value, voting_until: until, in_force: effective }).await?;
            if json {
                show::json(&made)?;
            } else {
                show::print(if made.is_new { "proposed" } else { "the same is open already: nothing changed" })?;
                proposal_table(std::slice::from_ref(&made.proposal))?;
            }
        }
        Vote::List { json } => {
            let voting = runner.run(ListVotes {}).await?;
            if json {
                show::json(&voting)?;
            } else {
                voting_text(&voting)?;
            }
        }
        Vote::History { epoch, json } => {
            let history = runner.run(ShowVoteHistory { epoch }).await?;
            if json {
                show::json(&history)?;
            } else {
                history_text(&history)?;
            }
        }
    }
    Ok(Outcome::Fine)
}

async fn cast(runner: &OperationRunner, vote: CastVote, json: bool) -> Result<()> {
    let cast = runner.run(vote).await?;
    if json {
        return show::json(&cast);
    }
    show::print(if cast.is_new { "voted" } else { "it had voted the same: nothing changed" })?;
    vote_table(std::slice::from_ref(&cast.vote))
}

fn vote_table(votes: &[ShownVote]) -> Result<()> {
    let row = |vote: &ShownVote| {
        let what = match vote.vote {
            VotedFor::Prices { storage, write } => format!("{storage} FROST kept, {write} FROST written"),
            VotedFor::Proposal { number, is_yes } => {
                format!("{} to proposal {number}", if is_yes { "yes" } else { "no" })
            }
        };
        [vote.number.to_string(), vote.epoch.to_string(), vote.provider.clone(), what, vote.cast_at.clone()]
    };
    show::table(["VOTE", "EPOCH", "PROVIDER", "FOR", "AT"], &votes.iter().map(row).collect::<Vec<_>>())
}

fn price_table(votes: &[ShownPriceVote]) -> Result<()> {
    let row = |vote: &ShownPriceVote| {
        let price = |price: u64| format!("{price} FROST");
        [vote.provider.clone(), price(vote.storage), price(vote.write), wal(vote.stake)]
    };
    show::table(["PROVIDER", "A MIB KEPT", "A MIB WRITTEN", "STAKE"], &votes.iter().map(row).collect::<Vec<_>>())
}

fn proposal_table(proposals: &[ShownProposal]) -> Result<()> {
    let row = |proposal: &ShownProposal| {
        [
            proposal.number.to_string(),
            format!("{} = {}", proposal.parameter, proposal.value),
            proposal.voting_until.to_string(),
            proposal.in_force.to_string(),
            proposal.outcome.clone(),
            wal(proposal.yes),
            wal(proposal.no),
            wal(proposal.total),
        ]
    };
    let head = ["PROPOSAL", "CHANGE", "VOTES UNTIL", "IN FORCE", "OUTCOME", "YES", "NO", "OF"];
    show::table(head, &proposals.iter().map(row).collect::<Vec<_>>())
}

fn voting_text(voting: &ShownVoting) -> Result<()> {
    let (storage, write) = voting.prices;
    let (next_storage, next_write) = voting.next_prices;
    show::print(&format!(
        "epoch {}: {storage} FROST for a MiB kept, {write} for one written; {next_storage} and {next_write} in the next by \
         what is known now",
        voting.epoch
    ))?;
    if voting.votes.is_empty() {
        show::print("nobody with stake has voted for prices: the configuration says what is aimed at")?;
    } else {
        price_table(&voting.votes)?;
    }
    if !voting.floors.is_empty() {
        show::print("")?;
        floor_table(&voting.floors.iter().map(|one| one.floor.clone()).collect::<Vec<_>>())?;
    }
    for FloorInForce { floor, .. } in voting.floors.iter().filter(|one| !one.is_met) {
        show::print(&format!("{} takes no new slivers in this epoch: its prices are below the floor", floor.provider))?;
    }
    if !voting.proposals.is_empty() {
        show::print("")?;
        proposal_table(&voting.proposals)?;
    }
    show::print("")?;
    let row = |(name, value, default): &(String, u64, u64)| {
        let default = if value == default { "-".to_owned() } else { default.to_string() };
        [name.clone(), value.to_string(), default]
    };
    show::table(["PARAMETER", "VALUE", "BEFORE ANY VOTE"], &voting.parameters.iter().map(row).collect::<Vec<_>>())
}

fn history_text(history: &VoteHistory) -> Result<()> {
    vote_table(&history.votes)?;
    if !history.counted.is_empty() {
        show::print("")?;
        price_table(&history.counted)?;
    }
    if !history.floors.is_empty() {
        show::print("")?;
        floor_table(&history.floors)?;
    }
    if !history.proposals.is_empty() {
        show::print("")?;
        proposal_table(&history.proposals)?;
    }
    Ok(())
}

/// Runs `haulout provider register`.
pub(super) async fn register(runner: &OperationRunner, register: RegisterProvider, json: bool) -> Result<Outcome> {
    let registered = runner.run(register).await?;
    if json {
        show::json(&registered)?;
        return Ok(Outcome::Fine);
    }
    show::print(if registered.is_new { "registered" } else { "it was registered before: nothing changed" })?;
    let commissions = registered.commissions.iter().map(|(epoch, commission)| {
        let percent = format!("{}.{:02} %", commission / 100, commission % 100);
        [registered.provider.clone(), registered.owner.clone(), percent, epoch.to_string()]
    });
    show::table(["PROVIDER", "OWNER", "COMMISSION", "FROM EPOCH"], &commissions.collect::<Vec<_>>())?;
    Ok(Outcome::Fine)
}

/// Runs `haulout provider price-floor`.
pub(super) async fn price_floor(runner: &OperationRunner, register: RegisterPriceFloor, json: bool) -> Result<Outcome> {
    let registered = runner.run(register).await?;
    if json {
        show::json(&registered)?;
        return Ok(Outcome::Fine);
    }
    show::print(if registered.is_new { "registered" } else { "it was registered before: nothing changed" })?;
    floor_table(std::slice::from_ref(&registered.floor))?;
    Ok(Outcome::Fine)
}

fn floor_table(floors: &[ShownPriceFloor]) -> Result<()> {
    let row = |floor: &ShownPriceFloor| {
        let price = |price: u64| format!("{price} FROST");
        [
            floor.provider.clone(),
            price(floor.storage),
            price(floor.write),
            floor.in_force.to_string(),
            floor.registered_at.clone(),
        ]
    };
    let head = ["FLOOR OF", "A MIB KEPT", "A MIB WRITTEN", "FROM EPOCH", "REGISTERED AT"];
    show::table(head, &floors.iter().map(row).collect::<Vec<_>>())
}

/// Runs `haulout provider earnings`.
pub(super) async fn earnings(runner: &OperationRunner, earnings: ShowEarnings, json: bool) -> Result<Outcome> {
    let shown = runner.run(earnings).await?;
    if json {
        show::json(&shown)?;
        return Ok(Outcome::Fine);
    }
    let row = |row: &ShownEarnings| {
        [
            row.epoch.to_string(),
            row.provider.clone(),
            wal(row.commission),
            wal(row.held_back),
            wal(row.returned),
            wal(row.stakers),
            wal(row.work),
            wal(row.slashed),
        ]
    };
    let head = ["EPOCH", "PROVIDER", "COMMISSION", "HELD BACK", "RETURNED", "STAKERS", "WORK", "SLASHED"];
    show::table(head, &shown.iter().map(row).collect::<Vec<_>>())?;
    Ok(Outcome::Fine)
}

fn wal(amount: u64) -> String {
    Frost(amount).to_string()
}
