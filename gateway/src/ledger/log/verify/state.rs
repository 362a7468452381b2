//! What is known of the ledger after some epochs: a verifier goes through an export with it, and a witness keeps it from one epoch to the next.

use super::books::Sums;
use super::chain::Chain;
use super::epoch::{Place, Placed};
use super::planned::PlannedEpoch;
use super::report::Report;
use super::section::Begun;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::transfer::Transfer;
use crate::ledger::log::leaf::Leaf;

/// What the rules give for the inputs that a first leaf names; none, and a fault, where inputs or plan are missing.
pub(super) type PlanOf<'a> = &'a dyn Fn(&Leaf, &Place, &mut Report) -> Option<PlannedEpoch>;

/// The ledger after some epochs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerState {
    /// The last epoch; none before the first, or where it is unknown.
    pub epoch: Option<Epoch>,
    /// What accounts have.
    pub sums: Sums,
    /// What epochs left to the next.
    pub chain: Chain,
}

/// What was read of a section.
#[derive(Default)]
struct SectionRead<'a> {
    begun: Option<Begun>,
    transfers: Vec<Placed<'a>>,
    total: u128,
}

impl LedgerState {
    /// How many accounts, periods, pools and stakes it is about.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.sums.balances().count() + self.chain.entries()
    }

    /// A section could not be read: nothing is known of what it did.
    pub(super) fn forget(&mut self) {
        self.epoch = None;
        self.sums.is_unknown = true;
        self.chain.forget();
    }

    /// Reads what the leaves of the next section say. What is wrong goes to the report.
    pub(super) fn read_section<'a>(
        &mut self,
        section: impl Iterator<Item = (&'a Place, Result<&'a Leaf, &'a String>)>,
        plan_of: PlanOf<'_>,
        report: &mut Report,
    ) {
        let mut read = SectionRead::default();
        for (place, leaf) in section {
            let leaf = match leaf {
                Ok(leaf) => leaf,
                Err(cause) => {
                    report.fault(&place.0, Some(place.1), cause);
                    self.sums.is_unknown = true;
                    continue;
                }
            };
            match leaf {
                Leaf::Begin { epoch, .. } if read.begun.is_none() && read.transfers.is_empty() => {
                    if let Some(last) = self.epoch.filter(|last| last.next() != *epoch) {
                        report.fault(&place.0, Some(place.1), format!("epoch {epoch} follows epoch {last}"));
                    }
                    self.epoch = Some(*epoch);
                    read.begun = Some(Begun::new(*epoch, plan_of(leaf, place, report)));
                }
                Leaf::Begin { .. } => report.fault(&place.0, Some(place.1), "an epoch begins within another"),
                Leaf::Transfer { sequence, transfer } => self.add(*sequence, transfer, place, &mut read, report),
                Leaf::End { epoch, transfers, total } => {
                    self.end(*epoch, (*transfers, *total), place, &mut read, report);
                }
            }
        }
    }

    fn add<'a>(
        &mut self,
        sequence: u64,
        transfer: &'a Transfer,
        place: &'a Place,
        read: &mut SectionRead<'a>,
        report: &mut Report,
    ) {
        if let Some(begun) = &mut read.begun {
            begun.reaches(Some(&transfer.id), &self.sums, report);
        }
        for wrong in self.sums.add(sequence, transfer) {
            report.fault(&place.0, Some(place.1), wrong);
        }
        if read.begun.is_none() && read.transfers.is_empty() {
            report.fault(&place.0, Some(place.1), "a transfer before the beginning of an epoch");
        }
        report.transfers += 1;
        read.total += u128::from(transfer.amount.0);
        read.transfers.push(Placed { place, transfer });
    }

    fn end(
        &mut self,
        epoch: Epoch,
        (count, sum): (u64, u128),
        place: &Place,
        read: &mut SectionRead<'_>,
        report: &mut Report,
    ) {
        let (found, total) = (u64::try_from(read.transfers.len()).unwrap_or(u64::MAX), read.total);
        if (count, sum) != (found, total) {
            let cause = format!("{count} transfers of {sum} FROST, where there are {found} of {total} FROST");
            report.fault(&place.0, Some(place.1), cause);
        }
        match read.begun.as_mut().filter(|begun| begun.epoch == epoch) {
            Some(begun) => {
                let first = report.epochs.map_or(epoch, |(first, _)| first);
                report.epochs = Some((first, epoch));
                begun.ends((&read.transfers, place), &self.sums, &mut self.chain, report);
            }
            None => report.fault(&place.0, Some(place.1), format!("epoch {epoch} ends and has not begun")),
        }
    }
}
