//! Lifecycle: pages of a bucket's versions are read, planned by `lifecycle`, and the plan applied through the same
//! transactions as anybody's DELETE, so that locks, markers and meters hold.

use std::sync::Arc;

use crate::domain::{Bucket, ETag, ObjectKey, VersionSelector, WriteCondition};
use crate::lifecycle::{Action, Calendar, Configuration, Planner, VersionFact};
use crate::metadata::{DeleteChange, EventTrigger, MetadataError, OnlyVersion, WalkPosition, WalkedVersion};
use crate::objects::Objects;
use crate::objects::edit::transition::Selected;
use crate::objects::error::ObjectsError;
use crate::objects::reporting::notifications::{PotentialEvent, by_lifecycle};

/// Versions read in one query.
const PAGE: usize = 1_000;

/// Deletions in one transaction: clients' writes wait for it, and all versions of a key may be in one page.
const DELETIONS_PER_COMMIT: usize = 128;

impl Objects {
    /// Applies a bucket's rules to a page of its versions after a key; the key to go on after, none at the end.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable: the page is done again.
    pub async fn apply_lifecycle(
        &self,
        bucket: &Arc<Bucket>,
        rules: &Configuration,
        calendar: Calendar,
        after: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, ObjectsError> {
        let names_tags = rules.in_force().any(|rule| rule.scope.names_tags());
        let mut planner = Planner::new(rules, calendar, self.inner.id_generator.now());
        let mut planned: Vec<Planned> = Vec::new();
        let mut position = WalkPosition { key: after, seq: None };
        let (mut key, mut seen, mut lone_null) = (None, 0, false);
        // A page ends where a key ends: the planner must see all versions of a key.
        let next = 'walk: loop {
            let page = self.inner.metadata.walk_versions(bucket.id, &position, PAGE).await?;
            for version in page.versions {
                if seen >= PAGE && key.as_ref().is_some_and(|key| *key != version.key) {
                    break 'walk Some(position.key);
                }
                for action in planner.next(&fact(&version)) {
                    // What is planned of the key before can only be about its one version, a marker.
                    let about_this = !matches!(action, Action::RemoveMarker(..));
                    if about_this && version.attributes.is_none() {
                        continue;
                    }
                    let null = if about_this { version.null } else { lone_null };
                    let tags = version.attributes.as_ref().filter(|_| about_this && names_tags);
                    let tags = tags.map(|attributes| attributes.tags.clone());
                    planned.push(Planned { action, null, etag: about_this.then_some(version.etag), tags });
                }
                lone_null = version.null;
                position = WalkPosition { key: version.key.as_bytes().to_vec(), seq: Some(version.seq) };
                key = Some(version.key);
                seen += 1;
                if planned.len() >= DELETIONS_PER_COMMIT {
                    self.carry_out_lifecycle(bucket, std::mem::take(&mut planned)).await?;
                }
            }
            if page.ended {
                break None;
            }
        };
        planned.extend(planner.end().map(|action| Planned { action, null: lone_null, etag: None, tags: None }));
        self.carry_out_lifecycle(bucket, planned).await?;
        Ok(next)
    }

    async fn carry_out_lifecycle(&self, bucket: &Arc<Bucket>, planned: Vec<Planned>) -> Result<(), ObjectsError> {
        let mut changes = Vec::new();
        for Planned { action, null, etag, tags } in planned {
            let name = |id| if null { VersionSelector::Null } else { VersionSelector::Id(id) };
            let (counted, removal) = match action {
                Action::Expire(key, id) => {
                    let only = OnlyVersion { id, etag, current: true, tags };
                    ("expire", Removal { key, selector: VersionSelector::Current, only })
                }
                Action::Remove(key, id) => {
                    let only = OnlyVersion { id, etag, current: false, tags };
                    ("remove", Removal { key, selector: name(id), only })
                }
                Action::RemoveMarker(key, id) => {
                    let only = OnlyVersion { id, etag: None, current: true, tags: None };
                    ("remove-marker", Removal { key, selector: name(id), only })
                }
                Action::Move(key, id, class) => {
                    match self.transition(bucket, &key, Selected { id, selector: name(id) }, &class).await {
                        Ok(()) => count("transition", 1),
                        Err(error) => {
                            tracing::warn!(%error, "a transition to another storage class failed and will be retried");
                        }
                    }
                    continue;
                }
            };
            changes.push((counted, self.lifecycle_deletion(bucket, removal)?));
        }
        self.commit_deletions(changes).await
    }

    /// Commits deletions in their order, a bounded number at a time, and counts those that were not refused. One that cannot be
    /// made, because its rows are damaged, keeps none of the others from being made.
    async fn commit_deletions(&self, changes: Vec<(&'static str, DeleteChange)>) -> Result<(), ObjectsError> {
        for some in changes.chunks(DELETIONS_PER_COMMIT) {
            match self.commit_some(some).await {
                Ok(()) => {}
                Err(MetadataError::Damaged(_) | MetadataError::Conflict) if some.len() > 1 => {
                    for one in some.chunks(1) {
                        self.commit_some(one).await.or_else(unless_unavailable)?;
                    }
                }
                Err(error) => unless_unavailable(error)?,
            }
        }
        Ok(())
    }

    async fn commit_some(&self, some: &[(&'static str, DeleteChange)]) -> Result<(), MetadataError> {
        let changes = some.iter().map(|(_, change)| change.clone()).collect();
        let committed = self.inner.metadata.commit_all(self.inner.id_generator.incarnation(), changes).await?;
        for ((counted, _), _) in some.iter().zip(committed).filter(|(_, committed)| committed.is_ok()) {
            count(counted, 1);
        }
        Ok(())
    }

    fn lifecycle_deletion(&self, bucket: &Bucket, removal: Removal) -> Result<DeleteChange, ObjectsError> {
        let Removal { key, selector, only } = removal;
        let removed = PotentialEvent::new(EventTrigger::Removed, "LifecycleExpiration:Delete");
        let marked = PotentialEvent::new(EventTrigger::Marked, "LifecycleExpiration:DeleteMarkerCreated");
        let events = self.inner.drafts(bucket, &key, Some(&by_lifecycle()), &[removed, marked])?;
        Ok(DeleteChange {
            bucket: bucket.id,
            key,
            selector,
            condition: WriteCondition::None,
            bypass: false,
            only: Some(only),
            events,
            marker: self.new_marker(),
        })
    }
}

/// Passes over a deletion whose rows are damaged, or that lost against others too often: it is planned again in the next round.
fn unless_unavailable(error: MetadataError) -> Result<(), ObjectsError> {
    match error {
        MetadataError::Damaged(_) | MetadataError::Conflict => {
            tracing::warn!(%error, "a deletion by a lifecycle rule failed and will be retried");
            Ok(())
        }
        error => Err(error.into()),
    }
}

/// What is to be done about a version.
struct Planned {
    action: Action,
    /// The version is the null version.
    null: bool,
    /// Its tag, where it has content.
    etag: Option<ETag>,
    /// The tags by which it was decided, where rules name tags.
    tags: Option<Vec<(String, String)>>,
}

/// What a rule removes: a version where it was seen.
struct Removal {
    key: ObjectKey,
    selector: VersionSelector,
    only: OnlyVersion,
}

pub(super) fn count(action: &'static str, times: usize) {
    if times > 0 {
        let times = u64::try_from(times).unwrap_or(u64::MAX);
        metrics::counter!("haulout_lifecycle_actions_total", "action" => action).increment(times);
    }
}

fn fact(version: &WalkedVersion) -> VersionFact {
    VersionFact {
        key: version.key.clone(),
        id: version.id,
        current: version.current,
        marker: version.marker,
        size: version.size,
        modified_at: version.modified_at,
        tags: version.attributes.as_ref().map(|attributes| attributes.tags.clone()).unwrap_or_default(),
        class: version.attributes.as_ref().map_or_else(String::new, |attributes| attributes.class().to_owned()),
    }
}
