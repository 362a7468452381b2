//! Applies a plan: a fixed number of statements, each for many rows, sent together; decides nothing.

mod blobs;
mod extents;
mod sums;
mod version_numbers;
mod versions;
mod writes;

use crate::metadata::commit::apply::writes::Writes;
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::plan::Plan;
use crate::metadata::engine::session::Session;
use crate::metadata::error::Result;
use crate::metadata::shared::Shared;

/// On whose behalf a plan is applied, and what that gateway is configured to do.
#[derive(Clone, Copy, Debug)]
pub(in crate::metadata) struct Circumstances {
    /// Whose meters are written. Number 0 is that of nobody in particular.
    pub incarnation: u32,
    /// How long dead blobs stay. The queue holds when each is due, and not when it died, because every gateway on the
    /// database, also one of an earlier release, deletes what is due.
    grace_seconds: i64,
}

impl Circumstances {
    /// As they are now.
    pub(in crate::metadata) fn now(shared: &Shared, incarnation: u32) -> Self {
        Self { incarnation, grace_seconds: shared.grace_seconds() }
    }
}

/// Applies a plan.
pub(in crate::metadata) async fn apply(
    tx: &mut Session,
    facts: &Facts,
    plan: &Plan<'_>,
    given: Circumstances,
) -> Result<()> {
    let now = facts.fenced_now()?;
    let mut writes = Writes::new(tx.dialect());
    extents::remove(&mut writes, plan);
    versions::update_current_flags(&mut writes, plan);
    versions::insert_versions(&mut writes, facts, plan)?;
    versions::amend(&mut writes, plan)?;
    versions::append(&mut writes, plan)?;
    extents::insert_parts(&mut writes, plan)?;
    extents::insert_extents(&mut writes, plan)?;
    extents::move_extents(&mut writes, plan)?;
    extents::remeter(&mut writes, plan)?;
    blobs::insert_blobs(&mut writes, plan, now)?;
    blobs::update_live_bytes(&mut writes, plan)?;
    blobs::enqueue_thin_blobs(&mut writes, facts, plan, now);
    blobs::enqueue_dead_blobs(&mut writes, plan, now, given.grace_seconds);
    sums::meter(&mut writes, plan, now, given.incarnation)?;
    sums::sum_up(&mut writes, plan);
    extents::leave_behind(&mut writes, plan, now);
    writes.send(tx).await
}
