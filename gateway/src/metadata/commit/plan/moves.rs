//! Moving extents to where the same bytes lie.

use std::collections::HashSet;

use super::super::super::compact::ExtentMove;
use super::super::super::{MetadataError, Result};
use super::Planner;

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
            let row = usize::try_from(from.ordinal)
                .ok()
                .and_then(|ordinal| self.facts.extents.get(&from.owner)?.get(ordinal))
                .is_some_and(|row| *row == from.extent);
            if wanted.to.length != from.extent.length {
                return Err(MetadataError::Damaged("a move must keep the length of its extent".to_owned()));
            }
            let fits = row && moved.insert((from.owner, from.ordinal)) && self.balance.can_hold(&[wanted.to])?;
            if fits {
                self.balance.take(&[from.extent])?;
                self.balance.add(&[wanted.to]);
                self.plan.moves.push((*wanted, self.facts.inline.contains(&from.owner)));
            }
            done.push(fits);
        }
        Ok(done)
    }
}
