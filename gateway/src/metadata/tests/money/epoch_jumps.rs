//! Epochs that nobody saw.

use super::charged::{begin, end_epoch, terms};
use crate::domain::money::epoch::{Epoch, JumpTerms};
use crate::domain::money::mode::MoneyMode;
use crate::metadata::tests::fixture::{Fixture, both};
use crate::metadata::{ChargeStep, EpochAdvance};

async fn advance(f: &Fixture) -> EpochAdvance {
    f.store.advance_epoch(terms(MoneyMode::Track), 1).await.unwrap()
}

async fn numbers(f: &Fixture) -> Vec<(u64, bool)> {
    let mut epochs = f.store.money_epochs(20).await.unwrap();
    epochs.reverse();
    epochs.iter().map(|epoch| (epoch.number.0, epoch.is_caught_up)).collect()
}

/// As if the last epoch had ended so many epochs earlier.
async fn jump(f: &Fixture, epochs: u64) {
    let back = epochs * terms(MoneyMode::Track).micros + 1_000_000;
    f.meddle(format!("UPDATE epoch SET begins_at = begins_at - {back}, ends_at = ends_at - {back}")).await;
    f.meddle(format!("UPDATE epoch_confirmation SET confirmed_until = confirmed_until - {back}")).await;
}

both! {
    async fn a_jump_beyond_one_epoch_waits_for_a_word(f: &Fixture) {
        begin(f, MoneyMode::Track).await;
        assert_eq!(advance(f).await, EpochAdvance::UnderWay(Epoch(1)));
        // One epoch that nobody saw is caught up without a word.
        jump(f, 2).await;
        assert_eq!((advance(f).await, advance(f).await), (EpochAdvance::Begun, EpochAdvance::Begun));
        assert_eq!(advance(f).await, EpochAdvance::UnderWay(Epoch(3)));
        assert_eq!(numbers(f).await, [(1, false), (2, true), (3, false)]);

        jump(f, 4).await;
        let EpochAdvance::Waits(waits) = advance(f).await else { panic!("it is begun") };
        assert_eq!((waits.last, waits.missed), (Epoch(3), 3));
        assert!(matches!(advance(f).await, EpochAdvance::Waits(_)), "it goes on waiting");
        assert_eq!(numbers(f).await.len(), 3);
        let jump_terms = JumpTerms { micros: terms(MoneyMode::Track).micros, unconfirmed_max: 1 };
        assert!(f.store.epoch_jump(&jump_terms).await.unwrap().is_some());

        f.store.confirm_epochs().await.unwrap();
        assert_eq!(f.store.epoch_jump(&jump_terms).await.unwrap(), None);
        for _ in 0..4 {
            assert_eq!(advance(f).await, EpochAdvance::Begun);
        }
        assert_eq!(advance(f).await, EpochAdvance::UnderWay(Epoch(7)));
        let all = [(1, false), (2, true), (3, false), (4, true), (5, true), (6, true), (7, false)];
        assert_eq!(numbers(f).await, all, "one by one, without gaps");

        // The word counts for that jump and for no later one.
        jump(f, 4).await;
        assert!(matches!(advance(f).await, EpochAdvance::Waits(_)));
        // A clock that is set back needs no word.
        let forth = 4 * terms(MoneyMode::Track).micros + 1_000_000;
        f.meddle(format!("UPDATE epoch SET begins_at = begins_at + {forth}, ends_at = ends_at + {forth} WHERE number = 7")).await;
        assert_eq!(advance(f).await, EpochAdvance::UnderWay(Epoch(7)));
    }

    async fn an_epoch_is_charged_only_before_one_that_began(f: &Fixture) {
        begin(f, MoneyMode::Track).await;
        end_epoch(f).await;
        assert_eq!(f.store.charge_before(Epoch(1), 10, 0).await.unwrap(), ChargeStep::Nothing);
        assert_eq!(f.store.charge_before(Epoch(2), 10, 0).await.unwrap(), ChargeStep::Done(Epoch(1)));
    }
}
