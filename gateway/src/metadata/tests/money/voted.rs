//! Votes: prices of the next epoch, proposals, and what is kept of both.

use super::charged_epochs::{PRICES, WAL, begin, end, epoch, now, paying_bucket, register, settle, stake};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::{Ballot, CastVote, EpochTerms, NewProposal, ProposalOutcome, Proposed};
use crate::settlement::count_votes;
use crate::staking::Parameter;

async fn cast(f: &Fixture, provider: &str, ballot: Ballot) -> CastVote {
    f.store.cast_vote(provider, ballot, now(f).await.1).await.unwrap()
}

fn prices(storage: u64) -> Ballot {
    Ballot::Prices { storage: Frost(storage), write: Frost(1_000_000) }
}

/// b1 has two thirds of the stake and a little more, b2 the rest.
async fn staked(f: &Fixture) {
    paying_bucket(f).await;
    register(f, "b1", 0).await;
    register(f, "b2", 0).await;
    stake(f, "anna", "b1", 7 * WAL).await;
    stake(f, "bert", "b2", 3 * WAL).await;
    end(f).await;
    settle(f).await;
    begin(f).await;
}

async fn propose(f: &Fixture, value: u64) -> Proposed {
    let at = now(f).await.1;
    let proposal = NewProposal {
        parameter: "slash_bp".to_owned(),
        value,
        at,
        voting_until: at.epoch.next(),
        in_force: Epoch(at.epoch.0 + 3),
    };
    f.store.propose(proposal).await.unwrap()
}

both! {
    async fn the_percentile_of_the_votes_is_the_next_price(f: &Fixture) {
        staked(f).await;
        let now = PRICES.storage.0;
        assert!(matches!(cast(f, "b1", prices(now / 10 * 11)).await, CastVote::New(_)));
        assert!(matches!(cast(f, "b1", prices(now / 10 * 11)).await, CastVote::Known(_)));
        assert!(matches!(cast(f, "b2", prices(now * 9)).await, CastVote::New(_)));
        assert_eq!(cast(f, "b3", prices(now)).await, CastVote::NotRegistered);
        end(f).await;
        begin(f).await;
        settle(f).await;
        let epoch = f.store.money_epoch().await.unwrap().unwrap().0;
        assert_eq!(epoch.prices.storage.0, now / 10 * 11, "two thirds ask for no more");
        let counted = f.store.counted_votes(epoch.number).await.unwrap();
        assert_eq!(counted.iter().map(|vote| &*vote.provider).collect::<Vec<_>>(), ["b1", "b2"]);
        assert_eq!((counted[0].stake.0, counted[1].storage.0), (7 * WAL, now * 9), "the stake of the epoch that ends");
        // A vote counts until there is another, and a price moves by a fifth at most.
        cast(f, "b1", prices(now * 5)).await;
        end(f).await;
        begin(f).await;
        settle(f).await;
        let epoch = f.store.money_epoch().await.unwrap().unwrap().0;
        assert_eq!(epoch.prices.storage.0, now / 10 * 11 / 10 * 12);
        assert_eq!(f.store.votes(None, 10).await.unwrap().len(), 3, "all are kept");
        assert_eq!(f.store.votes(Some(Epoch(2)), 10).await.unwrap().len(), 2);
        for text in ["UPDATE vote SET epoch = 1", "DELETE FROM vote", "DELETE FROM counted_vote"] {
            let mut session = f.store.database().plain_writer().await;
            assert!(session.execute(Statement::new(text)).await.is_err(), "{text}");
        }
    }

    async fn without_stake_the_configuration_rules(f: &Fixture) {
        paying_bucket(f).await;
        register(f, "b1", 0).await;
        assert!(matches!(cast(f, "b1", prices(5)).await, CastVote::New(_)));
        end(f).await;
        begin(f).await;
        settle(f).await;
        let epoch = f.store.money_epoch().await.unwrap().unwrap().0;
        assert_eq!(epoch.prices, PRICES);
        assert!(f.store.counted_votes(epoch.number).await.unwrap().is_empty());
    }

    async fn an_epoch_does_not_begin_on_votes_that_have_changed(f: &Fixture) {
        staked(f).await;
        cast(f, "b1", prices(PRICES.storage.0)).await;
        let (facts, _) = f.store.voting_facts().await.unwrap().unwrap();
        let (prices_then, voting) = count_votes(&facts, &PRICES);
        cast(f, "b1", prices(PRICES.storage.0 / 10 * 9)).await;
        end(f).await;
        let late = cast(f, "b1", prices(PRICES.storage.0 / 10 * 8)).await;
        assert!(matches!(&late, CastVote::New(vote) if vote.epoch == Epoch(3)), "it counts in the next epoch: {late:?}");
        let terms = EpochTerms {
            micros: 3_601_000_000,
            mode: MoneyMode::On,
            prices: prices_then,
            endowment: Frost(0),
            voting: Some(voting),
        };
        assert!(f.store.begin_epoch_if_due(terms).await.unwrap(), "to be tried again");
        assert_eq!(f.store.money_epoch().await.unwrap().unwrap().0.number, Epoch(2), "it has not begun");
        begin(f).await;
        assert_eq!(f.store.money_epoch().await.unwrap().unwrap().0.prices.storage.0, PRICES.storage.0 / 10 * 9);
    }

    async fn a_parameter_changes_at_its_epoch_if_enough_stake_wants_it(f: &Fixture) {
        staked(f).await;
        let Proposed::New(first) = propose(f, 200).await else { panic!("it is new") };
        assert!(matches!(propose(f, 200).await, Proposed::Known(known) if known.number == first.number));
        let Proposed::New(second) = propose(f, 300).await else { panic!("it is new") };
        let Proposed::New(third) = propose(f, 400).await else { panic!("it is new") };
        let on = |number, is_yes| Ballot::Proposal { number, is_yes };
        cast(f, "b1", on(first.number, false)).await;
        cast(f, "b1", on(first.number, true)).await;
        cast(f, "b2", on(first.number, false)).await;
        cast(f, "b2", on(second.number, true)).await;
        cast(f, "b1", on(third.number, false)).await;
        assert_eq!(cast(f, "b1", on(99, true)).await, CastVote::NoProposal);
        end(f).await;
        let mut in_force = vec![settle(f).await.parameters.get(Parameter::SlashBp)];
        assert!(f.store.proposals(9).await.unwrap().iter().all(|one| one.outcome == ProposalOutcome::Open));
        for _ in 0..3 {
            in_force.push(epoch(f).await.parameters.get(Parameter::SlashBp));
        }
        assert_eq!(in_force, [100, 100, 100, 200], "in force in epoch 5");
        let proposals = f.store.proposals(9).await.unwrap();
        let outcomes: Vec<_> = proposals.iter().map(|one| (one.number, one.outcome)).collect();
        use ProposalOutcome::{NoQuorum, Passed, Rejected};
        assert_eq!(outcomes, [(third.number, Rejected), (second.number, NoQuorum), (first.number, Passed)]);
        let count = proposals[2].count.unwrap();
        assert!(count.yes.0 > 7 * WAL && count.no.0 > 3 * WAL && count.total.0 == count.yes.0 + count.no.0);
        begin(f).await;
        assert_eq!(cast(f, "b1", on(first.number, false)).await, CastVote::Closed);
    }
}
