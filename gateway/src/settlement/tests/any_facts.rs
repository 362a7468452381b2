//! Facts of any epoch, as they follow from a seed: valid, and with everything that can be in them.

use backends::node::protocol::{SignedPriceFloor, SigningKey};
use codec::ClusterId;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::{Prices, Usage};
use crate::settlement::simulation::Dice;
use crate::settlement::*;
use crate::staking::{PARAMETER_RULES, Pool};

const LENGTH: u64 = 1_209_600_000_000;

pub fn any_facts(seed: u64) -> EpochInputs {
    let dice = &mut Dice::new(seed);
    let prices = Prices {
        storage: Frost(dice.below(100_000)),
        write: Frost(dice.below(50_000)),
        requests_read: Frost(dice.below(3)),
        requests_write: Frost(dice.below(3)),
        egress: Frost(dice.below(3)),
    };
    let book = if dice.percent(50) { Book::On } else { Book::Track };
    let mut inputs = EpochInputs::empty(Epoch(dice.between(1, 40)), book, dice.between(1, LENGTH), prices);
    inputs.caught_up = dice.percent(10);
    for rule in PARAMETER_RULES {
        if dice.percent(20) {
            inputs.parameters = inputs.parameters.with(rule.parameter, dice.between(rule.least, rule.most)).unwrap();
        }
    }
    inputs.repair_fund = Frost(dice.below(1 << 40));
    inputs.remainder = Frost(dice.below(1 << 20));
    for number in 0..dice.below(5) {
        let account = if dice.percent(70) {
            LedgerAccount::Payer(format!("p{number}"))
        } else {
            LedgerAccount::Bucket(format!("b{number}"))
        };
        let funds = dice.percent(70).then(|| Frost(dice.below(1 << 44)));
        inputs.payers.push(PayerFunds { account, funds });
    }
    for number in 0..dice.below(8) {
        let Some(payer) = inputs.payers.get(usize::try_from(dice.below(5)).unwrap()) else { continue };
        let usage = Usage {
            byte_micros: u128::from(dice.below(1 << 44)) * u128::from(inputs.length_micros),
            written_bytes: dice.below(1 << 40),
            requests_read: dice.below(1 << 20),
            requests_write: dice.below(1 << 20),
            egress_bytes: dice.below(1 << 40),
        };
        inputs.buckets.push(BucketUsage { bucket: format!("bucket-{number}"), payer: payer.account.clone(), usage });
    }
    for number in 0..dice.below(7) {
        any_provider(number, dice, &mut inputs);
        if inputs.book == Book::On && dice.percent(30) {
            let key = SigningKey::from_seed(&[u8::try_from(number).unwrap(); 32]);
            let (epoch, storage, write) = (dice.between(1, inputs.epoch.0), dice.below(100_000), dice.below(50_000));
            let floor = SignedPriceFloor::sign(ClusterId([5; 16]), &key, epoch, storage, write);
            inputs.floors.push(FloorFacts { provider: format!("node-{number}"), floor });
        }
    }
    inputs
}

fn any_provider(number: u64, dice: &mut Dice, inputs: &mut EpochInputs) {
    let name = format!("node-{number}");
    let bytes = dice.below(1 << 40);
    let byte_micros = u128::from(bytes) * u128::from(inputs.length_micros);
    let standings = [Standing::Active, Standing::Suspended, Standing::Leaving, Standing::Left, Standing::Disqualified];
    let at = if dice.percent(60) { 0 } else { dice.below(5) };
    let verdicts = if dice.percent(20) { Verdicts::default() } else { any_verdicts(dice) };
    if dice.percent(30) {
        let from_micros = dice.below(inputs.length_micros);
        let until_micros = dice.between(from_micros + 1, inputs.length_micros);
        let sliver = format!("s{number}");
        let bytes = dice.below(bytes + 1);
        inputs.losses.push(Loss { provider: name.clone(), sliver, from_micros, until_micros, bytes });
    }
    if !inputs.caught_up && dice.percent(30) {
        for at in 0..dice.between(1, 12) {
            inputs.evidence.push(Evidence { provider: name.clone(), id: format!("e-{number}-{at}") });
        }
    }
    for back in 1..4 {
        if dice.percent(20) && inputs.epoch.0 > back {
            inputs.open_periods.push(OpenPeriod {
                provider: name.clone(),
                epoch: Epoch(inputs.epoch.0 - back),
                reserved: Frost(dice.below(1 << 36)),
                verdicts: any_verdicts(dice),
            });
        }
    }
    let pool = any_pool(&name, dice, inputs);
    inputs.providers.push(ProviderFacts {
        provider: name,
        standing: standings[usize::try_from(at).unwrap()],
        age: dice.between(1, 60),
        byte_micros,
        passed_own: dice.below(verdicts.passed + 1),
        verdicts,
        vetting: dice.below(200),
        commission_bp: dice.below(10_001),
        holdback: Frost(if dice.percent(50) { dice.below(1 << 40) } else { 0 }),
        half_returned: dice.percent(20),
        rebuilt_bytes: dice.below(1 << 36),
        trash_byte_micros: u128::from(dice.below(1 << 30)) * u128::from(inputs.length_micros),
        owed: Frost(dice.below(1 << 30)),
        pool,
    });
}

fn any_verdicts(dice: &mut Dice) -> Verdicts {
    let mut some = |often, most| if dice.percent(often) { dice.below(most) } else { 0 };
    Verdicts {
        passed: some(90, 300),
        missing: some(30, 12),
        wrong: some(10, 5),
        silent: some(30, 100),
        pending: some(15, 4),
    }
}

/// A pool whose positions have shares of it, some with a reward, some after slashing.
fn any_pool(provider: &str, dice: &mut Dice, inputs: &mut EpochInputs) -> Pool {
    let mut pool = Pool::default();
    for number in 0..dice.below(7) {
        let phases = [StakePhase::Arriving, StakePhase::Active, StakePhase::Leaving];
        let phase = phases[usize::try_from(dice.below(3)).unwrap()];
        let (own, principal) = (dice.percent(30), Frost(dice.between(1, 1 << 40)));
        let mut shares = 0;
        if phase != StakePhase::Arriving {
            shares = pool.turn(&[principal], &[]).shares[0];
            if dice.percent(50) {
                pool.add_reward(Frost(dice.below(1 << 36)));
            }
            if dice.percent(20) {
                pool.slash_all(Frost(pool.wal.0 / dice.between(2, 50)));
            }
        }
        if own || phase != StakePhase::Active {
            let (stake, staker) = (format!("stake-{provider}-{number}"), format!("staker-{}", dice.below(4)));
            inputs.stakes.push(StakeFacts {
                stake,
                staker,
                provider: provider.to_owned(),
                principal,
                shares,
                own,
                phase,
            });
        }
    }
    pool
}

/// The same facts in another order.
pub fn shuffled(inputs: &EpochInputs, seed: u64) -> EpochInputs {
    fn shuffle<T>(items: &mut [T], dice: &mut Dice) {
        for at in (1..items.len()).rev() {
            items.swap(at, usize::try_from(dice.below(at as u64 + 1)).unwrap());
        }
    }
    let (mut other, mut dice) = (inputs.clone(), Dice::new(seed));
    shuffle(&mut other.payers, &mut dice);
    shuffle(&mut other.buckets, &mut dice);
    shuffle(&mut other.providers, &mut dice);
    shuffle(&mut other.losses, &mut dice);
    shuffle(&mut other.evidence, &mut dice);
    shuffle(&mut other.open_periods, &mut dice);
    shuffle(&mut other.stakes, &mut dice);
    shuffle(&mut other.floors, &mut dice);
    other
}
