//! Lifecycle: pages of a bucket's versions are read, planned by `lifecycle`, and the plan applied through the same
//! transactions as anybody's DELETE, so that locks, markers and meters hold.

use std::sync::Arc;

use crate::domain::{Bucket, ObjectKey, VersionSelector, WriteCondition};
use crate::lifecycle::{Action, Calendar, Configuration, Planner, VersionFact};
use crate::metadata::{
    DeleteChange, EventTrigger, OnlyVersion, UploadEntry, UploadListQuery, WalkPosition, WalkedVersion,
};
use crate::objects::Objects;
use crate::objects::edit::transition::Selected;
use crate::objects::error::ObjectsError;
use crate::objects::reporting::notifications::{PotentialEvent, by_lifecycle};

/// Versions read in one query.
const PAGE: usize = 1_000;

/// Deletions in one transaction: clients' writes wait for it, and all versions of a key may be in one page.
const DELETIONS_PER_COMMIT: usize = 128;

/// Uploads given up in one step.
const UPLOADS_PER_STEP: usize = 100;

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
        let mut planner = Planner::new(rules, calendar, self.inner.id_generator.now());
        let mut actions = Vec::new();
        let mut position = WalkPosition { key: after, seq: None };
        let (mut key, mut seen, mut lone_null) = (None, 0, false);
        // A page ends where a key ends: the planner must see all versions of a key.
        let next = 'walk: loop {
            let page = self.inner.metadata.walk_versions(bucket.id, &position, PAGE).await?;
            let full = page.len() == PAGE;
            for version in page {
                if seen >= PAGE && key.as_ref().is_some_and(|key| *key != version.key) {
                    break 'walk Some(position.key);
                }
                let planned = planner.next(&fact(&version));
                // What is planned of the key before can only be about its one version, a marker.
                let null = |action: &Action| match action {
                    Action::RemoveMarker(..) => lone_null,
                    _ => version.null,
                };
                let null: Vec<bool> = planned.iter().map(null).collect();
                actions.extend(planned.into_iter().zip(null));
                lone_null = version.null;
                position = WalkPosition { key: version.key.as_bytes().to_vec(), seq: Some(version.seq) };
                key = Some(version.key);
                seen += 1;
            }
            if !full {
                break None;
            }
        };
        actions.extend(planner.end().map(|action| (action, lone_null)));
        self.carry_out_lifecycle(bucket, actions).await?;
        Ok(next)
    }

    /// Aborts uploads that a bucket's rules consider old enough.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn abort_by_lifecycle(
        &self,
        bucket: &Bucket,
        rules: &Configuration,
        calendar: Calendar,
    ) -> Result<(), ObjectsError> {
        let now = self.inner.id_generator.now();
        let mut query = UploadListQuery { limit: PAGE, ..UploadListQuery::default() };
        loop {
            let page = self.inner.metadata.list_uploads(bucket.id, &query).await?;
            for entry in &page.entries {
                let UploadEntry::Upload(upload) = entry else { continue };
                let due = rules.abort(upload.key.as_bytes(), upload.created_at, calendar);
                if due.is_some_and(|(at, _)| at <= now) {
                    self.inner.metadata.abort_upload(bucket.id, &upload.key, &upload.id).await?;
                    count("abort", 1);
                }
            }
            match page.entries.last() {
                Some(UploadEntry::Upload(last)) if page.truncated => {
                    query.key_marker = last.key.as_bytes().to_vec();
                    query.upload_marker = Some(last.id);
                }
                _ => return Ok(()),
            }
        }
    }

    /// Aborts uploads without activity for so long, whatever rules there are. Returns how many.
    ///
    /// # Errors
    /// `Unavailable` when the database is unavailable.
    pub async fn abort_stale_uploads(&self, seconds: i64) -> Result<usize, ObjectsError> {
        let stale = self.inner.metadata.stale_uploads(seconds, UPLOADS_PER_STEP).await?;
        for upload in &stale {
            self.inner.metadata.abort_upload(upload.bucket, &upload.key, &upload.id).await?;
            tracing::info!(upload = %upload.id, "aborting a stale multipart upload");
        }
        Ok(stale.len())
    }

    async fn carry_out_lifecycle(
        &self,
        bucket: &Arc<Bucket>,
        actions: Vec<(Action, bool)>,
    ) -> Result<(), ObjectsError> {
        let mut changes = Vec::new();
        for (action, null) in actions {
            let name = |id| if null { VersionSelector::Null } else { VersionSelector::Id(id) };
            let (counted, removal) = match action {
                Action::Expire(key, id) => {
                    let only = OnlyVersion { id, current: true };
                    ("expire", Removal { key, selector: VersionSelector::Current, only })
                }
                Action::Remove(key, id) => {
                    ("remove", Removal { key, selector: name(id), only: OnlyVersion { id, current: false } })
                }
                Action::RemoveMarker(key, id) => {
                    ("remove-marker", Removal { key, selector: name(id), only: OnlyVersion { id, current: true } })
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

    /// Commits deletions in their order, a bounded number at a time, and counts those that were not refused.
    async fn commit_deletions(&self, changes: Vec<(&'static str, DeleteChange)>) -> Result<(), ObjectsError> {
        let mut changes = changes.into_iter();
        loop {
            let (counted, some): (Vec<_>, Vec<_>) = changes.by_ref().take(DELETIONS_PER_COMMIT).unzip();
            if some.is_empty() {
                return Ok(());
            }
            let committed = self.inner.metadata.commit_all(self.inner.id_generator.incarnation(), some).await?;
            for (counted, _) in counted.into_iter().zip(committed).filter(|(_, committed)| committed.is_ok()) {
                count(counted, 1);
            }
        }
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

/// What a rule removes: a version where it was seen.
struct Removal {
    key: ObjectKey,
    selector: VersionSelector,
    only: OnlyVersion,
}

fn count(action: &'static str, times: usize) {
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
        tags: version.attributes.tags.clone(),
        class: version.attributes.class().to_owned(),
    }
}
