//! Single rules, one story each.

use backends::node::protocol::{SignedPriceFloor, SigningKey};
use codec::ClusterId;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::{MIB, Prices, Usage};
use crate::domain::money::transfer::TransferCode;
use crate::settlement::*;
use crate::staking::{Parameter, Pool};

const LENGTH: u64 = 1_209_600_000_000;

/// An epoch that can be changed before it is planned: one payer with one bucket of 1,000 MiB in RS-4-2, at three providers that
/// held 500 MiB each, without stake.
pub struct Story {
    pub inputs: EpochInputs,
}

pub fn an_epoch() -> Story {
    let zero = Frost::ZERO;
    let prices = Prices { storage: Frost(2_100), write: zero, requests_read: zero, requests_write: zero, egress: zero };
    let mut inputs = EpochInputs::empty(Epoch(40), Book::On, LENGTH, prices);
    let payer = LedgerAccount::Payer("a1".to_owned());
    inputs.payers.push(PayerFunds { account: payer.clone(), funds: Some(Frost(1 << 40)) });
    let usage = Usage { byte_micros: u128::from(1_500 * MIB) * u128::from(LENGTH), ..Usage::default() };
    inputs.buckets.push(BucketUsage { bucket: "b1".to_owned(), payer, usage });
    for name in ["north", "south", "west"] {
        inputs.providers.push(ProviderFacts {
            provider: name.to_owned(),
            standing: Standing::Active,
            age: 40,
            byte_micros: u128::from(500 * MIB) * u128::from(LENGTH),
            verdicts: Verdicts { passed: 100, ..Verdicts::default() },
            passed_own: 0,
            vetting: 0,
            commission_bp: 1_000,
            holdback: zero,
            half_returned: true,
            rebuilt_bytes: 0,
            trash_byte_micros: 0,
            owed: zero,
            pool: Pool::default(),
        });
    }
    Story { inputs }
}

/// The same with one of everything that can happen.
pub fn an_eventful_epoch() -> EpochInputs {
    let mut story = an_epoch();
    let name = || "north".to_owned();
    story.north().verdicts = Verdicts { passed: 95, missing: 2, wrong: 1, silent: 2, pending: 0 };
    story.north().pool = Pool { wal: Frost(1_050_000), shares: 1_000_000, rewards: Frost(50_000), positions: 1 };
    let (from_micros, until_micros) = (LENGTH / 4, LENGTH / 2);
    story.inputs.losses.push(Loss { provider: name(), sliver: "s1".to_owned(), from_micros, until_micros, bytes: MIB });
    story.inputs.evidence.push(Evidence { provider: name(), id: "e1".to_owned() });
    let (reserved, verdicts) = (Frost(1_000), Verdicts { passed: 50, pending: 1, ..Verdicts::default() });
    story.inputs.open_periods.push(OpenPeriod { provider: name(), epoch: Epoch(39), reserved, verdicts });
    story.inputs.stakes.push(stake("anna", 1_000_000, false, StakePhase::Leaving));
    story.inputs.stakes.push(stake("north", 0, true, StakePhase::Arriving));
    story.inputs.floors.push(floor("north", 7, 39, 2_500));
    story.inputs
}

/// A price floor that the node with this key signed.
pub fn floor(provider: &str, seed: u8, epoch: u64, storage: u64) -> FloorFacts {
    let floor = SignedPriceFloor::sign(ClusterId([5; 16]), &SigningKey::from_seed(&[seed; 32]), epoch, storage, 0);
    FloorFacts { provider: provider.to_owned(), floor }
}

const FEES: u64 = 3_150_000;
/// Of the fees, 3 % are burned and 5 % go to the repair fund.
const POT: u64 = FEES - 94_500 - 157_500;

impl Story {
    fn north(&mut self) -> &mut ProviderFacts {
        &mut self.inputs.providers[0]
    }

    fn plan(&self) -> Plan {
        plan(&self.inputs).unwrap()
    }

    fn paid(&self, code: TransferCode, to: &str) -> u64 {
        let plan = self.plan();
        let transfers = plan.transfers.iter().filter(|t| t.code == code && t.credit.to_string() == to);
        transfers.map(|transfer| transfer.amount.0).sum()
    }

    fn outcome(&self, epoch: u64) -> Outcome {
        let plan = self.plan();
        let period = plan.periods.iter().find(|period| period.provider == "north" && period.epoch == Epoch(epoch));
        period.unwrap().outcome
    }
}

#[test]
fn fees_are_burned_set_aside_and_earned() {
    let story = an_epoch();
    assert_eq!(story.paid(TransferCode::Storage, "escrow/40"), FEES);
    assert_eq!(story.paid(TransferCode::BurnShare, "burn"), 94_500);
    assert_eq!(story.paid(TransferCode::RepairShare, "repair-fund"), 157_500);
    assert_eq!(story.paid(TransferCode::Commission, "provider/north"), POT / 3);
    assert_eq!(story.paid(TransferCode::RepairWork, "provider/north"), 100, "an audit earns a FROST");
}

#[test]
fn the_plan_of_an_epoch_is_known() {
    let text = an_epoch().plan().to_string();
    let first = text.lines().nth(3).unwrap();
    assert_eq!(first, "transfer 7a290f7a33efd80115c20bb58f63b9e9 storage payer/a1 escrow/40 3150000 b1");
}

#[test]
fn who_is_below_its_floor_takes_nothing_new_and_is_paid_for_what_it_has() {
    let without = an_epoch().plan();
    let mut story = an_epoch();
    story.inputs.floors = vec![floor("north", 7, 39, 2_101), floor("south", 8, 40, 2_100)];
    let plan = story.plan();
    assert_eq!(plan.transfers, without.transfers, "a floor is no price for what was accepted at another");
    let text = plan.to_string();
    assert!(text.ends_with("floor north met no\nfloor south met yes\n"), "{text}");
}

#[test]
fn floors_that_are_not_those_of_the_epoch_are_refused() {
    let refused = |floors: Vec<FloorFacts>| {
        let mut story = an_epoch();
        story.inputs.floors = floors;
        assert!(plan(&story.inputs).is_err(), "{:?}", story.inputs.floors);
    };
    refused(vec![floor("north", 7, 41, 1)]);
    refused(vec![floor("north", 7, 0, 1)]);
    refused(vec![floor("nobody", 7, 40, 1)]);
    refused(vec![floor("north", 7, 40, u64::MAX)]);
    refused(vec![floor("north", 7, 40, 1), floor("north", 8, 40, 1)]);
    refused(vec![floor("north", 7, 40, 1), floor("south", 7, 40, 1)]);
    let mut other = floor("south", 8, 40, 1);
    other.floor = SignedPriceFloor::sign(ClusterId([6; 16]), &SigningKey::from_seed(&[8; 32]), 40, 1, 0);
    refused(vec![floor("north", 7, 40, 1), other]);
    let mut tracked = an_epoch();
    tracked.inputs.book = Book::Track;
    tracked.inputs.floors.push(floor("north", 7, 40, 1));
    assert!(plan(&tracked.inputs).is_err(), "nobody charges by it");
}

#[test]
fn a_rest_is_carried_to_the_next_epoch() {
    let mut story = an_epoch();
    story.inputs.remainder = Frost(4);
    assert_eq!(story.paid(TransferCode::Remainder, "escrow/40"), 4);
    assert_eq!(story.paid(TransferCode::Commission, "provider/north"), POT / 3 + 1);
    assert_eq!(story.paid(TransferCode::Remainder, "remainder"), 1);
}

#[test]
fn stakers_have_what_the_commission_leaves() {
    let mut story = an_epoch();
    story.north().pool = Pool { wal: Frost(500), shares: 500, rewards: Frost::ZERO, positions: 1 };
    assert_eq!(story.paid(TransferCode::Commission, "provider/north"), POT / 3 / 10);
    assert_eq!(story.paid(TransferCode::Reward, "pool/north"), POT / 3 - POT / 3 / 10);
}

#[test]
fn what_was_lost_is_not_paid_until_another_holds_it() {
    let mut story = an_epoch();
    story.north().byte_micros -= u128::from(100 * MIB) * u128::from(LENGTH / 2);
    story.inputs.providers[1].byte_micros += u128::from(100 * MIB) * u128::from(LENGTH / 2);
    let (from_micros, until_micros) = (LENGTH / 4, LENGTH / 2);
    let (provider, sliver) = ("north".to_owned(), "s1".to_owned());
    story.inputs.losses.push(Loss { provider, sliver, from_micros, until_micros, bytes: 100 * MIB });
    story.inputs.providers[1].rebuilt_bytes = 100 * MIB;
    let commission = |name: &str| story.paid(TransferCode::Commission, &format!("provider/{name}"));
    assert_eq!(commission("north"), POT * 425 / 1_500, "half of the epoch with 500 MiB and a quarter each with 400");
    assert_eq!(commission("south"), POT * 550 / 1_500, "the one that holds it now");
    assert_eq!(story.paid(TransferCode::RepairShare, "repair-fund"), 157_500 + POT * 25 / 1_500, "nobody held it");
    assert_eq!(story.paid(TransferCode::RepairWork, "provider/south"), (157_500 + 48_300) * 210_100 / 210_300);
}

#[test]
fn an_empty_fund_owes_and_a_later_one_pays() {
    let mut story = an_epoch();
    story.inputs.parameters = story.inputs.parameters.with(Parameter::RepairShareBp, 0).unwrap();
    story.north().rebuilt_bytes = MIB;
    assert_eq!(story.paid(TransferCode::RepairWork, "provider/north"), 0);
    assert_eq!(story.plan().providers[0].owed, Frost(2_200));
    story.north().owed = Frost(50_000);
    story.inputs.repair_fund = Frost(200_000);
    assert_eq!(story.paid(TransferCode::RepairWork, "provider/north"), 52_200);
    assert_eq!(story.plan().providers[0].owed, Frost::ZERO);
}

#[test]
fn a_full_fund_takes_no_share() {
    let mut story = an_epoch();
    story.inputs.repair_fund = Frost(FEES * 5 + 1);
    assert_eq!(story.paid(TransferCode::RepairShare, "repair-fund"), 0);
}

#[test]
fn a_period_waits_is_decided_later_and_ends_in_time() {
    let mut story = an_epoch();
    story.north().verdicts.pending = 3;
    assert_eq!(story.outcome(40), Outcome::Open { reserved: Frost(POT / 3) });
    assert_eq!(story.paid(TransferCode::Commission, "provider/north"), 0);

    let mut story = an_epoch();
    let verdicts = Verdicts { passed: 97, missing: 3, ..Verdicts::default() };
    let (provider, reserved) = ("north".to_owned(), Frost(1_000));
    story.inputs.open_periods.push(OpenPeriod { provider, epoch: Epoch(39), reserved, verdicts });
    assert_eq!(story.outcome(39), Outcome::Proven { paid: Frost(970) });
    assert_eq!(story.paid(TransferCode::RepairShare, "repair-fund"), 157_500 + 30);

    story.inputs.open_periods[0].verdicts.pending = 1;
    assert_eq!(story.outcome(39), Outcome::Open { reserved });
    story.inputs.open_periods[0].epoch = Epoch(38);
    assert_eq!(story.outcome(38), Outcome::Faulted(Fault::Expired));
    story.inputs.caught_up = true;
    assert_eq!(story.outcome(38), Outcome::Open { reserved }, "nobody could ask");
}

#[test]
fn without_audits_nobody_is_penalised() {
    let mut story = an_epoch();
    story.north().verdicts = Verdicts { silent: 100, ..Verdicts::default() };
    assert_eq!(story.outcome(40), Outcome::Faulted(Fault::Silent));
    assert!(story.plan().providers[0].suspend);
    story.inputs.caught_up = true;
    assert_eq!(story.outcome(40), Outcome::Proven { paid: Frost(POT / 3) });
    assert!(!story.plan().providers[0].suspend);
}

#[test]
fn a_fault_of_one_is_no_gain_of_another() {
    let mut story = an_epoch();
    story.north().verdicts.missing = 50;
    assert_eq!(story.outcome(40), Outcome::Faulted(Fault::Missing));
    assert_eq!(story.paid(TransferCode::Commission, "provider/south"), POT / 3);
    assert_eq!(story.paid(TransferCode::RepairShare, "repair-fund"), 157_500 + POT / 3);
}

#[test]
fn buckets_of_its_own_teach_nothing_about_a_provider() {
    let mut story = an_epoch();
    story.north().passed_own = 100;
    let plan = story.plan();
    assert_eq!((plan.providers[0].vetting, plan.providers[0].vetted), (0, false));
    assert_eq!((plan.providers[1].vetting, plan.providers[1].vetted), (100, true));
}

#[test]
fn a_new_provider_leaves_a_surety_that_a_graceful_exit_returns() {
    let mut story = an_epoch();
    let held = |story: &Story| story.paid(TransferCode::Holdback, "holdback/north");
    for (age, part) in [(1, 75), (6, 75), (7, 50), (13, 25), (19, 0)] {
        story.north().age = age;
        assert_eq!(held(&story), POT / 3 * part / 100, "age {age}");
    }
    story.north().age = 1;
    story.north().holdback = Frost(500 * 2_100 * 3 - 1_000);
    assert_eq!(held(&story), 1_000, "no more than rebuilding all of its data costs three times");

    story.north().standing = Standing::Left;
    let (all, kept) = (story.north().holdback.0, story.paid(TransferCode::HoldbackReturn, "provider/north"));
    assert_eq!(kept, all);
    story.north().verdicts.pending = 1;
    assert_eq!(story.paid(TransferCode::HoldbackReturn, "provider/north"), 0, "a period is open");
    story.north().standing = Standing::Disqualified;
    assert_eq!(story.paid(TransferCode::Slash, "repair-fund"), all, "forfeited");
}

#[test]
fn half_of_the_surety_returns_with_age() {
    let mut story = an_epoch();
    story.north().holdback = Frost(1_001);
    story.north().half_returned = false;
    assert_eq!(story.paid(TransferCode::HoldbackReturn, "provider/north"), 500);
    assert!(story.plan().providers[0].half_returned);
    story.north().age = 31;
    assert_eq!(story.paid(TransferCode::HoldbackReturn, "provider/north"), 0);
}

fn stake(name: &str, shares: u128, own: bool, phase: StakePhase) -> StakeFacts {
    let (stake, staker, principal) = (format!("stake-{name}"), name.to_owned(), Frost(1_000_000));
    StakeFacts { stake, staker, provider: "north".to_owned(), principal, shares, own, phase }
}

#[test]
fn a_proven_lie_costs_holdback_then_own_stake_then_that_of_others() {
    let mut story = an_epoch();
    story.north().verdicts.wrong = 10;
    story.north().pool = Pool { wal: Frost(10_100_000), shares: 10_100_000, rewards: Frost::ZERO, positions: 2 };
    story.north().holdback = Frost(300_000);
    story.inputs.stakes.push(stake("north", 100_000, true, StakePhase::Active));
    story.inputs.stakes.push(stake("anna", 1_000_000, false, StakePhase::Leaving));
    for number in 0..10 {
        story.inputs.evidence.push(Evidence { provider: "north".to_owned(), id: format!("e{number}") });
    }
    let plan = story.plan();
    // A tenth of 10.4 million at most, however many lies.
    let slashed = |cause: &str| -> u64 {
        let of =
            |t: &&crate::domain::money::transfer::Transfer| t.code == TransferCode::Slash && t.cause.starts_with(cause);
        plan.transfers.iter().filter(of).map(|transfer| transfer.amount.0).sum()
    };
    assert_eq!((slashed("e0 and 9 more"), slashed("own e0"), slashed("delegated e0")), (300_000, 100_000, 640_000));
    assert_eq!(story.paid(TransferCode::Slash, "burn"), 520_000, "half of it");
    assert_eq!(story.paid(TransferCode::Unstake, "staker/anna"), 936_000, "6.4 % of the others' stake");
    assert_eq!(plan.stakes.iter().find(|s| s.stake == "stake-north").unwrap().outcome, StakeOutcome::Active(0));
    assert_eq!(story.outcome(40), Outcome::Faulted(Fault::Wrong));
}

#[test]
fn a_withdrawal_waits_for_open_periods() {
    let mut story = an_epoch();
    story.north().pool = Pool { wal: Frost(1_000_000), shares: 1_000_000, rewards: Frost::ZERO, positions: 1 };
    story.inputs.stakes.push(stake("anna", 1_000_000, false, StakePhase::Leaving));
    story.north().verdicts.pending = 1;
    assert_eq!(story.paid(TransferCode::Unstake, "staker/anna"), 0);
    assert_eq!(story.plan().stakes[0].outcome, StakeOutcome::Waits(1_000_000));
    story.north().verdicts.pending = 0;
    let reward = POT / 3 - POT / 3 / 10;
    assert_eq!(story.paid(TransferCode::Unstake, "staker/anna"), 1_000_000 + reward, "with the reward of the epoch");
}

#[test]
fn who_cannot_pay_is_named() {
    let mut story = an_epoch();
    story.inputs.payers[0].funds = Some(Frost(1_000_000));
    assert_eq!(story.paid(TransferCode::Storage, "escrow/40"), 1_000_000);
    assert_eq!(story.plan().unpaid, [Unpaid { bucket: "b1".to_owned(), amount: Frost(FEES - 1_000_000) }]);
    story.inputs.payers[0].funds = None;
    assert!(story.plan().unpaid.is_empty());
}

#[test]
fn contradictions_are_refused_with_a_reason() {
    let refused = |change: fn(&mut EpochInputs)| {
        let mut story = an_epoch();
        change(&mut story.inputs);
        plan(&story.inputs).unwrap_err().0
    };
    assert!(refused(|inputs| inputs.providers[1] = inputs.providers[0].clone()).contains("north is there twice"));
    assert!(refused(|inputs| inputs.length_micros = 0).contains("length"));
    assert!(refused(|inputs| inputs.prices.storage = Frost(u64::MAX)).contains("more money"));
    assert!(refused(|inputs| inputs.providers[0].passed_own = 101).contains("north are out of range"));
    assert!(refused(|inputs| inputs.providers[0].provider = "no name".to_owned()).contains("is no name"));
    assert!(
        refused(|inputs| {
            inputs.caught_up = true;
            inputs.evidence.push(Evidence { provider: "north".to_owned(), id: "e".to_owned() });
        })
        .contains("carries no evidence")
    );
    assert!(
        refused(|inputs| inputs.stakes.push(stake("anna", 1, false, StakePhase::Leaving))).contains("fewer shares")
    );
}
