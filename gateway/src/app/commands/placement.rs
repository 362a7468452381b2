//! `haulout bucket placement` and `haulout placement`.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::admin::money::buckets::{ArrearsRequest, FundsRequest};
use crate::admin::{BucketPlacement, EvaluatePlacement, PlaceBucket, PlacementRequest};
use crate::app::cli::{Bucket, Placement};
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, money, show};
use crate::domain::PlacementRule;
use crate::placement::{BackendVerdict, Evaluation, SchemeVerdict};

/// Runs `haulout bucket`.
pub(super) async fn bucket(runner: &OperationRunner, bucket: Bucket) -> Result<Outcome> {
    let (name, rule, clear, json) = match bucket {
        Bucket::Placement { name, rule, clear, json } => (name, rule, clear, json),
        Bucket::Payer { name, payer, own_funds, owner, json } => {
            let request = match payer {
                Some(payer) => FundsRequest::Payer(payer),
                None if own_funds => FundsRequest::OwnFunds,
                None if owner => FundsRequest::Owner,
                None => FundsRequest::Show,
            };
            return money::fund(runner, name, request, json).await;
        }
        Bucket::Arrears { name, extend, keep, remove_content, json } => {
            let request = match extend {
                Some(days) => ArrearsRequest::ExtendDays(days),
                None if keep => ArrearsRequest::Keep,
                None if remove_content => ArrearsRequest::RemoveContent,
                None => ArrearsRequest::Show,
            };
            return money::arrears(runner, name, request, json).await;
        }
        Bucket::SpendLimit { name, amount, clear, json } => {
            let request = match amount {
                Some(amount) => FundsRequest::SpendLimit(amount.0),
                None if clear => FundsRequest::NoSpendLimit,
                None => FundsRequest::Show,
            };
            return money::fund(runner, name, request, json).await;
        }
    };
    let rule = PlacementRule::from(rule);
    let request = match (clear, rule.is_empty()) {
        (true, _) => PlacementRequest::Clear,
        (false, true) => PlacementRequest::Show,
        (false, false) => PlacementRequest::Set(rule),
    };
    let placement = runner.run(PlaceBucket { bucket: name, request }).await?;
    if json {
        show::json(&placement)?;
    } else {
        show::print(&rule_text(&placement))?;
        show_schemes(&placement.evaluation)?;
    }
    Ok(outcome(&placement.evaluation))
}

/// Runs `haulout placement`.
pub(super) async fn run(runner: &OperationRunner, placement: Placement) -> Result<Outcome> {
    let Placement::Evaluate { rule, json } = placement;
    let evaluation = runner.run(EvaluatePlacement { rule: rule.into() }).await?;
    if json {
        show::json(&evaluation)?;
    } else {
        let rows: Vec<_> = evaluation.backends.iter().map(row).collect();
        show::table(["NAME", "PROVIDER", "ZONE", "VERDICT"], &rows)?;
        show_schemes(&evaluation)?;
    }
    Ok(outcome(&evaluation))
}

fn row(backend: &BackendVerdict) -> [String; 4] {
    let verdict = backend.refused.clone().unwrap_or_else(|| match backend.vetting {
        false => "qualifies".to_owned(),
        true => "qualifies, with a small share until it has passed its audits".to_owned(),
    });
    let place = if backend.network.is_empty() { &backend.zone } else { &backend.network };
    [backend.name.clone(), backend.provider.clone(), place.clone(), verdict]
}

/// Writes that would be refused are wrong; nothing else is.
fn outcome(evaluation: &Evaluation) -> Outcome {
    if evaluation.meets_floor() { Outcome::Fine } else { Outcome::Wrong }
}

fn rule_text(placement: &BucketPlacement) -> String {
    let Some(rule) = &placement.rule else { return format!("{}: no placement rule", placement.bucket) };
    let list = |what: &str, names: &BTreeSet<String>| {
        (!names.is_empty()).then(|| format!("{what} {}", names.iter().cloned().collect::<Vec<_>>().join(",")))
    };
    let residency = rule.residency.as_ref().map(|start| format!("residency {start}"));
    let limits =
        [list("zones", &rule.zones), list("providers", &rule.providers), list("exclude", &rule.exclude), residency];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    format!("{}: {}", placement.bucket, limits.join("; "))
}

fn show_schemes(evaluation: &Evaluation) -> Result<()> {
    show::print(&format!(
        "{} of {} backends qualify, of {} providers",
        qualifying(evaluation),
        evaluation.backends.len(),
        evaluation.providers
    ))?;
    evaluation.schemes.iter().try_for_each(|scheme| show::print(&scheme_text(scheme)))?;
    let missing = !evaluation.meets_all();
    match &evaluation.relax {
        Some(relaxation) => show::print(&format!("to change that: {relaxation}")),
        None if missing => show::print("no single change of the rule is enough: add backends of other providers"),
        None => Ok(()),
    }
}

fn qualifying(evaluation: &Evaluation) -> usize {
    evaluation.backends.iter().filter(|backend| backend.refused.is_none()).count()
}

fn scheme_text(verdict: &SchemeVerdict) -> String {
    let SchemeVerdict { scheme, slivers, floor, placed, .. } = verdict;
    let Some(may_lose) = verdict.may_lose else {
        return format!("{scheme}: every write is refused: it needs {floor} providers and {placed} qualify");
    };
    let all = if placed == slivers { "all" } else { "only" };
    let zone = verdict.zone_at_risk.as_ref();
    let zone = zone.map(|zone| format!("; zone {zone} must not be lost")).unwrap_or_default();
    format!(
        "{scheme}: {all} {placed} of {slivers} slivers find a place; a new blob survives the loss of {may_lose}{zone}"
    )
}
