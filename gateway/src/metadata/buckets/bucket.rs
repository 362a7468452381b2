//! Buckets.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{Bucket, BucketId, BucketName, BucketSettings, Setting, Timestamp, UploadId, UserId, Versioning};
use crate::metadata::MetadataStore;
use crate::metadata::buckets::{name_holds, settings};
use crate::metadata::commit::apply::{Circumstances, apply};
use crate::metadata::commit::facts::Facts;
use crate::metadata::commit::load;
use crate::metadata::commit::plan::Planner;
use crate::metadata::engine::columns::{bucket_name, limit};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::lock_columns;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::objects::uploads::part_sums;

pub(crate) const COLUMNS: &str =
    "id, name, account_id, location, created_at, versioning, is_locked, lock_mode, lock_days, lock_years";

/// A bucket to be.
#[derive(Clone, Debug)]
pub struct NewBucket {
    /// Whose it will be.
    pub owner: UserId,
    /// Its name.
    pub name: BucketName,
    /// Its `LocationConstraint`; empty for the gateway's own region.
    pub location: String,
    /// What is configured on it from the start, by kind.
    settings: Vec<(&'static str, String)>,
    /// Object lock is on from the start, and so is versioning.
    object_lock: bool,
}

impl NewBucket {
    /// A bucket on which nothing is configured.
    #[must_use]
    pub fn new(owner: UserId, name: BucketName, location: &str) -> Self {
        Self { owner, name, location: location.to_owned(), settings: Vec::new(), object_lock: false }
    }

    /// Turns object lock on, and with it versioning.
    #[must_use]
    pub fn with_object_lock(self) -> Self {
        Self { object_lock: true, ..self }
    }

    /// Configures something from the start: there is never a moment without it.
    ///
    /// # Errors
    /// When the setting cannot be written as JSON.
    pub fn configure<T: Setting>(&mut self, setting: &T) -> Result<()> {
        self.settings.push((T::KIND, settings::document(setting)?));
        Ok(())
    }
}

/// What a list shows of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketEntry {
    /// The row.
    pub id: BucketId,
    /// Its name.
    pub name: BucketName,
    /// Its `LocationConstraint`; empty for the gateway's own region.
    pub location: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The outcome of creating a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateBucket {
    /// The new bucket.
    Created(Arc<Bucket>),
    /// The same user already has it.
    OwnedByYou(Arc<Bucket>),
    /// Another user has it, or had it until lately.
    Taken,
}

/// The outcome of deleting a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteBucket {
    /// It is gone, and its unfinished uploads with it.
    Deleted,
    /// It has objects.
    NotEmpty,
    /// There is none.
    NoSuchBucket,
}

impl MetadataStore {
    /// Makes a bucket.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn create_bucket(&self, new: NewBucket) -> Result<CreateBucket> {
        let work = Create(new);
        let shared = self.shared.clone();
        let task = tokio::spawn(async move {
            let announced = shared.buckets.announce([work.0.name.clone()]);
            let done = shared.database.transact_here(&work).await?;
            match &done {
                CreateBucket::Created(bucket) => announced.finish([(work.0.name.clone(), bucket.clone())]),
                CreateBucket::OwnedByYou(_) | CreateBucket::Taken => drop(announced),
            }
            Ok(done)
        });
        task.await.map_err(|_| MetadataError::Unknown)?
    }

    /// A bucket by name. Cached: exact on SQLite; on PostgreSQL a deletion by another gateway is seen within 2 s.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn bucket(&self, name: &BucketName) -> Result<Option<Arc<Bucket>>> {
        let cache = &self.shared.buckets;
        if let Some(bucket) = cache.get(name) {
            return Ok(Some(bucket));
        }
        let insert_permit = cache.insert_permit(name);
        let text = format!("SELECT {COLUMNS} FROM bucket WHERE name = $1");
        let mut session = self.database().reader().await?;
        let Some(row) = session.row(Statement::new(text).bind(name.as_str())).await? else {
            return Ok(None);
        };
        let settings = settings::read(&mut session, BucketId(row.int(0)?)).await?;
        let bucket = Arc::new(bucket(&row, settings)?);
        // Its own name, not the caller's: that one may be a piece of a larger buffer.
        cache.offer(insert_permit, bucket.name.clone(), bucket.clone());
        Ok(Some(bucket))
    }

    /// Deletes an empty bucket. Unfinished uploads do not keep it: they are aborted in the same transaction. Its name is held
    /// for its owner's account for so many seconds of database time.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn delete_bucket(&self, id: BucketId, hold_seconds: u32) -> Result<DeleteBucket> {
        let row = self.database().row(Statement::new("SELECT name FROM bucket WHERE id = $1").bind(id.0)).await?;
        let Some(row) = row else { return Ok(DeleteBucket::NoSuchBucket) };
        let name = bucket_name(row.text(0)?)?;
        let shared = self.shared.clone();
        // Not a gateway's incarnation: the meters of what goes with the bucket are kept under the number 0.
        let given = Circumstances::now(&shared, 0);
        let task = tokio::spawn(async move {
            let _announced = shared.buckets.announce([name]);
            shared.database.transact_here(&Delete { id, hold_seconds, given }).await
        });
        task.await.map_err(|_| MetadataError::Unknown)?
    }

    /// Buckets by name: those of one owner or all, that begin with `prefix` and come after `after`.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn list_buckets(
        &self,
        owner: Option<UserId>,
        prefix: &str,
        after: &str,
        most: usize,
    ) -> Result<Vec<BucketEntry>> {
        // Names are ASCII: everything that begins with the prefix lies between it and the prefix with the last letter.
        let end = format!("{prefix}\u{7f}");
        let whose = if owner.is_some() { "account_id = $5" } else { "$5 = $5" };
        let text = format!(
            "SELECT {COLUMNS} FROM bucket WHERE name >= $1 AND name < $2 AND name > $3 AND {whose} ORDER BY name LIMIT $4"
        );
        let statement = Statement::new(text)
            .bind(prefix)
            .bind(&*end)
            .bind(after)
            .bind(limit(most))
            .bind(owner.map_or(0, |owner| owner.0));
        self.database().rows(statement).await?.iter().map(entry).collect()
    }
}

struct Create(NewBucket);

impl Work for Create {
    type Done = CreateBucket;

    async fn run(&self, tx: &mut Session) -> Result<CreateBucket> {
        let text = format!(
            "INSERT INTO bucket (name, account_id, location, versioning, is_locked, has_quota, created_at) \
             SELECT $1, $2, $3, $4, $5, EXISTS (SELECT 1 FROM quota WHERE scope = 'user' AND id = $6), {} WHERE TRUE \
             ON CONFLICT (name) DO NOTHING RETURNING {COLUMNS}",
            tx.dialect().now()
        );
        let Self(new) = self;
        // A quota over the owner that is just being set is waited for, and then seen.
        let owner = format!("SELECT id FROM account WHERE id = $1{}", tx.dialect().for_share());
        tx.row(Statement::new(owner).bind(new.owner.0)).await?;
        let versioning = if new.object_lock { Versioning::Enabled } else { Versioning::Never };
        let statement = Statement::new(text)
            .bind(new.name.as_str())
            .bind(new.owner.0)
            .bind(&*new.location)
            .bind(lock_columns::versioning_number(versioning))
            .bind(new.object_lock)
            .bind(new.owner.0);
        if let Some(row) = tx.row(statement).await? {
            let id = BucketId(row.int(0)?);
            // Looked at only now: whoever deleted the bucket meanwhile was waited for by the insertion.
            if !name_holds::take(tx, &new.name, new.owner).await? {
                tx.execute(Statement::new("DELETE FROM bucket WHERE id = $1").bind(id.0)).await?;
                return Ok(CreateBucket::Taken);
            }
            for (kind, document) in &new.settings {
                settings::write(tx, id, kind, document).await?;
            }
            let texts = new.settings.iter().map(|(kind, document)| ((*kind).to_owned(), document.clone()));
            return Ok(CreateBucket::Created(Arc::new(bucket(&row, BucketSettings::from_texts(texts))?)));
        }
        let text = format!("SELECT {COLUMNS} FROM bucket WHERE name = $1");
        // Gone again since: run the transaction again.
        let row = tx.row(Statement::new(text).bind(new.name.as_str())).await?.ok_or(MetadataError::Conflict)?;
        let settings = settings::read(tx, BucketId(row.int(0)?)).await?;
        let bucket = bucket(&row, settings)?;
        Ok(if bucket.owner == new.owner { CreateBucket::OwnedByYou(Arc::new(bucket)) } else { CreateBucket::Taken })
    }
}

struct Delete {
    id: BucketId,
    hold_seconds: u32,
    given: Circumstances,
}

impl Work for Delete {
    type Done = DeleteBucket;

    /// Takes the bucket's row alone, so that no commit into it is under way and none can follow.
    async fn run(&self, tx: &mut Session) -> Result<DeleteBucket> {
        let text = format!("SELECT id FROM bucket WHERE id = $1{}", tx.dialect().for_update());
        if tx.row(Statement::new(text).bind(self.id.0)).await?.is_none() {
            return Ok(DeleteBucket::NoSuchBucket);
        }
        let text = "SELECT seq FROM version WHERE bucket_id = $1 LIMIT 1";
        if tx.row(Statement::new(text).bind(self.id.0)).await?.is_some() {
            return Ok(DeleteBucket::NotEmpty);
        }
        let rows = tx.rows(Statement::new("SELECT id FROM upload WHERE bucket_id = $1").bind(self.id.0)).await?;
        let ids = rows.iter().map(|row| row.array(0).map(UploadId)).collect::<Result<BTreeSet<_>>>()?;
        let mut facts = Facts::default();
        let dialect = tx.dialect();
        let first = [
            load::now(dialect, None),
            load::buckets(dialect, BTreeSet::from([self.id])),
            load::uploads(dialect, ids.clone(), true),
        ];
        load::ask(tx, &mut facts, first).await?;
        let sums = part_sums(tx, &ids).await?;
        let mut planner = Planner::new(&facts);
        for id in ids {
            planner.abandon(self.id, id, sums.get(&id).copied().unwrap_or_default());
        }
        apply(tx, &facts, &planner.finish()?, self.given).await?;
        tx.execute(Statement::new("DELETE FROM completed_upload WHERE bucket_id = $1").bind(self.id.0)).await?;
        tx.execute(Statement::new("DELETE FROM bucket_setting WHERE bucket_id = $1").bind(self.id.0)).await?;
        let text = "DELETE FROM quota WHERE scope = 'bucket' AND id = $1";
        tx.execute(Statement::new(text).bind(self.id.0)).await?;
        name_holds::put(tx, self.id, self.hold_seconds).await?;
        // What it held until now is charged when the epoch is over.
        let text = "INSERT INTO bucket_funds (bucket_id, name, owner, is_gone) SELECT id, name, account_id, TRUE FROM bucket \
                    WHERE id = $1 ON CONFLICT (bucket_id) DO UPDATE SET is_gone = TRUE";
        tx.execute(Statement::new(text).bind(self.id.0)).await?;
        tx.execute(Statement::new("DELETE FROM bucket WHERE id = $1").bind(self.id.0)).await?;
        Ok(DeleteBucket::Deleted)
    }
}

fn entry(row: &Row) -> Result<BucketEntry> {
    Ok(BucketEntry {
        id: BucketId(row.int(0)?),
        name: bucket_name(row.text(1)?)?,
        location: row.text(3)?.to_owned(),
        created_at: Timestamp(row.int(4)?),
    })
}

fn bucket(row: &Row, settings: BucketSettings) -> Result<Bucket> {
    Ok(Bucket {
        id: BucketId(row.int(0)?),
        name: bucket_name(row.text(1)?)?,
        owner: UserId(row.int(2)?),
        location: row.text(3)?.to_owned(),
        created_at: Timestamp(row.int(4)?),
        settings,
        versioning: lock_columns::versioning(row, 5)?,
        lock: lock_columns::object_lock(row, 6)?,
    })
}
