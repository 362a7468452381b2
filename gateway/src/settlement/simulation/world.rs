//! Who takes part in a simulated year: buckets, their payers, providers of several kinds, and stakers.

use crate::domain::money::account::LedgerAccount;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::Prices;
use crate::settlement::inputs::{OpenPeriod, Standing};
use crate::staking::{Parameters, Pool};

use super::bank::Bank;
use super::dice::Dice;

/// The length of a simulated epoch: 14 days.
pub const LENGTH_MICROS: u64 = 14 * 86_400_000_000;
/// How many make a year.
pub const YEAR_EPOCHS: u64 = 26;

pub(super) const GIB: u64 = 1 << 30;
const PAYERS: u64 = 20;
const BUCKETS: u64 = 100;
const STAKERS: u64 = 200;
const OWN_STAKE: Frost = Frost(10 * Frost::PER_WAL);

/// How a provider behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// It keeps what it should.
    Honest,
    /// From the fifth epoch on it drops a part of what it should keep, and is silent now and then.
    Lazy,
    /// From the fifth epoch on it drops a part and answers wrongly about it.
    Lying,
    /// It is honest and hands its slivers over at some time.
    Leaving,
}

impl Behaviour {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Honest, Self::Lazy, Self::Lying, Self::Leaving];

    /// Its name in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Lazy => "lazy",
            Self::Lying => "lying",
            Self::Leaving => "leaving",
        }
    }
}

/// A provider of the simulation.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// Whether it takes part.
    pub standing: Standing,
    /// What it really keeps of what is placed with it, in percent.
    pub kept_percent: u64,
    /// What it was paid for its periods over the year, pool included.
    pub paid: Frost,
    pub(super) leaves: u64,
    pub(super) age: u64,
    pub(super) capacity: u64,
    pub(super) commission_bp: u64,
    pub(super) vetting: u64,
    pub(super) vetted: bool,
    pub(super) half_returned: bool,
    pub(super) owed: Frost,
    pub(super) pool: Pool,
    pub(super) proven_lies: u64,
}

/// A position in a pool.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub id: String,
    pub staker: String,
    pub provider: usize,
    pub principal: Frost,
    pub shares: u128,
    pub own: bool,
    pub arriving: bool,
    pub leaving: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub id: String,
    pub payer: LedgerAccount,
    pub bytes: u64,
}

/// A simulated network.
#[derive(Clone, Debug)]
pub struct World {
    /// Where the money is.
    pub bank: Bank,
    /// Who holds the data.
    pub providers: Vec<Provider>,
    pub(super) dice: Dice,
    pub(super) epoch: Epoch,
    pub(super) prices: Prices,
    pub(super) parameters: Parameters,
    pub(super) buckets: Vec<Bucket>,
    pub(super) positions: Vec<Position>,
    pub(super) positions_made: u64,
    pub(super) open_periods: Vec<OpenPeriod>,
}

impl World {
    /// A network of 20 providers (13 honest, 3 lazy, 2 lying, 2 leaving), 100 buckets of 20 payers, and 200 stakers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let providers = (0..20).map(|number| provider(number, &mut dice)).collect();
        let mut world = Self {
            bank: Bank::default(),
            providers,
            epoch: Epoch(1),
            prices: Prices {
                storage: Frost(2_100),
                write: Frost(500),
                requests_read: Frost::ZERO,
                requests_write: Frost::ZERO,
                egress: Frost::ZERO,
            },
            parameters: Parameters::default(),
            buckets: Vec::new(),
            positions: Vec::new(),
            positions_made: 0,
            open_periods: Vec::new(),
            dice,
        };
        for number in 0..PAYERS {
            // Two of them will run out of funds.
            let funds = if number < 2 { 20 } else { 10_000 };
            world.pay_in(LedgerAccount::Payer(format!("payer-{number:02}")), Frost(funds * Frost::PER_WAL));
        }
        for number in 0..BUCKETS {
            let payer = LedgerAccount::Payer(format!("payer-{:02}", number % PAYERS));
            let bytes = world.dice.between(50, 2_000) * GIB;
            world.buckets.push(Bucket { id: format!("bucket-{number:03}"), payer, bytes });
        }
        for provider in 0..world.providers.len() {
            let owner = world.providers[provider].name.clone();
            world.pay_in(LedgerAccount::Staker(owner.clone()), OWN_STAKE);
            world.stake(&owner, provider, OWN_STAKE, true);
        }
        for number in 0..STAKERS {
            let staker = format!("staker-{number:03}");
            let amount = Frost(world.dice.between(1, 20) * Frost::PER_WAL);
            world.pay_in(LedgerAccount::Staker(staker.clone()), amount);
            let provider = world.a_provider();
            world.stake(&staker, provider, amount, false);
        }
        world
    }

    fn pay_in(&mut self, account: LedgerAccount, amount: Frost) {
        self.bank.shift(LedgerAccount::Outside, account, amount);
    }

    pub(super) fn a_provider(&mut self) -> usize {
        usize::try_from(self.dice.below(self.providers.len() as u64)).unwrap_or(0)
    }

    /// Stakes: active from the next epoch on.
    pub(super) fn stake(&mut self, staker: &str, provider: usize, principal: Frost, own: bool) {
        let pool = LedgerAccount::Pool(self.providers[provider].name.clone());
        self.bank.shift(LedgerAccount::Staker(staker.to_owned()), pool, principal);
        self.positions_made += 1;
        self.positions.push(Position {
            id: format!("stake-{:05}", self.positions_made),
            staker: staker.to_owned(),
            provider,
            principal,
            shares: 0,
            own,
            arriving: true,
            leaving: false,
        });
    }

    /// What the provider has gained since the beginning: its account, its holdback, and its own stake at today's rate. What its
    /// own stake was is taken off.
    #[must_use]
    pub fn gain(&self, provider: &Provider) -> i128 {
        let accounts = [
            LedgerAccount::Provider(provider.name.clone()),
            LedgerAccount::Holdback(provider.name.clone()),
            LedgerAccount::Staker(provider.name.clone()),
        ];
        let kept: i128 = accounts.iter().map(|account| self.bank.balance(account)).sum();
        let own = self.positions.iter().filter(|position| position.own && position.staker == provider.name);
        let staked: i128 = own
            .map(|position| {
                let worth =
                    if position.arriving { position.principal } else { provider.pool.rate().worth_of(position.shares) };
                i128::from(worth.0)
            })
            .sum();
        kept + staked - i128::from(OWN_STAKE.0)
    }
}

fn provider(number: u64, dice: &mut Dice) -> Provider {
    let behaviour = match number {
        0..=12 => Behaviour::Honest,
        13..=15 => Behaviour::Lazy,
        16..=17 => Behaviour::Lying,
        _ => Behaviour::Leaving,
    };
    Provider {
        name: format!("{}-{number:02}", behaviour.as_str()),
        behaviour,
        standing: Standing::Active,
        kept_percent: 100,
        paid: Frost::ZERO,
        leaves: if number == 18 { 10 } else { 18 },
        age: 0,
        capacity: dice.between(20, 60) * 1024 * GIB,
        commission_bp: dice.between(10, 40) * 100,
        vetting: 0,
        vetted: false,
        half_returned: false,
        owed: Frost::ZERO,
        pool: Pool::default(),
        proven_lies: 0,
    }
}
