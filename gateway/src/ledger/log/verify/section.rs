//! The epoch of a section while its leaves are read.

use std::collections::HashSet;

use super::books::Sums;
use super::chain::Chain;
use super::epoch::{Place, Placed, compare_with_plan};
use super::planned::PlannedEpoch;
use super::report::Report;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::transfer::TransferId;
use crate::ledger::log::export::inputs_file;

/// An epoch that has begun.
pub(super) struct Begun {
    pub(super) epoch: Epoch,
    /// What the rules give for its inputs, where both are there.
    planned: Option<PlannedEpoch>,
    ids: HashSet<TransferId>,
    /// What its inputs say of accounts was compared.
    is_compared: bool,
}

impl Begun {
    pub(super) fn new(epoch: Epoch, planned: Option<PlannedEpoch>) -> Self {
        let ids = planned.iter().flat_map(|planned| &planned.transfers).map(|transfer| transfer.id).collect();
        Self { epoch, planned, ids, is_compared: false }
    }

    /// The next transfer is about to be added. Before the first that is planned, accounts have what the inputs say: what is entered by
    /// hand comes before all of them.
    pub(super) fn reaches(&mut self, id: Option<&TransferId>, sums: &Sums, report: &mut Report) {
        if self.is_compared || id.is_some_and(|id| !self.ids.contains(id)) {
            return;
        }
        self.is_compared = true;
        let claims = self.planned.as_ref().and_then(|planned| planned.claims.as_ref());
        for wrong in claims.map(|claims| sums.differences(claims)).unwrap_or_default() {
            report.fault(inputs_file(self.epoch), None, wrong);
        }
    }

    /// All its transfers were read. `end` is where its last leaf stands.
    pub(super) fn ends(
        &mut self,
        (transfers, end): (&[Placed<'_>], &Place),
        sums: &Sums,
        chain: &mut Chain,
        report: &mut Report,
    ) {
        self.reaches(None, sums, report);
        let Some(planned) = &self.planned else { return chain.forget() };
        compare_with_plan(self.epoch, &planned.transfers, transfers, end, report);
        match &planned.claims {
            Some(claims) => {
                for wrong in chain.follow(self.epoch, claims) {
                    report.fault(inputs_file(self.epoch), None, wrong);
                }
            }
            None => chain.forget(),
        }
    }
}
