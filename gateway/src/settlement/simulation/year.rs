//! One epoch of a simulated network after another: what happens in it, its settlement, and what must hold after it.

use std::collections::BTreeMap;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::Usage;
use crate::settlement::inputs::{
    BucketUsage, EpochInputs, Evidence, Loss, OpenPeriod, PayerFunds, ProviderFacts, StakeFacts, StakePhase, Standing,
    Verdicts,
};
use crate::settlement::periods::Outcome;
use crate::settlement::plan::{Plan, plan};
use crate::settlement::stake_turn::StakeOutcome;
use crate::staking::{Candidacy, share_up, weights};

use super::world::{Behaviour, GIB, LENGTH_MICROS, Provider, World};

/// The epoch from which the lazy are lazy and the lying lie.
pub const DISHONEST_FROM: u64 = 5;

const AUDITS: u64 = 200;
/// The epoch in which nothing could be audited, as after a long downtime.
const CAUGHT_UP: u64 = 13;
const HOUR_MICROS: u64 = 3_600_000_000;

/// An epoch that is over.
#[derive(Clone, Debug)]
pub struct Settled {
    /// What it was settled by.
    pub inputs: EpochInputs,
    /// Its settlement.
    pub plan: Plan,
    /// The accounts that fell below zero: none.
    pub overdrawn: Vec<LedgerAccount>,
}

impl World {
    /// Lets one epoch pass and settles it.
    ///
    /// # Errors
    /// The text of [`crate::settlement::InputsError`]: the simulation itself is wrong.
    pub fn pass_epoch(&mut self) -> Result<Settled, String> {
        self.behave();
        let inputs = self.inputs();
        let plan = plan(&inputs).map_err(|error| error.to_string())?;
        let overdrawn = self.bank.apply(&plan.transfers);
        self.follow(&inputs, &plan);
        self.epoch = self.epoch.next();
        Ok(Settled { inputs, plan, overdrawn })
    }

    fn behave(&mut self) {
        let epoch = self.epoch.0;
        for provider in &mut self.providers {
            provider.age += 1;
            match provider.behaviour {
                Behaviour::Lazy if epoch >= DISHONEST_FROM => provider.kept_percent = self.dice.between(60, 98),
                Behaviour::Lying if epoch >= DISHONEST_FROM => provider.kept_percent = self.dice.between(50, 90),
                Behaviour::Leaving if epoch == provider.leaves => provider.standing = Standing::Leaving,
                Behaviour::Leaving if epoch == provider.leaves + 1 => provider.standing = Standing::Left,
                _ => {}
            }
            if provider.proven_lies > 60 {
                provider.standing = Standing::Disqualified;
            }
        }
        for bucket in &mut self.buckets {
            let change = self.dice.between(90, 118);
            bucket.bytes = (bucket.bytes / 100 * change).max(GIB);
        }
        for at in 0..self.positions.len() {
            let (of, own, arriving) = {
                let position = &self.positions[at];
                (&self.providers[position.provider], position.own, position.arriving)
            };
            let goes = if own {
                of.standing == Standing::Left
            } else {
                of.kept_percent < 100 || of.standing != Standing::Active
            };
            let often = if own { 100 } else { 30 };
            if !arriving && ((goes && self.dice.percent(often)) || (!own && self.dice.percent(2))) {
                self.positions[at].leaving = true;
            }
        }
    }

    /// Bytes placed with each provider: by weight. What was placed with those who take nothing any more stays elsewhere.
    fn placement(&self, total: u128) -> Vec<u128> {
        let candidates: BTreeMap<String, Candidacy> = self
            .providers
            .iter()
            .map(|provider| {
                let takes = matches!(provider.standing, Standing::Active | Standing::Suspended | Standing::Leaving);
                let (stake, capacity) = (provider.pool.wal.0, provider.capacity);
                (provider.name.clone(), Candidacy { stake, capacity, vetted: provider.vetted, takes })
            })
            .collect();
        let weights = weights(&candidates, &self.parameters);
        let sum: u128 = weights.values().map(|weight| u128::from(*weight)).sum();
        let weight = |provider: &Provider| u128::from(weights.get(&provider.name).copied().unwrap_or(0));
        self.providers.iter().map(|provider| total * weight(provider) / sum.max(1)).collect()
    }

    fn inputs(&mut self) -> EpochInputs {
        let mut inputs = EpochInputs::empty(self.epoch, Book::On, LENGTH_MICROS, self.prices);
        inputs.caught_up = self.epoch.0 == CAUGHT_UP;
        inputs.parameters = self.parameters;
        inputs.repair_fund = self.bank.funds(&LedgerAccount::RepairFund);
        inputs.remainder = self.bank.funds(&LedgerAccount::Remainder);
        let mut payers: Vec<_> = self.buckets.iter().map(|bucket| bucket.payer.clone()).collect();
        payers.sort_unstable();
        payers.dedup();
        let funds = |account| PayerFunds { funds: Some(self.bank.funds(&account)), account };
        inputs.payers = payers.into_iter().map(funds).collect();
        let mut total = 0;
        for bucket in &self.buckets {
            // Kept for nine to ten tenths of the epoch.
            let kept = u128::from(bucket.bytes) * u128::from(LENGTH_MICROS / 100 * self.dice.between(90, 100));
            total += kept;
            let usage = Usage { byte_micros: kept, written_bytes: bucket.bytes / 50, ..Usage::default() };
            inputs.buckets.push(BucketUsage { bucket: bucket.id.clone(), payer: bucket.payer.clone(), usage });
        }
        for (at, placed) in self.placement(total).into_iter().enumerate() {
            self.audit(at, placed, &mut inputs);
        }
        inputs.open_periods = self.open_periods.clone();
        for period in &mut inputs.open_periods {
            // What waited has been asked by now.
            period.verdicts.passed += std::mem::take(&mut period.verdicts.pending);
        }
        inputs.stakes = self.stakes();
        inputs
    }

    /// What audits find: they meet what is lost in proportion, rounded up.
    fn audit(&mut self, at: usize, placed: u128, inputs: &mut EpochInputs) {
        let is_asked = placed > 0 && !inputs.caught_up;
        let asked = if is_asked { AUDITS } else { 0 };
        let provider = &mut self.providers[at];
        let mut verdicts =
            Verdicts { missing: (asked * (100 - provider.kept_percent)).div_ceil(100), ..Verdicts::default() };
        let left = asked - verdicts.missing;
        if provider.behaviour == Behaviour::Lying {
            verdicts.wrong = verdicts.missing / 2;
            verdicts.missing -= verdicts.wrong;
            provider.proven_lies += verdicts.wrong;
        }
        if provider.behaviour == Behaviour::Lazy && is_asked && self.dice.percent(20) {
            verdicts.silent = left * self.dice.between(10, 90) / 100;
        }
        if is_asked && self.dice.percent(3) {
            verdicts.pending = 1;
        }
        verdicts.passed =
            (asked - verdicts.missing - verdicts.wrong - verdicts.silent).saturating_sub(verdicts.pending);
        let name = provider.name.clone();
        for number in 0..verdicts.wrong {
            let id = format!("{name}-{}-{number}", self.epoch);
            inputs.evidence.push(Evidence { provider: name.clone(), id });
        }
        let mut rebuilt_bytes = 0;
        for number in 0..verdicts.missing + verdicts.wrong {
            let from_micros = self.dice.below(LENGTH_MICROS - HOUR_MICROS);
            let until_micros = from_micros + 1 + self.dice.below(HOUR_MICROS);
            let loss = Loss {
                provider: name.clone(),
                sliver: format!("{name}-{number}"),
                from_micros,
                until_micros,
                bytes: GIB,
            };
            if loss.byte_micros() < placed / 1_000 {
                inputs.losses.push(loss);
                rebuilt_bytes += GIB;
            }
        }
        // The next honest one rebuilds it.
        let rebuilder = inputs.providers.first_mut().filter(|_| rebuilt_bytes > 0);
        if let Some(facts) = rebuilder {
            facts.rebuilt_bytes += rebuilt_bytes;
        }
        let provider = &self.providers[at];
        inputs.providers.push(ProviderFacts {
            holdback: self.bank.funds(&LedgerAccount::Holdback(name.clone())),
            provider: name,
            standing: provider.standing,
            age: provider.age,
            byte_micros: placed,
            passed_own: verdicts.passed / 20,
            verdicts,
            vetting: provider.vetting,
            commission_bp: provider.commission_bp,
            half_returned: provider.half_returned,
            rebuilt_bytes: 0,
            trash_byte_micros: placed / 200,
            owed: provider.owed,
            pool: provider.pool,
        });
    }

    fn stakes(&self) -> Vec<StakeFacts> {
        let facts = self.positions.iter().map(|position| StakeFacts {
            stake: position.id.clone(),
            staker: position.staker.clone(),
            provider: self.providers[position.provider].name.clone(),
            principal: position.principal,
            shares: position.shares,
            own: position.own,
            phase: match (position.arriving, position.leaving) {
                (true, _) => StakePhase::Arriving,
                (false, true) => StakePhase::Leaving,
                (false, false) => StakePhase::Active,
            },
        });
        facts.filter(|stake| stake.own || stake.phase != StakePhase::Active).collect()
    }

    /// Takes over what the plan changes; stake that was paid back looks for another provider.
    fn follow(&mut self, inputs: &EpochInputs, plan: &Plan) {
        for provider in &mut self.providers {
            let change = plan.providers.iter().find(|change| change.provider == provider.name);
            if let Some(change) = change {
                (provider.vetting, provider.vetted) = (change.vetting, change.vetted);
                (provider.half_returned, provider.owed) = (change.half_returned, change.owed);
            }
            provider.pool =
                plan.pools.iter().find(|pool| pool.provider == provider.name).map_or(provider.pool, |c| c.pool);
        }
        self.open_periods.clear();
        for period in &plan.periods {
            match period.outcome {
                Outcome::Proven { paid } => {
                    let provider = self.providers.iter_mut().find(|provider| provider.name == period.provider);
                    if let Some(provider) = provider {
                        provider.paid = [provider.paid, paid].into_iter().sum();
                    }
                }
                Outcome::Faulted(_) => {}
                Outcome::Open { reserved } => {
                    let verdicts = verdicts_of(inputs, &period.provider, period.epoch);
                    let (provider, epoch) = (period.provider.clone(), period.epoch);
                    self.open_periods.push(OpenPeriod { provider, epoch, reserved, verdicts });
                }
            }
        }
        let mut free = Vec::new();
        for change in &plan.stakes {
            let Some(at) = self.positions.iter().position(|position| position.id == change.stake) else { continue };
            match change.outcome {
                StakeOutcome::Active(shares) | StakeOutcome::Waits(shares) => {
                    self.positions[at].shares = shares;
                    self.positions[at].arriving = false;
                }
                StakeOutcome::Paid(amount) => {
                    let position = self.positions.remove(at);
                    if !position.own && !amount.is_zero() {
                        free.push((position.staker, amount));
                    }
                }
            }
        }
        for (staker, amount) in free {
            let provider = self.a_provider();
            if self.providers[provider].standing == Standing::Active && self.providers[provider].kept_percent == 100 {
                self.stake(&staker, provider, amount, false);
            }
        }
    }
}

fn verdicts_of(inputs: &EpochInputs, provider: &str, epoch: Epoch) -> Verdicts {
    if epoch == inputs.epoch {
        let facts = inputs.providers.iter().find(|facts| facts.provider == provider);
        return facts.map_or(Verdicts::default(), |facts| facts.verdicts);
    }
    let open = inputs.open_periods.iter().find(|open| open.provider == provider && open.epoch == epoch);
    open.map_or(Verdicts::default(), |open| open.verdicts)
}

/// What a provider may have been paid at most for what it really held: its true part of what was placed, of all that was
/// collected or carried over.
#[must_use]
pub fn most_for(settled: &Settled, provider: &Provider) -> Frost {
    let collected: Frost = settled
        .plan
        .transfers
        .iter()
        .filter(|transfer| transfer.credit == LedgerAccount::Escrow(settled.plan.epoch))
        .map(|transfer| transfer.amount)
        .sum();
    let placed: u128 = settled.inputs.providers.iter().map(|facts| facts.byte_micros).sum();
    let own = settled.inputs.providers.iter().find(|facts| facts.provider == provider.name);
    let held = own.map_or(0, |facts| facts.byte_micros) * u128::from(provider.kept_percent) / 100;
    let most = share_up(u128::from(collected.0), held, placed);
    Frost(u64::try_from(most).unwrap_or(u64::MAX))
}
