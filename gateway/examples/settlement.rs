//! Plays a year of settlements and writes its table and its plot into `gateway/src/settlement/`; with `speed`, times the plan of a
//! large epoch instead: 10,000 buckets and 100 providers.

use std::path::PathBuf;
use std::time::Instant;

use gateway::domain::money::account::{Book, LedgerAccount};
use gateway::domain::money::epoch::Epoch;
use gateway::domain::money::frost::Frost;
use gateway::domain::money::price::{Prices, Usage};
use gateway::settlement::simulation::{Dice, report};
use gateway::settlement::{
    BucketUsage, EpochInputs, PayerFunds, ProviderFacts, Standing, Verdicts, encode, parse, plan,
};
use gateway::staking::Pool;

/// The year that the documents show.
const SEED: u64 = 1;

const TABLE_BEGINS: &str = "<!-- the year begins -->\n";
const TABLE_ENDS: &str = "<!-- the year ends -->\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("speed") {
        return speed();
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/settlement");
    let report = report(SEED)?;
    let page = std::fs::read_to_string(folder.join("SETTLEMENT.md"))?;
    let (before, rest) = page.split_once(TABLE_BEGINS).ok_or("SETTLEMENT.md has no place for the table")?;
    let (_, after) = rest.split_once(TABLE_ENDS).ok_or("SETTLEMENT.md has no end of the table")?;
    let page = format!("{before}{TABLE_BEGINS}\n{}\n{TABLE_ENDS}{after}", report.table);
    std::fs::write(folder.join("SETTLEMENT.md"), page)?;
    std::fs::write(folder.join("YEAR.svg"), &report.plot)?;
    println!("{}", report.table);
    Ok(())
}

fn speed() -> Result<(), Box<dyn std::error::Error>> {
    let inputs = large_epoch();
    let begun = Instant::now();
    let text = encode(&inputs);
    let encoded = begun.elapsed();
    let read = parse(text.as_bytes())?;
    let parsed = begun.elapsed() - encoded;
    let planning = Instant::now();
    let planned = plan(&read)?;
    println!(
        "10,000 buckets, 100 providers: {} transfers planned in {:?}; {} bytes of inputs written in {encoded:?}, read in {parsed:?}",
        planned.transfers.len(),
        planning.elapsed(),
        text.len()
    );
    Ok(())
}

fn large_epoch() -> EpochInputs {
    let mut dice = Dice::new(1);
    let length = 14 * 86_400_000_000;
    let one = Frost(1);
    let prices =
        Prices { storage: Frost(2_100), write: Frost(500), requests_read: one, requests_write: one, egress: one };
    let mut inputs = EpochInputs::empty(Epoch(30), Book::On, length, prices);
    let byte_micros = |dice: &mut Dice| u128::from(dice.below(1 << 44)) * u128::from(length);
    for number in 0..1_000 {
        let account = LedgerAccount::Payer(format!("{:032x}", number));
        inputs.payers.push(PayerFunds { account, funds: Some(Frost(1 << 40)) });
    }
    for number in 0..10_000_usize {
        let usage = Usage {
            byte_micros: byte_micros(&mut dice),
            written_bytes: dice.below(1 << 40),
            requests_read: dice.below(1 << 30),
            requests_write: dice.below(1 << 30),
            egress_bytes: dice.below(1 << 40),
        };
        let payer = inputs.payers[number % 1_000].account.clone();
        inputs.buckets.push(BucketUsage { bucket: format!("{:032x}", dice.roll()), payer, usage });
    }
    for number in 0..100 {
        inputs.providers.push(ProviderFacts {
            provider: format!("provider-{number}"),
            standing: Standing::Active,
            age: 30,
            byte_micros: byte_micros(&mut dice),
            verdicts: Verdicts { passed: 990, missing: 5, ..Verdicts::default() },
            passed_own: 0,
            vetting: 1_000,
            commission_bp: 1_000,
            holdback: Frost(1_000_000),
            half_returned: false,
            rebuilt_bytes: dice.below(1 << 40),
            trash_byte_micros: byte_micros(&mut dice) / 100,
            owed: Frost::ZERO,
            pool: Pool { wal: Frost(1 << 40), shares: 1 << 40, rewards: Frost(1 << 30), positions: 20 },
        });
    }
    inputs
}
