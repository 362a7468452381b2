//! A simulated year, with the rules of money held against each of its epochs.

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::frost::Frost;
use crate::settlement::simulation::{Behaviour, DISHONEST_FROM, Settled, World, YEAR_EPOCHS, most_for, report};
use crate::settlement::*;

/// Half of what each provider staked of its own.
const FIVE_WAL: i128 = 5_000_000_000;

/// Plays a year and holds every epoch against the rules. Returns what each provider had gained before anyone lied, too.
fn play(seed: u64) -> (World, Vec<i128>) {
    let mut world = World::new(seed);
    let mut before = Vec::new();
    for epoch in 1..=YEAR_EPOCHS {
        if epoch == DISHONEST_FROM {
            before = world.providers.iter().map(|provider| world.gain(provider)).collect();
        }
        let settled = world.pass_epoch().unwrap();
        assert!(settled.overdrawn.is_empty(), "{:?}", settled.overdrawn);
        assert_eq!(world.bank.sum(), 0, "the sum is zero");
        let posted = world.bank.posted();
        world.bank.apply(&settled.plan.transfers);
        assert_eq!(world.bank.posted(), posted, "twice is once");
        nobody_is_paid_for_what_it_did_not_hold(&settled, &world);
        let recomputed = plan(&parse(encode(&settled.inputs).as_bytes()).unwrap()).unwrap();
        assert_eq!(recomputed, settled.plan, "what is published gives the same plan");
    }
    (world, before)
}

fn nobody_is_paid_for_what_it_did_not_hold(settled: &Settled, world: &World) {
    // In the epoch that was caught up nobody was audited, so that nobody could know.
    for provider in world.providers.iter().filter(|_| !settled.inputs.caught_up) {
        let now = |period: &&Period| period.provider == provider.name && period.epoch == settled.plan.epoch;
        let paid = match settled.plan.periods.iter().find(now).map(|period| period.outcome) {
            Some(Outcome::Proven { paid }) => paid,
            Some(Outcome::Open { .. } | Outcome::Faulted(_)) | None => Frost::ZERO,
        };
        assert!(paid <= most_for(settled, provider), "{} in epoch {}", provider.name, settled.plan.epoch);
    }
}

#[test]
fn honest_providers_earn_more_than_lazy_ones_and_liars_lose() {
    for seed in 1..=4 {
        let (world, before) = play(seed);
        let gains = |behaviour: Behaviour| {
            let of_kind = world.providers.iter().filter(move |provider| provider.behaviour == behaviour);
            of_kind.map(|provider| world.gain(provider)).collect::<Vec<_>>()
        };
        let least_honest = gains(Behaviour::Honest).into_iter().min().unwrap();
        assert!(gains(Behaviour::Lazy).into_iter().all(|gain| gain < least_honest), "seed {seed}");
        for (provider, before) in world.providers.iter().zip(before) {
            let gain = world.gain(provider);
            assert!(
                provider.behaviour != Behaviour::Lying || gain < before - FIVE_WAL,
                "seed {seed}: {gain}, {before}"
            );
        }
        assert!(gains(Behaviour::Leaving).into_iter().all(|gain| gain > 0), "seed {seed}");
        for provider in world.providers.iter().filter(|provider| provider.behaviour == Behaviour::Leaving) {
            let holdback = LedgerAccount::Holdback(provider.name.clone());
            assert_eq!(world.bank.balance(&holdback), 0, "a graceful exit returns the holdback");
        }
    }
}

#[test]
fn the_documents_show_this_year() {
    let report = report(1).unwrap();
    assert!(include_str!("../SETTLEMENT.md").contains(&report.table), "run `cargo run --example settlement`");
    assert_eq!(include_str!("../YEAR.svg"), report.plot, "run `cargo run --example settlement`");
}
