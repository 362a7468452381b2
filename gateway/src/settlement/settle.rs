//! Settles an epoch that is charged: gathers what the plan needs, plans, and has it applied at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use backends::failpoint::fails_at;
use backends::node::protocol::PublicKey;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::Transfer;
use crate::domain::{BackendId, BucketId, Timestamp};
use crate::ledger::log::{NameKind, Salter};
use crate::metadata::{
    BackendReputation, HeldSample, MetadataError, MetadataStore, MoneyEpoch, OpenPeriodRow, PriceFloorRow,
    ProviderAccount, SettledStakes, Settlement, SettlementFacts, StakingProvider,
};
use crate::staking::WHOLE_BP;

use super::check::InputsError;
use super::gather::governance::parameters_in;
use super::gather::held::{area, held, trash};
use super::gather::losses::losses;
use super::gather::stakes;
use super::inputs::{
    BucketUsage, EpochInputs, Evidence, FloorFacts, OpenPeriod, PayerFunds, ProviderFacts, Standing, Verdicts,
};
use super::network::{Network, NetworkError};
use super::periods::Outcome;
use super::plan::{Plan, plan};
use super::text::encode;

/// Bills that are read at once.
const BILLS: usize = 1_000;
/// Proven wrong answers of one epoch; one slashes as much as many.
const EVIDENCE_MAX: usize = 1_000;
/// Losses of one epoch that are counted, the first ones: a repair of more slivers takes longer than an epoch.
const LOSSES_MAX: usize = 20_000;

/// Why an epoch is not settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Whoever keeps the accounts.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// What the rows say gives no plan.
    #[error("epoch {epoch} cannot be settled: {cause}")]
    Inputs {
        /// The epoch.
        epoch: Epoch,
        /// Why.
        cause: InputsError,
    },
}

/// Settles epochs of one cluster.
#[derive(Clone, Debug)]
pub struct Settler {
    network: Arc<dyn Network>,
    metadata: MetadataStore,
    salter: Arc<Salter>,
}

/// A plan and what it was made from.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The published form of its inputs.
    pub inputs: String,
    /// The plan, under published names.
    pub plan: Plan,
    facts: SettlementFacts,
    names: Names,
    held: BTreeMap<String, u64>,
    stakes: SettledStakes,
    /// The verdicts that are its evidence.
    evidence: Vec<[u8; 16]>,
}

/// What is known of providers besides what the ledger remembers of them.
struct Known {
    held: BTreeMap<String, u64>,
    samples: BTreeMap<String, Vec<HeldSample>>,
    counts: BTreeMap<String, Verdicts>,
    rebuilt: BTreeMap<String, u64>,
    own_audits: BTreeMap<String, u64>,
    reputations: BTreeMap<BackendId, BackendReputation>,
    leaving: BTreeSet<BackendId>,
    removed: BTreeSet<BackendId>,
    /// Since when what they held counts as lost.
    lost: BTreeMap<String, Timestamp>,
}

/// What published names stand for.
#[derive(Clone, Debug, Default)]
struct Names {
    accounts: BTreeMap<LedgerAccount, LedgerAccount>,
    buckets: BTreeMap<String, BucketId>,
}

impl Settler {
    /// By what these rows say was used, held and audited, between the accounts of their own ledger; names are published as `salter` gives
    /// them.
    #[must_use]
    pub fn new(metadata: MetadataStore, salter: Salter) -> Self {
        Self { network: Arc::new(metadata.clone()), metadata, salter: Arc::new(salter) }
    }

    /// Between the accounts of another network.
    #[must_use]
    pub fn over(self, network: Arc<dyn Network>) -> Self {
        Self { network, ..self }
    }

    /// Settles the oldest epoch that is charged, where each backend holds so many encoded bytes now. Gives the epoch, if this settled it:
    /// not when there is none, another gateway did, or somebody moved money meanwhile, which the next try sees.
    ///
    /// # Errors
    /// [`SettleError`]. Nothing has changed then.
    pub async fn settle(&self, held: &BTreeMap<BackendId, u64>) -> Result<Option<Epoch>, SettleError> {
        let Some(planned) = self.plan_next(held).await? else { return Ok(None) };
        let epoch = planned.plan.epoch;
        if fails_at("settlement-planned") {
            return Err(MetadataError::Unavailable("the test wants it".to_owned()).into());
        }
        Ok(self.network.apply(planned.settlement()).await?.then_some(epoch))
    }

    /// Plans the oldest epoch that is charged, and changes nothing.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn plan_next(&self, held: &BTreeMap<BackendId, u64>) -> Result<Option<Planned>, SettleError> {
        let Some(facts) = self.network.facts().await? else { return Ok(None) };
        let held: BTreeMap<_, _> = held.iter().map(|(backend, bytes)| (backend.to_string(), *bytes)).collect();
        let known = self.known(&facts.epoch, held).await?;
        let (inputs, names) = self.inputs(&facts, &known).await?;
        let plan = plan(&inputs).map_err(|cause| SettleError::Inputs { epoch: inputs.epoch, cause })?;
        let stakes = stakes::settled(&plan, &facts, &inputs, &capacities(&known));
        let evidence = inputs.evidence.iter().filter_map(verdict_of).collect();
        Ok(Some(Planned { inputs: encode(&inputs), plan, facts, names, held: known.held, stakes, evidence }))
    }

    async fn known(&self, epoch: &MoneyEpoch, held: BTreeMap<String, u64>) -> Result<Known, SettleError> {
        let (begin, end) = (epoch.begins_at, epoch.ends_at);
        Ok(Known {
            held,
            samples: self.metadata.held_samples(epoch).await?,
            counts: self.verdicts(begin, end).await?,
            rebuilt: self.metadata.rebuilt_bytes(begin, end).await?,
            own_audits: self.metadata.own_audits(begin, end).await?,
            reputations: self.metadata.reputations().await?,
            leaving: self.metadata.leaving_backends().await?,
            removed: self.metadata.removed_backends().await?,
            lost: self.metadata.lost_backends().await?,
        })
    }

    async fn inputs(&self, facts: &SettlementFacts, known: &Known) -> Result<(EpochInputs, Names), SettleError> {
        let MoneyEpoch { number, mode, prices, is_caught_up, .. } = facts.epoch.clone();
        let book = mode.book().unwrap_or(Book::Track);
        let mut inputs = EpochInputs::empty(number, book, facts.epoch.micros(), prices);
        let free = |account| facts.funds.get(&account).copied().unwrap_or_default();
        inputs.caught_up = is_caught_up;
        inputs.parameters = parameters_in(number, &facts.passed);
        inputs.repair_fund = free(LedgerAccount::RepairFund);
        inputs.remainder = free(LedgerAccount::Remainder);
        let mut names = Names::default();
        self.buckets(facts, book, &mut inputs, &mut names).await?;
        inputs.providers = providers(facts, known);
        inputs.stakes = stakes::stake_facts(&facts.stakes);
        let floor = |row: &PriceFloorRow| FloorFacts { provider: row.provider.clone(), floor: row.floor };
        inputs.floors = facts.floors.iter().map(floor).collect();
        let (begin, end) = (facts.epoch.begins_at, facts.epoch.ends_at);
        let lost = self.metadata.losses(begin, end, LOSSES_MAX).await?;
        inputs.losses = losses(&lost, &known.lost, &facts.epoch, &inputs.providers, &self.salter);
        for open in &facts.open_periods {
            let (begin, end) = (self.begin_of(open.epoch, &facts.epoch).await?, facts.epoch.ends_at);
            let mut counts = self.verdicts(begin, end).await?;
            let verdicts = counts.remove(&open.provider).unwrap_or_default();
            let OpenPeriodRow { provider, epoch, reserved } = open.clone();
            inputs.open_periods.push(OpenPeriod { provider, epoch, reserved, verdicts });
        }
        if !is_caught_up {
            inputs.evidence = self.evidence(&facts.epoch, &inputs.providers, &facts.staking).await?;
        }
        Ok((inputs.sorted(), names))
    }

    async fn buckets(
        &self,
        facts: &SettlementFacts,
        book: Book,
        inputs: &mut EpochInputs,
        names: &mut Names,
    ) -> Result<(), SettleError> {
        let mut after = i64::MIN;
        loop {
            let bills = self.metadata.bills_of_epoch(facts.epoch.number, after, BILLS).await?;
            let Some(last) = bills.last() else { break };
            after = last.bucket.0;
            for bill in bills {
                let bucket = self.salter.salted(NameKind::Bucket, &bill.bucket.0.to_string());
                let payer = self.salter.account(&bill.payer);
                names.buckets.insert(bucket.clone(), bill.bucket);
                names.accounts.insert(payer.clone(), bill.payer);
                inputs.buckets.push(BucketUsage { bucket, payer, usage: bill.usage });
            }
        }
        let payer = |(published, account): (&LedgerAccount, &LedgerAccount)| {
            let funds = (book == Book::On).then(|| facts.funds.get(account).copied().unwrap_or_default());
            PayerFunds { account: published.clone(), funds }
        };
        inputs.payers = names.accounts.iter().map(payer).collect();
        Ok(())
    }

    async fn begin_of(&self, epoch: Epoch, this: &MoneyEpoch) -> Result<Timestamp, SettleError> {
        let found = self.metadata.money_epoch_numbered(epoch).await?;
        Ok(found.map_or(this.begins_at, |found| found.begins_at))
    }

    async fn verdicts(&self, from: Timestamp, to: Timestamp) -> Result<BTreeMap<String, Verdicts>, SettleError> {
        let mut all = BTreeMap::<String, Verdicts>::new();
        for (backend, verdict, count) in self.metadata.verdict_counts(from, to).await? {
            let of = all.entry(backend).or_default();
            match verdict.as_str() {
                "passed" => of.passed += count,
                "wrong" => of.wrong += count,
                "missing" => of.missing += count,
                "offline" => of.silent += count,
                // What was asked again has a verdict of its own by then; what is void counts for nobody.
                _ => {}
            }
        }
        Ok(all)
    }

    /// Wrong answers under a signature: other wrong answers are the gateway's word, and faults.
    async fn evidence(
        &self,
        epoch: &MoneyEpoch,
        providers: &[ProviderFacts],
        staking: &BTreeMap<String, StakingProvider>,
    ) -> Result<Vec<Evidence>, SettleError> {
        let wrong = self.metadata.wrong_answers(epoch.begins_at, epoch.ends_at, EVIDENCE_MAX).await?;
        let known = |backend: &str| providers.iter().any(|facts| facts.provider == backend);
        let key = |backend: &str| staking.get(backend).and_then(|provider| provider.node_key.parse().ok());
        let signed =
            wrong.into_iter().filter(|(backend, _, evidence)| known(backend) && is_proof(evidence, key(backend)));
        Ok(signed.map(|(provider, id, _)| Evidence { provider, id: hex::encode(id) }).collect())
    }
}

/// What each backend did.
fn providers(facts: &SettlementFacts, known: &Known) -> Vec<ProviderFacts> {
    let open = facts.open_periods.iter().map(|open| &open.provider);
    let staked = stakes::providers_of(&facts.stakes);
    let floors = facts.floors.iter().map(|floor| &floor.provider);
    let names = facts.providers.keys().chain(known.held.keys()).chain(open).chain(staked).chain(floors);
    let names: BTreeSet<&String> = names.collect();
    names.into_iter().map(|name| provider(name, facts, known)).collect()
}

fn provider(name: &str, facts: &SettlementFacts, known: &Known) -> ProviderFacts {
    let epoch = &facts.epoch;
    let account = facts.providers.get(name);
    let holdback = LedgerAccount::Holdback(name.to_owned());
    let verdicts = known.counts.get(name).copied().unwrap_or_default();
    let commission = facts.staking.get(name).and_then(|provider| provider.commission_in(epoch.number));
    ProviderFacts {
        standing: standing(name, known),
        age: account.map_or(1, |account| epoch.number.0.saturating_sub(account.since.0) + 1),
        byte_micros: byte_micros(name, account, epoch, known),
        verdicts,
        passed_own: known.own_audits.get(name).copied().unwrap_or(0).min(verdicts.passed),
        vetting: account.map_or(0, |account| account.vetting),
        // Who is not registered has no stakers: all of the reward is its own.
        commission_bp: commission.unwrap_or(WHOLE_BP),
        holdback: facts.funds.get(&holdback).copied().unwrap_or_default(),
        half_returned: account.is_some_and(|account| account.is_half_returned),
        rebuilt_bytes: known.rebuilt.get(name).copied().unwrap_or(0),
        trash_byte_micros: samples(name, known, trash, (0, epoch)).unwrap_or(0),
        owed: account.map_or(Frost::ZERO, |account| account.owed),
        pool: stakes::pool_of(&facts.stakes, name),
        provider: name.to_owned(),
    }
}

/// Who is gone without having handed over what it held, or after its audits suspended it, is excluded.
fn standing(name: &str, known: &Known) -> Standing {
    let Ok(id) = name.parse::<BackendId>() else { return Standing::Active };
    let reputation = known.reputations.get(&id);
    let is_suspended = reputation.is_some_and(|known| known.suspended_at.is_some());
    let is_silent = reputation.is_some_and(|known| known.silent_in.is_some());
    if known.removed.contains(&id) {
        if is_suspended || known.lost.contains_key(name) { Standing::Disqualified } else { Standing::Left }
    } else if is_suspended || is_silent {
        Standing::Suspended
    } else if known.leaving.contains(&id) {
        Standing::Leaving
    } else {
        Standing::Active
    }
}

/// The area under the line through what it held when it was looked at. Where nobody looked since the end of the epoch, what it held is
/// taken to have grown or shrunk evenly from the settlement before to this one.
fn byte_micros(name: &str, account: Option<&ProviderAccount>, epoch: &MoneyEpoch, known: &Known) -> u128 {
    let before = account.map_or(0, |account| account.held_bytes);
    let now = known.held.get(name).copied().unwrap_or(0);
    samples(name, known, held, (before, epoch))
        .unwrap_or_else(|| (u128::from(before) + u128::from(now)) * u128::from(epoch.micros()) / 2)
}

fn samples(
    name: &str,
    known: &Known,
    points: fn(&[HeldSample]) -> Vec<(i64, u64)>,
    (before, epoch): (u64, &MoneyEpoch),
) -> Option<u128> {
    let points = points(known.samples.get(name)?);
    area(&points, before, (epoch.begins_at.0, epoch.ends_at.0))
}

/// What providers have and have space for, of those that say how much that is.
fn capacities(known: &Known) -> BTreeMap<String, u64> {
    let last = known.samples.iter().filter_map(|(name, samples)| Some((name, samples.last()?)));
    last.filter_map(|(name, sample)| Some((name.clone(), sample.held_bytes.saturating_add(sample.free_bytes?))))
        .collect()
}

/// The verdict that evidence is named by.
fn verdict_of(evidence: &Evidence) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    hex::decode_to_slice(&evidence.id, &mut id).is_ok().then_some(id)
}

/// Whether evidence proves a wrong answer to anybody: by the node's signature, with the key that the provider is registered with if it is.
fn is_proof(evidence: &str, registered: Option<PublicKey>) -> bool {
    let evidence: Option<crate::metadata::Evidence> = serde_json::from_str(evidence).ok();
    evidence.is_some_and(|evidence| evidence.proves_a_wrong_answer(registered))
}

impl Planned {
    /// What is to be applied: the plan under the ledger's own names.
    #[must_use]
    pub fn settlement(self) -> Settlement {
        let Self { inputs, plan, facts, names, held, stakes, evidence } = self;
        let own = |account: LedgerAccount| names.accounts.get(&account).cloned().unwrap_or(account);
        let transfers = plan.transfers.into_iter().map(|transfer| {
            let (debit, credit) = (own(transfer.debit), own(transfer.credit));
            Transfer { debit, credit, ..transfer }
        });
        let open = plan.periods.iter().filter_map(|period| match period.outcome {
            Outcome::Open { reserved } => {
                Some(OpenPeriodRow { provider: period.provider.clone(), epoch: period.epoch, reserved })
            }
            Outcome::Proven { .. } | Outcome::Faulted(_) => None,
        });
        let account = |change: &super::plan::ProviderChange| ProviderAccount {
            since: facts.providers.get(&change.provider).map_or(plan.epoch, |known| known.since),
            held_bytes: held.get(&change.provider).copied().unwrap_or(0),
            vetting: change.vetting,
            is_vetted: change.vetted,
            is_half_returned: change.half_returned,
            owed: change.owed,
        };
        let silent = plan.providers.iter().filter(|change| change.suspend);
        let unpaid = plan.unpaid.iter().filter_map(|unpaid| Some((*names.buckets.get(&unpaid.bucket)?, unpaid.amount)));
        Settlement {
            epoch: plan.epoch,
            seq: facts.seq,
            inputs: inputs.into_bytes(),
            unpaid: unpaid.collect(),
            providers: plan.providers.iter().map(|change| (change.provider.clone(), account(change))).collect(),
            open_periods: open.collect(),
            stakes,
            evidence,
            silent: silent.map(|change| change.provider.clone()).collect(),
            transfers: transfers.collect(),
        }
    }
}
