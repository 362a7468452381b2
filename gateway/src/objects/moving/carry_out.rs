//! Carries out what was planned for a blob: slivers that are sound and only move are copied, the others rebuilt from any k; then their rows
//! move.

use std::sync::Arc;

use backends::SliverName;
use codec::Root;

use crate::domain::{Placement, StoredBlob};
use crate::metadata::{SliverLocation, SliverMove};
use crate::objects::Objects;
use crate::objects::error::{ObjectsError, fail_at};
use crate::objects::maintenance::rebuild::{Target, rebuild_slivers};
use crate::objects::moving::copy_sliver::{Copied, copy_sliver};
use crate::placement::{RepairPlan, SliverFact, SliverRebuild};

impl Objects {
    /// Makes the planned slivers and moves their rows; which moved.
    pub(crate) async fn carry_out(
        &self,
        blob: &StoredBlob,
        facts: &[SliverFact<'_>],
        plan: &RepairPlan,
    ) -> Result<Vec<u8>, ObjectsError> {
        let inner = &self.inner;
        if plan.rebuilds.is_empty() || plan.unreadable {
            return Ok(Vec::new());
        }
        let targets: Vec<Target> = plan.rebuilds.iter().map(|one| self.target(blob, one)).collect();
        let location = |target: &Target| SliverLocation {
            blob: blob.id,
            index: target.name.index,
            attempt: target.name.attempt,
            backend: target.backend.id.clone(),
        };
        let incarnation = inner.id_generator.incarnation();
        let stamp = inner.metadata.announce_slivers(incarnation, targets.iter().map(location).collect()).await?;
        fail_at("repair-announced")?;
        let mut moved = Vec::new();
        for (target, root) in self.make(blob, facts, targets).await? {
            let index = target.name.index;
            if self.take_over(blob, target, root, stamp).await? {
                moved.push(index);
            }
        }
        Ok(moved)
    }

    /// Where a planned sliver goes, under a name that none had before.
    fn target(&self, blob: &StoredBlob, one: &SliverRebuild) -> Target {
        let backend = Arc::clone(&self.inner.committee.backends()[one.target]);
        let name = SliverName { blob: blob.id, index: one.index, attempt: self.inner.id_generator.attempt() };
        Target { backend, name }
    }

    /// Writes the slivers; those that were sealed, with their roots. A sliver that cannot be copied from where it is counts as lost and is
    /// rebuilt like the others.
    async fn make(
        &self,
        blob: &StoredBlob,
        facts: &[SliverFact<'_>],
        targets: Vec<Target>,
    ) -> Result<Vec<(Target, Root)>, ObjectsError> {
        let is_sound = |index: u8| facts.get(usize::from(index)).is_some_and(SliverFact::is_sound);
        let n = u8::try_from(facts.len()).unwrap_or(u8::MAX);
        let mut without: Vec<u8> = (0..n).filter(|index| !is_sound(*index)).collect();
        let (mut made, mut rebuilt) = (Vec::new(), Vec::new());
        for target in targets {
            let index = target.name.index;
            let old = blob.placements.iter().find(|old| old.index == index).filter(|_| is_sound(index));
            let source = old.and_then(|old| Some((old, self.inner.committee.backend(&old.backend)?)));
            let Some((old, source)) = source else {
                rebuilt.push(target);
                continue;
            };
            match copy_sliver(&self.inner, blob, (old, source), target).await? {
                Copied::Sealed(target) => made.push((target, old.root)),
                Copied::SourceFailed(target) => {
                    without.push(index);
                    rebuilt.push(target);
                }
                Copied::TargetFailed => {}
            }
        }
        if !made.is_empty() {
            fail_at("repair-copied")?;
        }
        if !rebuilt.is_empty() {
            match rebuild_slivers(&self.inner, blob, &without, rebuilt).await {
                Ok(rebuilt) => made.extend(rebuilt),
                // What was copied is not given up for it.
                Err(error) if !made.is_empty() => {
                    tracing::warn!(blob = %blob.id, %error, "slivers could not be rebuilt; others of the blob were copied");
                }
                Err(error) => return Err(error),
            }
            fail_at("repair-rebuilt")?;
        }
        Ok(made)
    }

    /// Reads a new sliver back and makes it one of its blob's; whether it is now.
    async fn take_over(&self, blob: &StoredBlob, target: Target, root: Root, stamp: i64) -> Result<bool, ObjectsError> {
        let inner = &self.inner;
        let index = target.name.index;
        let to = Placement { index, backend: target.backend.id.clone(), attempt: target.name.attempt, root };
        let from = blob.placements.iter().find(|old| old.index == index).cloned();
        if from.as_ref().is_some_and(|old| old.root != root) {
            let reason = format!("sliver {index} of blob {} was rebuilt with another root", blob.id);
            return Err(ObjectsError::Internal(reason));
        }
        if let Some(error) = self.examine(blob, &to, &target.backend, true).await.error() {
            target.backend.write_failed(&error);
            return Ok(false);
        }
        fail_at("repair-proven")?;
        let discard = from.as_ref().is_some_and(|old| inner.committee.backend(&old.backend).is_some());
        let bytes = blob.layout.sliver_len();
        let sliver = SliverMove { blob: blob.id, from, to, stamp, discard, bytes };
        let moved = inner.metadata.move_sliver(inner.id_generator.incarnation(), sliver).await?;
        if moved {
            metrics::counter!("haulout_repair_slivers_total").increment(1);
            metrics::counter!("haulout_repair_bytes_total").increment(bytes);
        }
        inner.forget_blob(&blob.id);
        fail_at("repair-moved")?;
        Ok(moved)
    }
}
