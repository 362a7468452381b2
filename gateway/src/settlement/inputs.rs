//! Everything that the settlement of an epoch depends on. Published under its hash, so that anyone can plan the epoch from it.

use backends::node::protocol::SignedPriceFloor;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::{Prices, Usage};
use crate::staking::{Parameters, Pool, PriceFloor};

/// The facts of one epoch, in any order. Payers and buckets go under salted names; times are microseconds from the beginning
/// of the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochInputs {
    /// The epoch that has ended.
    pub epoch: Epoch,
    /// The ledger that it is settled in.
    pub book: Book,
    /// How long it was, in microseconds.
    pub length_micros: u64,
    /// Whether it is settled after a downtime that reached over its whole length: then nobody is penalised.
    pub caught_up: bool,
    /// Its prices.
    pub prices: Prices,
    /// Its parameters.
    pub parameters: Parameters,
    /// What the repair fund has.
    pub repair_fund: Frost,
    /// What earlier epochs left.
    pub remainder: Frost,
    /// Who pays.
    pub payers: Vec<PayerFunds>,
    /// What each bucket used.
    pub buckets: Vec<BucketUsage>,
    /// Who held the data.
    pub providers: Vec<ProviderFacts>,
    /// What was lost before its repair.
    pub losses: Vec<Loss>,
    /// Wrong answers that are proven. In a caught-up epoch there are none: they wait for the next.
    pub evidence: Vec<Evidence>,
    /// Periods of earlier epochs that are still open, with all that is known of them by now.
    pub open_periods: Vec<OpenPeriod>,
    /// Stake that comes or goes at the end of the epoch, and all active stake of providers in their own pools.
    pub stakes: Vec<StakeFacts>,
    /// Price floors that were in force in the epoch, as the providers' nodes signed them.
    pub floors: Vec<FloorFacts>,
}

/// An account that pays for buckets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PayerFunds {
    /// `payer/...` or `bucket/...`.
    pub account: LedgerAccount,
    /// What it has, with what is reserved for this epoch; nothing if it has no limit.
    pub funds: Option<Frost>,
}

/// What one bucket used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUsage {
    /// The salted id of the bucket.
    pub bucket: String,
    /// Who pays for it.
    pub payer: LedgerAccount,
    /// How much it used.
    pub usage: Usage,
}

/// Whether a provider takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It holds slivers and takes new ones.
    Active,
    /// It holds slivers and takes no new ones until it answers.
    Suspended,
    /// It is handing its slivers over.
    Leaving,
    /// It has handed over all its slivers.
    Left,
    /// It is excluded and earns nothing.
    Disqualified,
}

/// How many audits of one period came to which verdict. Audits that the challenger spoiled are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// It proved that it holds what was asked for.
    pub passed: u64,
    /// It answered that it hasn't got it.
    pub missing: u64,
    /// It answered wrongly.
    pub wrong: u64,
    /// It didn't answer, or refused.
    pub silent: u64,
    /// Still to be asked once more.
    pub pending: u64,
}

impl Verdicts {
    /// All audits.
    #[must_use]
    pub const fn asked(&self) -> u64 {
        let answered = self.passed.saturating_add(self.missing).saturating_add(self.wrong);
        answered.saturating_add(self.silent).saturating_add(self.pending)
    }
}

/// What a provider did, and what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderFacts {
    /// Its name.
    pub provider: String,
    /// Whether it takes part.
    pub standing: Standing,
    /// Which epoch of its life this is, from 1.
    pub age: u64,
    /// Encoded bytes placed with it, times the microseconds for which they were. A sliver is placed with one provider at a time.
    pub byte_micros: u128,
    /// Its audits in this epoch.
    pub verdicts: Verdicts,
    /// How many of those that passed were about buckets of its own.
    pub passed_own: u64,
    /// Audits that counted for its vetting before.
    pub vetting: u64,
    /// What it keeps of its rewards, in hundredths of a percent.
    pub commission_bp: u64,
    /// What is held back of its earnings.
    pub holdback: Frost,
    /// Whether half of that was returned already.
    pub half_returned: bool,
    /// Encoded bytes that it rebuilt for others.
    pub rebuilt_bytes: u64,
    /// Encoded bytes of deleted data that it kept as trash, times microseconds.
    pub trash_byte_micros: u128,
    /// What the repair fund owes it from before.
    pub owed: Frost,
    /// Its pool during the epoch.
    pub pool: Pool,
}

/// Encoded bytes that a provider had lost while they were still placed with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// Who lost them.
    pub provider: String,
    /// The salted id of the sliver.
    pub sliver: String,
    /// When that was found.
    pub from_micros: u64,
    /// When another took over, or the end of the epoch.
    pub until_micros: u64,
    /// How many they are.
    pub bytes: u64,
}

impl Loss {
    /// The byte-time that isn't paid for. Zero if it ends before it begins.
    #[must_use]
    pub fn byte_micros(&self) -> u128 {
        u128::from(self.bytes) * u128::from(self.until_micros.saturating_sub(self.from_micros))
    }
}

/// A wrong answer under the provider's signature.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// Whose.
    pub provider: String,
    /// The id of what proves it. It belongs to the inputs of one epoch only.
    pub id: String,
}

/// A period that could not be judged at the end of its epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPeriod {
    /// Whose.
    pub provider: String,
    /// Of which epoch.
    pub epoch: Epoch,
    /// What that epoch's escrow keeps for it.
    pub reserved: Frost,
    /// Its audits, as far as they are decided by now.
    pub verdicts: Verdicts,
}

/// What a position does at the end of the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StakePhase {
    /// It becomes active.
    Arriving,
    /// It is active and stays.
    Active,
    /// It is active and leaves.
    Leaving,
}

/// A position in a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakeFacts {
    /// The id of the position.
    pub stake: String,
    /// Whose it is.
    pub staker: String,
    /// In whose pool it is.
    pub provider: String,
    /// What was staked.
    pub principal: Frost,
    /// Its shares; none while it is arriving.
    pub shares: u128,
    /// Whether it is the provider's own.
    pub own: bool,
    /// What it does.
    pub phase: StakePhase,
}

/// The price floor of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloorFacts {
    /// Whose.
    pub provider: String,
    /// What its node signed.
    pub floor: SignedPriceFloor,
}

impl FloorFacts {
    /// Whether the provider takes new slivers at these prices.
    #[must_use]
    pub fn is_met(&self, prices: &Prices) -> bool {
        PriceFloor::from(self.floor).accepts(prices)
    }
}

impl EpochInputs {
    /// An epoch in which nothing happened.
    #[must_use]
    pub fn empty(epoch: Epoch, book: Book, length_micros: u64, prices: Prices) -> Self {
        Self {
            epoch,
            book,
            length_micros,
            caught_up: false,
            prices,
            parameters: Parameters::default(),
            repair_fund: Frost::ZERO,
            remainder: Frost::ZERO,
            payers: Vec::new(),
            buckets: Vec::new(),
            providers: Vec::new(),
            losses: Vec::new(),
            evidence: Vec::new(),
            open_periods: Vec::new(),
            stakes: Vec::new(),
            floors: Vec::new(),
        }
    }

    /// The same in the order in which it is published and planned.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.payers.sort_unstable();
        self.buckets.sort_unstable_by(|a, b| a.bucket.cmp(&b.bucket));
        self.providers.sort_unstable_by(|a, b| a.provider.cmp(&b.provider));
        self.losses.sort_unstable();
        self.evidence.sort_unstable();
        self.open_periods.sort_unstable_by(|a, b| (&a.provider, a.epoch).cmp(&(&b.provider, b.epoch)));
        self.stakes.sort_unstable_by(|a, b| a.stake.cmp(&b.stake));
        self.floors.sort_unstable_by(|a, b| a.provider.cmp(&b.provider));
        self
    }

    /// Whether anyone was audited.
    #[must_use]
    pub fn is_audited(&self) -> bool {
        self.providers.iter().any(|facts| facts.verdicts.asked() > 0)
    }
}
