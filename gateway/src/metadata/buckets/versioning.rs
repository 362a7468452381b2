//! The state of buckets that commits depend on: versioning and object lock.

use crate::domain::{Bucket, BucketId, ObjectLock, Versioning};
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::lock_columns::{self, default_retention, versioning_number};
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};

/// The outcome of changing the state of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetState {
    /// The state was set.
    Done,
    /// The bucket is gone.
    NoSuchBucket,
    /// Object lock needs versioning to be and to stay enabled.
    InvalidState,
}

impl MetadataStore {
    /// Enables or suspends versioning. Commits that are under way end first, and all later ones see it.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn set_versioning(&self, bucket: &Bucket, enabled: bool) -> Result<SetState> {
        let versioning = if enabled { Versioning::Enabled } else { Versioning::Suspended };
        self.change_state(bucket, Wanted::Versioning(versioning)).await
    }

    /// Turns object lock on, if it is not, and sets the default retention of new versions.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn set_object_lock(&self, bucket: &Bucket, lock: ObjectLock) -> Result<SetState> {
        self.change_state(bucket, Wanted::Lock(lock)).await
    }

    async fn change_state(&self, bucket: &Bucket, wanted: Wanted) -> Result<SetState> {
        let (shared, name) = (self.shared.clone(), bucket.name.clone());
        let change = Change { bucket: bucket.id, wanted };
        let task = tokio::spawn(async move {
            let _announced = shared.buckets.announce([name]);
            shared.database.transact_here(&change).await
        });
        task.await.map_err(|_| MetadataError::Unknown)?
    }
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    Versioning(Versioning),
    Lock(ObjectLock),
}

struct Change {
    bucket: BucketId,
    wanted: Wanted,
}

impl Work for Change {
    type Done = SetState;

    /// Takes the bucket's row alone: commits hold it together with each other until they end.
    async fn run(&self, tx: &mut Session) -> Result<SetState> {
        let text = format!("SELECT versioning, is_locked FROM bucket WHERE id = $1{}", tx.dialect().for_update());
        let Some(row) = tx.row(Statement::new(text).bind(self.bucket.0)).await? else {
            return Ok(SetState::NoSuchBucket);
        };
        let (versioning, locked) = (lock_columns::versioning(&row, 0)?, row.flag(1)?);
        let statement = match self.wanted {
            Wanted::Versioning(Versioning::Suspended) if locked => return Ok(SetState::InvalidState),
            Wanted::Versioning(wanted) => {
                Statement::new("UPDATE bucket SET versioning = $1 WHERE id = $2").bind(versioning_number(wanted))
            }
            Wanted::Lock(_) if versioning != Versioning::Enabled => return Ok(SetState::InvalidState),
            Wanted::Lock(lock) => {
                let text =
                    "UPDATE bucket SET is_locked = TRUE, lock_mode = $1, lock_days = $2, lock_years = $3 WHERE id = $4";
                let [mode, days, years] = default_retention(lock.default);
                Statement::new(text).bind(mode).bind(days).bind(years)
            }
        };
        tx.execute(statement.bind(self.bucket.0)).await?;
        Ok(SetState::Done)
    }
}
