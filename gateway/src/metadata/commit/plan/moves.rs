//! Moving extents to another blob with the same bytes.

use std::collections::HashSet;

use crate::metadata::blobs::owned_extent::ExtentMove;
use crate::metadata::commit::facts::MeteredFact;
use crate::metadata::commit::plan::planner::Planner;
use crate::metadata::error::{MetadataError, Result};

impl Planner<'_> {
    /// Moves extents that are still what they were; answers for each whether it moves.
    ///
    /// # Errors
    /// When a move changes the length or leaves its blob.
    pub(in crate::metadata) fn moves(&mut self, moves: &[ExtentMove]) -> Result<Vec<bool>> {
        let mut done = Vec::with_capacity(moves.len());
        let mut moved = HashSet::new();
        for wanted in moves {
            let from = &wanted.from;
            let row = if self.facts.inline.contains(&from.owner) {
                self.facts.extents.get(&from.owner).and_then(|extents| extents.first()).filter(|_| from.ordinal == 0)
            } else {
                self.facts.single_extents.get(&(from.owner, from.ordinal))
            };
            let row = row.is_some_and(|row| *row == from.extent);
            if wanted.to.length != from.extent.length {
                return Err(MetadataError::Damaged("a move must keep the length of its extent".to_owned()));
            }
            // An owner that was renamed meanwhile is not found: the move is retried later.
            let metered = self.facts.metered.get(&from.owner).filter(|_| row);
            let metered = metered.filter(|_| moved.insert((from.owner, from.ordinal)));
            let fits = metered.is_some() && self.balance.can_hold(&[wanted.to])?;
            if let Some(metered) = metered.filter(|_| fits) {
                self.meter_move(metered, wanted)?;
                self.balance.take(&[from.extent])?;
                self.balance.add(&[wanted.to]);
                self.plan.moves.push((*wanted, self.facts.inline.contains(&from.owner)));
            }
            done.push(fits);
        }
        Ok(done)
    }

    /// Meters the difference between the shares of two blobs: as much as was metered is what will be taken back when the bytes go.
    fn meter_move(&mut self, metered: &MeteredFact, wanted: &ExtentMove) -> Result<()> {
        let (left, record_added) = (self.balance.encoded(&[wanted.from.extent])?, self.balance.encoded(&[wanted.to])?);
        let change = self.plan.remetered.entry(wanted.from.owner);
        let (_, bytes) = change.or_insert_with(|| (metered.clone(), metered.encoded_bytes));
        let before = *bytes;
        *bytes = before.saturating_sub(left).saturating_add(record_added);
        let now = *bytes;
        let flow = self.flow(metered.bucket);
        flow.record_added(now.saturating_sub(before), 0);
        flow.record_removed(before.saturating_sub(now), 0);
        Ok(())
    }
}
