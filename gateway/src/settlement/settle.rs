//! Settles an epoch that is charged: gathers its facts, plans, and applies the plan in one transaction.

use std::collections::BTreeMap;

use super::carried::Carried;
use super::inputs::{BucketUsage, EpochInputs, OpenPeriod, PayerFunds, ProviderFacts, Standing, Verdicts};
use super::plan::{Plan, plan};
use super::text::encode;
use crate::domain::BackendId;
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::TransferCode;
use crate::ledger::Entry;
use crate::ledger::log::{NameKind, Salter};
use crate::metadata::{BillRow, MetadataError, MetadataStore, MoneyEpoch, Settlement};
use crate::staking::WHOLE_BP;

/// Bills read at once.
const PAGE: usize = 1_000;

/// Why an epoch cannot be settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The facts contradict each other.
    #[error(transparent)]
    Inputs(#[from] super::check::InputsError),
    /// What was carried cannot be read.
    #[error("what settlement carries is damaged: {0}")]
    Carried(#[from] serde_json::Error),
}

/// An epoch that is about to be settled.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it is planned from.
    pub inputs: EpochInputs,
    /// The plan.
    pub plan: Plan,
    carried: Carried,
}

/// The plan of the oldest epoch that is charged and not settled; nothing changes.
///
/// # Errors
/// [`SettleError`].
pub async fn draft(metadata: &MetadataStore, salter: &Salter) -> Result<Option<Draft>, SettleError> {
    let Some(epoch) = metadata.epoch_to_settle().await? else { return Ok(None) };
    let Some(book) = epoch.mode.book() else { return Ok(None) };
    let state = metadata.settlement_state().await?;
    let carried: Carried = if state.is_empty() { Carried::default() } else { serde_json::from_str(&state)? };
    let inputs = gather(metadata, salter, (&epoch, book), &carried).await?;
    let plan = plan(&inputs)?;
    Ok(Some(Draft { inputs, plan, carried }))
}

/// Settles the oldest epoch that is charged, once; which. None if there is none, or another gateway was first.
///
/// # Errors
/// [`SettleError`].
pub async fn settle(metadata: &MetadataStore, salter: &Salter) -> Result<Option<Epoch>, SettleError> {
    let Some(draft) = draft(metadata, salter).await? else { return Ok(None) };
    let (epoch, book) = (draft.plan.epoch, draft.plan.book);
    // Charges are in the ledger already, under the same ids.
    let others = draft.plan.transfers.iter().filter(|transfer| !is_charge(transfer.code));
    let settlement = Settlement {
        epoch,
        book,
        entries: others.cloned().map(Entry::posted).collect(),
        inputs: encode(&draft.inputs).into_bytes(),
        remainder: draft.inputs.remainder,
        state: serde_json::to_string(&draft.carried.after(&draft.plan))?,
    };
    Ok(metadata.settle(settlement).await?.then_some(epoch))
}

fn is_charge(code: TransferCode) -> bool {
    matches!(code, TransferCode::Storage | TransferCode::Write | TransferCode::Requests | TransferCode::Egress)
}

async fn gather(
    metadata: &MetadataStore,
    salter: &Salter,
    (epoch, book): (&MoneyEpoch, Book),
    carried: &Carried,
) -> Result<EpochInputs, SettleError> {
    let mut inputs = EpochInputs::empty(epoch.number, book, epoch.micros(), epoch.prices);
    inputs.caught_up = epoch.is_caught_up;
    inputs.repair_fund = metadata.balance(book, &LedgerAccount::RepairFund).await?.free();
    inputs.remainder = metadata.balance(book, &LedgerAccount::Remainder).await?.free();
    let bills = bills(metadata, epoch.number).await?;
    inputs.payers = payers(salter, book, &bills);
    inputs.buckets = bills
        .iter()
        .map(|bill| BucketUsage {
            bucket: salter.salted(NameKind::Bucket, &bill.bucket.0.to_string()),
            payer: salter.account(&bill.payer),
            usage: bill.usage,
        })
        .collect();
    inputs.providers = providers(metadata, (epoch, book), carried).await?;
    for open in &carried.open {
        let Some(of) = metadata.money_epoch_numbered(Epoch(open.epoch)).await? else { continue };
        let verdicts = verdicts(metadata, &of).await?;
        inputs.open_periods.push(OpenPeriod {
            provider: open.provider.clone(),
            epoch: of.number,
            reserved: Frost(open.reserved),
            verdicts: verdicts.get(&open.provider).copied().unwrap_or_default(),
        });
    }
    Ok(inputs.sorted())
}

async fn bills(metadata: &MetadataStore, epoch: Epoch) -> Result<Vec<BillRow>, SettleError> {
    let mut all: Vec<BillRow> = Vec::new();
    loop {
        let after = all.last().map_or(i64::MIN, |bill| bill.bucket.0);
        let page = metadata.bills_of_epoch(epoch, after, PAGE).await?;
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

/// Who pays. A payer with a limit had as much for this epoch as it paid, where it fell short; one that did not had at least that.
fn payers(salter: &Salter, book: Book, bills: &[BillRow]) -> Vec<PayerFunds> {
    let mut paid: BTreeMap<LedgerAccount, Frost> = BTreeMap::new();
    for bill in bills {
        let sum = paid.entry(salter.account(&bill.payer)).or_default();
        *sum = [*sum, bill.charges.total().saturating_sub(bill.unpaid)].into_iter().sum();
    }
    let funds = |paid| (book == Book::On).then_some(paid);
    paid.into_iter().map(|(account, paid)| PayerFunds { account, funds: funds(paid) }).collect()
}

/// The provider that answers for each backend, under the name it has in the ledger.
async fn provider_names(metadata: &MetadataStore) -> Result<BTreeMap<BackendId, String>, SettleError> {
    let name = |row: crate::metadata::BackendRow| {
        let name = if row.provider.is_empty() { row.id.to_string() } else { row.provider };
        (row.id, ledger_name(&name))
    };
    Ok(metadata.backends().await?.into_iter().map(name).collect())
}

/// A provider's name in the ledger: its own where that can be one, else a hash of it.
fn ledger_name(name: &str) -> String {
    match format!("provider/{name}").parse::<LedgerAccount>() {
        Ok(_) => name.to_owned(),
        Err(_) => hex::encode(&blake3::hash(name.as_bytes()).as_bytes()[..16]),
    }
}

/// What providers held and showed. What is placed with them when the epoch is settled stands for what was during it.
async fn providers(
    metadata: &MetadataStore,
    (epoch, book): (&MoneyEpoch, Book),
    carried: &Carried,
) -> Result<Vec<ProviderFacts>, SettleError> {
    let names = provider_names(metadata).await?;
    let verdicts = verdicts(metadata, epoch).await?;
    let suspended = metadata.reputations().await?;
    let mut held: BTreeMap<&str, u64> = BTreeMap::new();
    let by_backend = metadata.held_by_backends().await?;
    for (backend, name) in &names {
        let bytes = by_backend.iter().find(|held| held.backend == *backend).map_or(0, |held| held.bytes);
        let sum = held.entry(name).or_default();
        *sum = sum.saturating_add(bytes);
    }
    let mut facts = Vec::with_capacity(held.len());
    for (name, bytes) in held {
        let known = carried.providers.get(name).cloned().unwrap_or_default();
        let is_suspended =
            |backend: &BackendId| suspended.get(backend).is_some_and(|known| known.suspended_at.is_some());
        let all_suspended =
            names.iter().filter(|(_, of)| of.as_str() == name).all(|(backend, _)| is_suspended(backend));
        let since = if known.since == 0 { epoch.number.0 } else { known.since };
        facts.push(ProviderFacts {
            provider: name.to_owned(),
            standing: if all_suspended { Standing::Suspended } else { Standing::Active },
            age: epoch.number.0.saturating_sub(since) + 1,
            byte_micros: u128::from(bytes) * u128::from(epoch.micros()),
            verdicts: verdicts.get(name).copied().unwrap_or_default(),
            passed_own: 0,
            vetting: known.vetting,
            // Nobody stakes yet: all of a reward is the provider's.
            commission_bp: WHOLE_BP,
            holdback: metadata.balance(book, &LedgerAccount::Holdback(name.to_owned())).await?.free(),
            half_returned: known.half_returned,
            rebuilt_bytes: 0,
            trash_byte_micros: 0,
            owed: Frost(known.owed),
            pool: known.pool(),
        });
    }
    Ok(facts)
}

/// What audits of an epoch came to, by provider.
async fn verdicts(metadata: &MetadataStore, epoch: &MoneyEpoch) -> Result<BTreeMap<String, Verdicts>, SettleError> {
    let names = provider_names(metadata).await?;
    let mut all: BTreeMap<String, Verdicts> = BTreeMap::new();
    for counted in metadata.count_verdicts(epoch.begins_at, epoch.ends_at).await? {
        let Some(name) = names.get(&counted.backend) else { continue };
        let verdicts = all.entry(name.clone()).or_default();
        let count = match counted.verdict.as_str() {
            "passed" => &mut verdicts.passed,
            "missing" => &mut verdicts.missing,
            "wrong" => &mut verdicts.wrong,
            "offline" => &mut verdicts.silent,
            // The gateway's own trouble, or asked again.
            _ => continue,
        };
        *count = count.saturating_add(counted.count);
    }
    for (backend, pending) in metadata.count_contained().await? {
        if let Some(name) = names.get(&backend) {
            let verdicts = all.entry(name.clone()).or_default();
            verdicts.pending = verdicts.pending.saturating_add(pending);
        }
    }
    Ok(all)
}
