//! One epoch of a log: its inputs, its transfers against the plan that the inputs give, and its end.

use std::collections::HashMap;

use super::files::LogFiles;
use super::planned::PlannedEpoch;
use super::report::Report;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::transfer::{Transfer, TransferId};
use crate::ledger::log::export::inputs_file;
use crate::ledger::log::leaf::Leaf;
use crate::ledger::log::salt::is_by_hand;
use crate::ledger::log::tree::Hash;

/// The largest inputs of an epoch that are read, in bytes.
const INPUTS_BYTES_MAX: u64 = 1 << 30;

/// The plan that inputs give, or why there is none.
pub type Plan<'a> = &'a dyn Fn(&[u8]) -> Result<PlannedEpoch, String>;

/// Where a leaf stands: the file of its bundle and its number there, from 1.
pub(super) type Place = (String, u64);

/// A transfer and where it stands.
pub(super) struct Placed<'a> {
    pub(super) place: &'a Place,
    pub(super) transfer: &'a Transfer,
}

/// Reads the inputs of an epoch and checks that they are those of its first leaf.
pub(super) fn inputs_of(
    begin: &Leaf,
    place: &Place,
    files: &dyn LogFiles,
    report: &mut Report,
) -> Option<(Epoch, Vec<u8>)> {
    let Leaf::Begin { epoch, inputs, bytes } = begin else { return None };
    let file = inputs_file(*epoch);
    let content = match files.read(&file, INPUTS_BYTES_MAX) {
        Ok(Some(content)) => content,
        Ok(None) => {
            report.fault(&file, None, format!("missing; {}:{} names it", place.0, place.1));
            return None;
        }
        Err(cause) => {
            report.fault(&file, None, cause);
            return None;
        }
    };
    let is_as_long = u64::try_from(content.len()).is_ok_and(|length| length == *bytes);
    if Hash::of(&[&content]) == *inputs && is_as_long {
        return Some((*epoch, content));
    }
    let cause = format!("these are not the inputs whose hash is in the log, at {}:{}", place.0, place.1);
    report.fault(&file, None, cause);
    None
}

/// What the rules give for the inputs of an epoch; nothing, and a fault, where they give no plan.
pub(super) fn planned_from(epoch: Epoch, inputs: &[u8], plan: Plan<'_>, report: &mut Report) -> Option<PlannedEpoch> {
    plan(inputs)
        .map_err(|cause| report.fault(inputs_file(epoch), None, format!("these inputs give no plan: {cause}")))
        .ok()
}

/// Compares the transfers of an epoch with those that are planned. `end` is where the last leaf stands.
pub(super) fn compare_with_plan(
    epoch: Epoch,
    planned: &[Transfer],
    transfers: &[Placed<'_>],
    end: &Place,
    report: &mut Report,
) {
    let mut missing: HashMap<TransferId, &Transfer> = planned.iter().map(|transfer| (transfer.id, transfer)).collect();
    for Placed { place, transfer } in transfers {
        let cause = match missing.remove(&transfer.id) {
            Some(planned) if planned == *transfer => continue,
            Some(planned) => difference(planned, transfer),
            None if is_by_hand(transfer.code) => continue,
            None => format!("the inputs of epoch {epoch} give no `{}` with this id", transfer.code.as_str()),
        };
        report.fault(&place.0, Some(place.1), cause);
    }
    for transfer in planned.iter().filter(|transfer| missing.contains_key(&transfer.id)) {
        let Transfer { debit, credit, amount, code, .. } = transfer;
        let (id, code) = (hex::encode(transfer.id.0), code.as_str());
        let cause = format!("missing before: {id}, `{code}` of {} FROST from `{debit}` to `{credit}`", amount.0);
        report.fault(&end.0, Some(end.1), cause);
    }
}

fn difference(planned: &Transfer, posted: &Transfer) -> String {
    let fields = [
        ("book", format!("{:?}", planned.book), format!("{:?}", posted.book)),
        ("code", planned.code.as_str().to_owned(), posted.code.as_str().to_owned()),
        ("epoch", planned.epoch.to_string(), posted.epoch.to_string()),
        ("debit", planned.debit.to_string(), posted.debit.to_string()),
        ("credit", planned.credit.to_string(), posted.credit.to_string()),
        ("amount", planned.amount.0.to_string(), posted.amount.0.to_string()),
        ("cause", planned.cause.clone(), posted.cause.clone()),
    ];
    let differing = fields.into_iter().find(|(_, planned, posted)| planned != posted);
    let (name, planned, posted) = differing.unwrap_or_default();
    format!("the {name} is `{posted}`, and the inputs give `{planned}`")
}
