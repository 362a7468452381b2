//! Stake: it comes and goes at the ends of epochs, earns, is slashed, waits for open periods, and nothing moves twice.

use super::charged_epochs::{
    PRICES, WAL, begin, credit, end, epoch, free, held, judge, keys, new_stake, now, paying_bucket, pool, register,
    settle, settler, stake, sums_are_zero,
};
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::mode::MoneyMode;
use crate::ledger::Refusal;
use crate::metadata::engine::statement::Statement;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::tests::ledger_log::verified_with;
use crate::metadata::{AddedStake, EpochTerms, NewStake, Registered, StakeFilter, StakeState, Withdrawn};
use crate::metadata::{Evidence, signed_wrong_answer};
use crate::publication::{Published, publish};
use crate::settlement::{self, StakePhase};

fn staker(name: &str) -> LedgerAccount {
    LedgerAccount::Staker(name.to_owned())
}

async fn withdraw(f: &Fixture, id: &str, leaves_at: Option<u64>) -> Withdrawn {
    f.store.withdraw_stake(id, now(f).await.1, leaves_at.map(Epoch)).await.unwrap()
}

async fn state_of(f: &Fixture, id: &str) -> StakeState {
    f.store.stake(id).await.unwrap().unwrap().state
}

/// What the database says to a change that it refuses.
async fn refuses(f: &Fixture, text: &'static str) -> String {
    let mut session = f.store.database().plain_writer().await;
    session.execute(Statement::new(text)).await.unwrap_err().to_string()
}

both! {
    async fn stake_comes_earns_and_goes_and_anybody_can_check_it(f: &Fixture) {
        paying_bucket(f).await;
        assert_eq!(register(f, "b1", 1_000).await, Registered::New);
        assert_eq!(register(f, "b1", 1_000).await, Registered::Same);
        let anna = stake(f, "anna", "b1", 5 * WAL).await;
        assert_eq!((free(f, staker("anna")).await, state_of(f, &anna).await), (0, StakeState::Arriving));
        end(f).await;
        let inputs = settle(f).await;
        assert_eq!(inputs.stakes.iter().map(|stake| stake.phase).collect::<Vec<_>>(), [StakePhase::Arriving]);
        assert_eq!(inputs.providers[0].commission_bp, 1_000);
        assert_eq!((state_of(f, &anna).await, pool(f, "b1").await.wal), (StakeState::Active, Frost(5 * WAL)));

        begin(f).await;
        let bert = stake(f, "bert", "b1", 2 * WAL).await;
        assert!(matches!(withdraw(f, &anna, Some(3)).await, Withdrawn::Leaves(row) if row.leaves_at == Some(Epoch(3))));
        assert!(matches!(withdraw(f, &anna, Some(4)).await, Withdrawn::Leaves(row) if row.leaves_at == Some(Epoch(3))));
        end(f).await;
        settle(f).await;
        let back = free(f, staker("anna")).await;
        assert!(back > 5 * WAL, "with its part of the rewards: {back}");
        assert_eq!(f.store.stake(&anna).await.unwrap().unwrap().paid, Some(Frost(back)));
        assert_eq!(f.store.stake_rates("b1", 5).await.unwrap().len(), 2);
        let left = pool(f, "b1").await;
        assert_eq!((left.positions, state_of(f, &bert).await), (1, StakeState::Active));
        assert!(free(f, LedgerAccount::Provider("b1".to_owned())).await > 0, "its commission");

        epoch(f).await;
        assert_eq!(free(f, staker("anna")).await, back, "paid once");
        let all = StakeFilter { paid: true, ..StakeFilter::default() };
        assert_eq!(f.store.stakes(&all, 10).await.unwrap().len(), 2);
        assert_eq!(f.store.stakes(&StakeFilter::default(), 10).await.unwrap().len(), 1);
        let keys = keys(f).await;
        while let Some(settled) = f.store.settlement_to_publish().await.unwrap() {
            assert!(matches!(publish(&f.store, &keys, &settled).await.unwrap(), Published::Now(_)));
        }
        let report = verified_with(&f.store, &keys, &settlement::planned_epoch).await;
        assert!(report.is_good() && report.transfers > 20, "{report}");
    }

    async fn money_is_staked_once_and_only_where_it_is_charged(f: &Fixture) {
        let terms = EpochTerms {
            micros: 3_601_000_000,
            mode: MoneyMode::Track,
            prices: PRICES,
            endowment: Frost(0),
            voting: None,
        };
        f.store.begin_epoch_if_due(terms).await.unwrap();
        register(f, "b1", 0).await;
        credit(f, staker("anna"), "funds", 10 * WAL).await;
        let stake = new_stake(f, "anna", "b1", 4 * WAL).await;
        assert_eq!(f.store.add_stake(stake.clone()).await.unwrap(), AddedStake::Late, "money is tracked");
        end(f).await;
        settler(f).await.settle(&held()).await.unwrap();
        begin(f).await;
        assert_eq!(f.store.add_stake(stake.clone()).await.unwrap(), AddedStake::Late, "it was decided in another epoch");
        let stake = new_stake(f, "anna", "b1", 4 * WAL).await;
        let other = f.other_gateway_or_self().await;
        let mut tasks = tokio::task::JoinSet::new();
        for store in [f.store.clone(), other.clone(), f.store.clone(), other] {
            let stake = stake.clone();
            tasks.spawn(async move { store.add_stake(stake).await.unwrap() });
        }
        let outcomes = tasks.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, AddedStake::New(_))).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, AddedStake::Known(_))).count(), 3);
        assert_eq!(free(f, staker("anna")).await, 6 * WAL);
        let more = NewStake { amount: Frost(5 * WAL), ..stake.clone() };
        assert!(matches!(f.store.add_stake(more).await.unwrap(), AddedStake::Different(_)));
        let too_much = NewStake { amount: Frost(7 * WAL), reference: "another".to_owned(), ..stake.clone() };
        let missing = Refusal::ExceedsCredits { missing: Frost(WAL) };
        assert_eq!(f.store.add_stake(too_much.clone()).await.unwrap(), AddedStake::Refused(missing));
        let nobody = NewStake { provider: "b2".to_owned(), ..too_much };
        assert_eq!(f.store.add_stake(nobody).await.unwrap(), AddedStake::NotRegistered);
        assert_eq!(f.one_int("SELECT COUNT(*) FROM stake").await, 1);
        sums_are_zero(f).await;
    }

    async fn stake_that_does_not_count_yet_returns_at_once(f: &Fixture) {
        paying_bucket(f).await;
        register(f, "b1", 0).await;
        let id = stake(f, "anna", "b1", 3 * WAL).await;
        for _ in 0..2 {
            assert!(matches!(withdraw(f, &id, None).await, Withdrawn::Returned(row) if row.paid == Some(Frost(3 * WAL))));
        }
        assert_eq!(free(f, staker("anna")).await, 3 * WAL);
        assert_eq!(withdraw(f, "stake-of-nobody", None).await, Withdrawn::Unknown);
        end(f).await;
        assert!(settle(f).await.stakes.is_empty());
        assert_eq!(pool(f, "b1").await.positions, 0);
    }

    async fn a_stake_that_moves_while_its_epoch_is_planned_spoils_nothing(f: &Fixture) {
        paying_bucket(f).await;
        register(f, "b1", 0).await;
        let first = stake(f, "anna", "b1", 3 * WAL).await;
        let second = stake(f, "bert", "b1", 4 * WAL).await;
        let moment = now(f).await.1;
        end(f).await;
        let settler = settler(f).await;
        let planned = settler.plan_next(&held()).await.unwrap().unwrap();
        assert_eq!(f.store.withdraw_stake(&first, moment, None).await.unwrap(), Withdrawn::Late, "its epoch is over");
        f.meddle("UPDATE epoch SET ends_at = ends_at + 3600000000").await;
        assert!(matches!(f.store.withdraw_stake(&first, moment, None).await.unwrap(), Withdrawn::Returned(_)));
        f.meddle("UPDATE epoch SET ends_at = ends_at - 3600000000").await;
        assert!(!f.store.settle(planned.settlement()).await.unwrap(), "its facts are old");
        settle(f).await;
        assert_eq!((state_of(f, &first).await, state_of(f, &second).await), (StakeState::Paid, StakeState::Active));
        assert_eq!(pool(f, "b1").await.wal, Frost(4 * WAL));
    }

    async fn a_withdrawal_waits_for_open_periods(f: &Fixture) {
        paying_bucket(f).await;
        register(f, "b1", 5_000).await;
        let id = stake(f, "anna", "b1", 5 * WAL).await;
        end(f).await;
        settle(f).await;
        begin(f).await;
        withdraw(f, &id, Some(3)).await;
        // Others were audited and b1 was not: its period is open.
        judge(f, "b2", "passed", "{}").await;
        judge(f, "b3", "passed", "{}").await;
        end(f).await;
        settle(f).await;
        assert_eq!((state_of(f, &id).await, free(f, staker("anna")).await), (StakeState::Active, 0));
        assert_eq!(f.one_int("SELECT COUNT(*) FROM open_period WHERE provider = 'b1'").await, 1);
        begin(f).await;
        for backend in ["b1", "b2", "b3"] {
            judge(f, backend, "passed", "{}").await;
        }
        end(f).await;
        let inputs = settle(f).await;
        assert_eq!(inputs.open_periods.len(), 1);
        assert_eq!(state_of(f, &id).await, StakeState::Paid);
        assert!(free(f, staker("anna")).await > 5 * WAL, "with what the waiting period earned");
    }

    async fn a_proven_lie_costs_own_stake_first(f: &Fixture) {
        paying_bucket(f).await;
        register(f, "b1", 0).await;
        let own = stake(f, "b1-owner", "b1", 2 * WAL).await;
        let delegated = stake(f, "anna", "b1", 8 * WAL).await;
        end(f).await;
        settle(f).await;
        let before = pool(f, "b1").await;
        let shares = f.store.stake(&delegated).await.unwrap().unwrap().shares;
        begin(f).await;
        let signed = serde_json::to_string(&signed_wrong_answer(1)).unwrap();
        let forged = serde_json::to_string(&Evidence { cluster: "00".repeat(16), ..signed_wrong_answer(1) }).unwrap();
        for evidence in [&signed, &forged, r#"{"answer":{"proof":{"signature":"00"}}}"#, "{}"] {
            judge(f, "b1", "wrong", evidence).await;
        }
        judge(f, "b2", "passed", "{}").await;
        end(f).await;
        let inputs = settle(f).await;
        assert_eq!((inputs.evidence.len(), inputs.providers[0].verdicts.wrong), (1, 4), "one is signed, and by the node");
        let holdback = inputs.providers[0].holdback;
        let penalty = (holdback.0 + before.wal.0) / 100;
        let slashed = f.store.earnings(Book::On, Some("b1"), (Epoch(2), Epoch(2))).await;
        assert_eq!(slashed.unwrap()[&(Epoch(2), "b1".to_owned())].slashed, Frost(penalty));
        let after = pool(f, "b1").await;
        assert_eq!(after.wal.0, before.wal.0 - penalty.saturating_sub(holdback.0));
        assert!(f.store.stake(&own).await.unwrap().unwrap().shares <= u128::from(2 * WAL));
        assert_eq!(f.store.stake(&delegated).await.unwrap().unwrap().shares, shares);
    }

    async fn the_database_refuses_what_the_rules_do_not_allow(f: &Fixture) {
        paying_bucket(f).await;
        register(f, "b1", 0).await;
        stake(f, "anna", "b1", 2 * WAL).await;
        end(f).await;
        settle(f).await;
        for text in [
            "UPDATE stake SET state = 'arriving', shares = '0'",
            "UPDATE stake SET principal = principal + 1",
            "UPDATE stake SET shares = '99999999999999999999'",
            "DELETE FROM stake",
            "UPDATE stake SET state = 'paid'",
            "UPDATE stake SET leaves_at = 0",
            "UPDATE stake_pool SET wal = -1",
            "UPDATE stake_pool SET positions = 0",
            "UPDATE stake_rate SET wal = 7",
            "UPDATE staking_provider SET owner = 'somebody'",
            "DELETE FROM staking_provider",
            "INSERT INTO provider_commission (provider, in_force, basis_points) VALUES ('b1', 9, 10001)",
            "INSERT INTO placement_weight (provider, weight) VALUES ('b9', 1000001)",
            "INSERT INTO stake (id, reference, staker, provider, principal, is_own, staked_in, active_from, state, shares) \
             SELECT 'other', reference, staker, provider, principal, is_own, staked_in, active_from, 'arriving', '0' FROM stake",
        ] {
            refuses(f, text).await;
        }
        f.meddle("UPDATE stake SET leaves_at = 9").await;
        assert!(refuses(f, "UPDATE stake SET leaves_at = 10").await.contains("once"));
    }

    async fn weights_follow_stake_and_go_with_it(f: &Fixture) {
        paying_bucket(f).await;
        for provider in ["b1", "b2", "b3"] {
            register(f, provider, 0).await;
        }
        let first = stake(f, "anna", "b1", 5 * WAL).await;
        let second = stake(f, "bert", "b2", 5 * WAL).await;
        end(f).await;
        settle(f).await;
        let weights = f.store.placement_weights().await.unwrap();
        assert_eq!(weights.values().copied().collect::<Vec<_>>(), [500_000, 500_000, 0], "b3 has no stake: {weights:?}");
        begin(f).await;
        withdraw(f, &first, Some(3)).await;
        withdraw(f, &second, Some(3)).await;
        end(f).await;
        settle(f).await;
        assert!(f.store.placement_weights().await.unwrap().is_empty(), "nobody has staked");
    }

    async fn another_commission_is_in_force_two_epochs_later(f: &Fixture) {
        paying_bucket(f).await;
        register(f, "b1", 1_000).await;
        assert_eq!(register(f, "b1", 6_000).await, Registered::Changed);
        end(f).await;
        let mut commissions = vec![settle(f).await.providers[0].commission_bp];
        for _ in 0..2 {
            commissions.push(epoch(f).await.providers[0].commission_bp);
        }
        assert_eq!(commissions, [1_000, 1_000, 6_000]);
    }
}
