//! A plan as text: what a dry run prints and what two plans are compared by. One line for each transfer and each change.

use std::fmt;

use super::periods::Outcome;
use super::plan::Plan;
use super::stake_turn::StakeOutcome;
use super::text::yes_or_no;
use super::transfer_id::book_name;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "haulout epoch plan v1\nepoch {}\nbook {}", self.epoch, book_name(self.book))?;
        for transfer in &self.transfers {
            write!(f, "transfer ")?;
            transfer.id.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            let (code, amount) = (transfer.code.as_str(), transfer.amount.0);
            writeln!(f, " {code} {} {} {amount} {}", transfer.debit, transfer.credit, transfer.cause)?;
        }
        for period in &self.periods {
            write!(f, "period {} {} ", period.provider, period.epoch)?;
            match period.outcome {
                Outcome::Proven { paid } => writeln!(f, "proven {}", paid.0)?,
                Outcome::Faulted(fault) => writeln!(f, "faulted {}", fault.as_str())?,
                Outcome::Open { reserved } => writeln!(f, "open {}", reserved.0)?,
            }
        }
        for change in &self.providers {
            let (vetted, suspend) = (yes_or_no(change.vetted), yes_or_no(change.suspend));
            write!(f, "provider {} vetting {} vetted {vetted} suspend {suspend}", change.provider, change.vetting)?;
            let half = yes_or_no(change.half_returned);
            writeln!(f, " holdback {} half-returned {half} owed {}", change.holdback.0, change.owed.0)?;
        }
        for change in &self.pools {
            let (rate, pool) = (change.rate, change.pool);
            write!(f, "pool {} rate {} {}", change.provider, rate.wal.0, rate.shares)?;
            writeln!(f, " now {} {} {} {}", pool.wal.0, pool.shares, pool.rewards.0, pool.positions)?;
        }
        for change in &self.stakes {
            match change.outcome {
                StakeOutcome::Active(shares) => writeln!(f, "stake {} active {shares}", change.stake)?,
                StakeOutcome::Paid(amount) => writeln!(f, "stake {} paid {}", change.stake, amount.0)?,
                StakeOutcome::Waits(shares) => writeln!(f, "stake {} waits {shares}", change.stake)?,
            }
        }
        self.unpaid.iter().try_for_each(|unpaid| writeln!(f, "unpaid {} {}", unpaid.bucket, unpaid.amount.0))?;
        self.floors.iter().try_for_each(|floor| writeln!(f, "floor {} met {}", floor.provider, yes_or_no(floor.is_met)))
    }
}
