//! The canonical text of an epoch's inputs: one text for the same facts, so that its hash names them. The form is in
//! `settlement/SETTLEMENT.md`.

use std::fmt::{self, Display, Write};

use crate::domain::money::frost::Frost;
use crate::staking::PARAMETER_RULES;

use super::inputs::{EpochInputs, ProviderFacts, StakePhase, Standing, Verdicts};
use super::transfer_id::book_name;

/// The first line.
pub(super) const HEAD: &str = "haulout epoch inputs v1";

/// The last line: without it a text is cut off.
pub(super) const END: &str = "end";

pub(super) const STANDINGS: [(Standing, &str); 5] = [
    (Standing::Active, "active"),
    (Standing::Suspended, "suspended"),
    (Standing::Leaving, "leaving"),
    (Standing::Left, "left"),
    (Standing::Disqualified, "disqualified"),
];

pub(super) const PHASES: [(StakePhase, &str); 3] =
    [(StakePhase::Arriving, "arriving"), (StakePhase::Active, "active"), (StakePhase::Leaving, "leaving")];

/// The name of a value in a table of names, which holds them all.
fn name_in<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table.iter().find(|(known, _)| known == value).map_or("", |(_, name)| name)
}

pub(super) const fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// Writes the canonical text.
#[must_use]
pub fn encode(inputs: &EpochInputs) -> String {
    let sorted = inputs.clone().sorted();
    let mut text = String::new();
    write_all(&mut text, &sorted).expect("a string takes all that is written");
    text
}

/// Values with a space before each.
fn columns(text: &mut String, values: &[&dyn Display]) -> fmt::Result {
    values.iter().try_for_each(|value| write!(text, " {value}"))
}

fn line(text: &mut String, kind: &str, values: &[&dyn Display]) -> fmt::Result {
    text.push_str(kind);
    columns(text, values)?;
    text.push('\n');
    Ok(())
}

fn write_all(text: &mut String, inputs: &EpochInputs) -> fmt::Result {
    line(text, HEAD, &[])?;
    line(text, "epoch", &[&inputs.epoch])?;
    line(text, "book", &[&book_name(inputs.book)])?;
    line(text, "length", &[&inputs.length_micros])?;
    line(text, "caught-up", &[&yes_or_no(inputs.caught_up)])?;
    let prices = &inputs.prices;
    let dear = [prices.storage, prices.write, prices.requests_read, prices.requests_write, prices.egress].map(raw);
    line(text, "prices", &[&dear[0], &dear[1], &dear[2], &dear[3], &dear[4]])?;
    for rule in &PARAMETER_RULES {
        line(text, "parameter", &[&rule.name, &inputs.parameters.get(rule.parameter)])?;
    }
    line(text, "repair-fund", &[&inputs.repair_fund.0])?;
    line(text, "remainder", &[&inputs.remainder.0])?;
    for payer in &inputs.payers {
        match payer.funds {
            Some(funds) => line(text, "payer", &[&payer.account, &funds.0])?,
            None => line(text, "payer", &[&payer.account, &"-"])?,
        }
    }
    for bucket in &inputs.buckets {
        let usage = &bucket.usage;
        text.push_str("bucket");
        columns(text, &[&bucket.bucket, &bucket.payer, &usage.byte_micros, &usage.written_bytes])?;
        columns(text, &[&usage.requests_read, &usage.requests_write, &usage.egress_bytes])?;
        text.push('\n');
    }
    inputs.providers.iter().try_for_each(|facts| write_provider(text, facts))?;
    for loss in &inputs.losses {
        line(text, "loss", &[&loss.provider, &loss.sliver, &loss.from_micros, &loss.until_micros, &loss.bytes])?;
    }
    for evidence in &inputs.evidence {
        line(text, "evidence", &[&evidence.provider, &evidence.id])?;
    }
    for period in &inputs.open_periods {
        text.push_str("open");
        columns(text, &[&period.provider, &period.epoch, &period.reserved.0])?;
        write_verdicts(text, &period.verdicts)?;
        text.push('\n');
    }
    for stake in &inputs.stakes {
        text.push_str("stake");
        columns(text, &[&stake.stake, &stake.staker, &stake.provider, &stake.principal.0, &stake.shares])?;
        columns(text, &[&if stake.own { "own" } else { "delegated" }, &name_in(&PHASES, &stake.phase)])?;
        text.push('\n');
    }
    for facts in &inputs.floors {
        line(text, "floor", &[&facts.provider, &facts.floor])?;
    }
    line(text, END, &[])
}

const fn raw(amount: Frost) -> u64 {
    amount.0
}

fn write_verdicts(text: &mut String, verdicts: &Verdicts) -> fmt::Result {
    columns(text, &[&verdicts.passed, &verdicts.missing, &verdicts.wrong, &verdicts.silent, &verdicts.pending])
}

fn write_provider(text: &mut String, facts: &ProviderFacts) -> fmt::Result {
    text.push_str("provider");
    columns(text, &[&facts.provider, &name_in(&STANDINGS, &facts.standing), &facts.age, &facts.byte_micros])?;
    write_verdicts(text, &facts.verdicts)?;
    columns(text, &[&facts.passed_own, &facts.vetting, &facts.commission_bp])?;
    columns(text, &[&facts.holdback.0, &yes_or_no(facts.half_returned)])?;
    columns(text, &[&facts.rebuilt_bytes, &facts.trash_byte_micros, &facts.owed.0])?;
    columns(text, &[&facts.pool.wal.0, &facts.pool.shares, &facts.pool.rewards.0, &facts.pool.positions])?;
    text.push('\n');
    Ok(())
}
