//! The numbers of new versions, which are the order of a key's versions.

use std::collections::HashMap;

use crate::domain::{BucketId, ObjectKey};
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::plan::Plan;
use crate::metadata::error::{MetadataError, Result};

/// The number of each new version of a plan: from the sequence, and above those of all versions that its key has. The sequence alone
/// would do that as well, but for a server that gives each connection numbers in advance, or that was restored without it; a later
/// version with a lower number would be an earlier one to everybody, for ever.
pub(super) fn assign(facts: &Facts, plan: &Plan<'_>) -> Result<Vec<i64>> {
    if facts.numbers.len() < plan.versions.len() {
        return Err(MetadataError::Damaged("the version sequence gave too few numbers".to_owned()));
    }
    let mut newest: HashMap<(BucketId, &ObjectKey), i64> = HashMap::new();
    let mut assigned = Vec::with_capacity(plan.versions.len());
    for (planned, drawn) in plan.versions.iter().zip(&facts.numbers) {
        let key = &planned.version.key;
        let last = newest.entry((planned.bucket, key)).or_insert_with(|| {
            // The current version is the newest, and it was locked before the number was drawn.
            facts.currents.get(&(planned.bucket, key.clone())).map_or(0, |current| current.seq)
        });
        *last = (*last + 1).max(*drawn);
        assigned.push(*last);
    }
    Ok(assigned)
}
