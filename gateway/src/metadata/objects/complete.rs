//! Completing an upload: metadata alone, in one transaction, the same answer for 24 hours.

use std::collections::{BTreeSet, HashSet};

use codec::ContentSalt;

use crate::domain::{
    BucketId, Checksum, ETag, ObjectKey, Part, PartNumber, Timestamp, UploadId, Version, VersionId, VersionLookup,
    VersionName, VersionPart, WriteCondition,
};
use crate::metadata::MetadataStore;
use crate::metadata::commit::apply::{Circumstances, apply};
use crate::metadata::commit::facts::{Facts, KeyLocation};
use crate::metadata::commit::plan::Planner;
use crate::metadata::commit::targets::Targets;
use crate::metadata::commit::{Outcome, Refusal, StoredVersion, load, load_versions};
use crate::metadata::engine::columns::{self, checksum_value, etag, etag_bytes, int};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::events::{EventDraft, due_events};
use crate::metadata::objects::version_cache::VersionCache;

/// An upload and the version it is to become.
#[derive(Clone, Debug)]
pub struct CompleteChange {
    /// The upload's bucket.
    pub bucket: BucketId,
    /// The upload.
    pub upload: UploadId,
    /// The parts the version is made of. Their rows must still carry these tags and salts; the other parts are
    /// released.
    pub chosen: Vec<PartRevision>,
    /// The version. Its extents are the chosen parts' extents, one after the other.
    pub version: Version,
    /// What `partNumber` reads will see.
    pub parts: Vec<VersionPart>,
    /// What must hold for the key's current version.
    pub condition: WriteCondition,
    /// Messages to send when it is made.
    pub events: Vec<EventDraft>,
}

/// A part as it was read: one that was written again has another tag or salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRevision {
    /// Its number.
    pub number: PartNumber,
    /// Its tag.
    pub etag: ETag,
    /// What its content is enciphered with, if it is.
    pub salt: Option<ContentSalt>,
}

impl From<&Part> for PartRevision {
    fn from(part: &Part) -> Self {
        Self { number: part.number, etag: part.etag, salt: part.salt }
    }
}

/// What is remembered of a completed upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedUpload {
    /// The version it became; it may have been replaced since.
    pub version: VersionId,
    /// Its tag.
    pub etag: ETag,
    /// Its additional checksum.
    pub checksum: Option<Checksum>,
    /// Bytes of content.
    pub size: u64,
    /// When it was committed.
    pub modified_at: Timestamp,
    /// What clients call it where there are versions.
    pub name: VersionName,
}

/// The outcome of completing an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompleteOutcome {
    /// The version is visible.
    Completed(StoredVersion),
    /// An earlier request has completed it; nothing changed.
    AlreadyCompleted(CompletedUpload),
    /// There is no such upload.
    NoSuchUpload,
    /// A chosen part is gone or another: read the parts again.
    PartsChanged,
    /// The bucket is gone or the condition does not hold; the upload stays.
    Refused(Refusal),
}

const COLUMNS: &str = "version_id, etag, checksum, size, modified_at, is_null";

impl MetadataStore {
    /// Makes a version of an upload's parts.
    ///
    /// # Errors
    /// Nothing changed, unless it is [`MetadataError::Unknown`].
    pub async fn complete_upload(&self, incarnation: u32, change: CompleteChange) -> Result<CompleteOutcome> {
        let shared = self.shared.clone();
        let work = Complete { given: Circumstances::now(&shared, incarnation), change };
        let task = tokio::spawn(async move {
            let location = (work.change.bucket, VersionCache::own_key(&work.change.version.key));
            let announced = shared.versions.as_ref().map(|cache| cache.announce([location]));
            let (outcome, known) = shared.database.transact_here(&work).await?;
            if let Some(announced) = announced {
                announced.finish(known);
            }
            Ok(outcome)
        });
        task.await.map_err(|_| MetadataError::Unknown)?
    }

    /// What an upload became, for 24 hours after its completion.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn completed_upload(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        id: &UploadId,
    ) -> Result<Option<CompletedUpload>> {
        let statement = select_completed(bucket, key, id);
        self.database().row(statement).await?.as_ref().map(completed).transpose()
    }
}

struct Complete {
    given: Circumstances,
    change: CompleteChange,
}

impl Work for Complete {
    /// The outcome, and what the key holds when it was completed.
    type Done = (CompleteOutcome, Vec<(KeyLocation, VersionLookup)>);

    async fn run(&self, tx: &mut Session) -> Result<Self::Done> {
        let dialect = tx.dialect();
        let change = &self.change;
        let key = &change.version.key;
        let keys = BTreeSet::from([(change.bucket, key)]);
        let mut facts = Facts::default();
        let first = [
            load::now(dialect, Some(self.given.incarnation)),
            load::buckets(dialect, BTreeSet::from([change.bucket])),
            load::uploads(dialect, BTreeSet::from([change.upload]), true),
            load_versions::currents(dialect, &keys),
            load::numbers(dialect, 1),
            load::parts_of(dialect, BTreeSet::from([change.upload])),
        ];
        load::ask(tx, &mut facts, first).await?;
        let now = facts.fenced_now()?;
        let named =
            facts.uploads.get(&change.upload).is_some_and(|fact| fact.bucket == change.bucket && fact.key == *key);
        if !named {
            let row = tx.row(select_completed(change.bucket, key, &change.upload)).await?;
            return Ok((already(row.as_ref())?, Vec::new()));
        }
        if facts.currents.is_empty() && change.condition != WriteCondition::None {
            load_versions::confirm_absent(tx, &keys).await?;
        }
        let mut targets = Targets::default();
        targets.written(change.bucket, key, &facts);
        load::ask(tx, &mut facts, targets.queries(tx)).await?;
        let going = targets.going(&facts);
        let owners: BTreeSet<_> = going.into_iter().chain(facts.parts.values().map(|part| part.id)).collect();
        let kept_apart = owners.iter().copied().filter(|owner| !facts.inline.contains(owner)).collect();
        load::ask(tx, &mut facts, [load::extents(dialect, kept_apart)]).await?;
        let chosen = change.chosen.iter().filter_map(|part| facts.parts.get(&(change.upload, part.number)));
        let chosen: HashSet<_> = chosen.map(|part| part.id).collect();
        let released = owners.iter().filter(|owner| !chosen.contains(owner));
        let extents = released.filter_map(|owner| facts.extents.get(owner)).flatten();
        let blobs = extents.map(|extent| extent.blob).collect();
        let last = [load::blobs(dialect, blobs), load::quotas(dialect, &facts)];
        load::ask(tx, &mut facts, last).await?;

        let mut planner = Planner::new(&facts);
        let outcome = planner.complete(change)?;
        let CompleteOutcome::Completed(stored) = outcome else { return Ok((outcome, Vec::new())) };
        let due = due_events::due(change.bucket, key, &change.events, false, &Outcome::Stored(stored));
        let plan = planner.finish()?;
        apply(tx, &facts, &plan, self.given).await?;
        due_events::insert(tx, due, now).await?;
        self.remember(tx, now, plan.versions.first().is_none_or(|planned| planned.version.null)).await?;
        Ok((outcome, plan.known()))
    }
}

impl Complete {
    async fn remember(&self, tx: &mut Session, now: i64, null: bool) -> Result<()> {
        let version = &self.change.version;
        let text = "INSERT INTO completed_upload (upload_id, bucket_id, key, version_id, etag, checksum, size, \
                    modified_at, completed_at, is_null) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let statement = Statement::new(text)
            .bind(self.change.upload.0)
            .bind(self.change.bucket.0)
            .bind(version.key.as_bytes())
            .bind(version.id.0)
            .bind(etag_bytes(&version.etag))
            .bind(checksum_value(version.checksum.as_ref()))
            .bind(int(version.size)?)
            .bind(version.modified_at.0)
            .bind(now)
            .bind(null);
        tx.execute(statement).await.map(drop)
    }
}

fn select_completed(bucket: BucketId, key: &ObjectKey, id: &UploadId) -> Statement {
    let text = format!("SELECT {COLUMNS} FROM completed_upload WHERE upload_id = $1 AND bucket_id = $2 AND key = $3");
    Statement::new(text).bind(id.0).bind(bucket.0).bind(key.as_bytes())
}

fn already(row: Option<&Row>) -> Result<CompleteOutcome> {
    row.map_or(Ok(CompleteOutcome::NoSuchUpload), |row| Ok(CompleteOutcome::AlreadyCompleted(completed(row)?)))
}

fn completed(row: &Row) -> Result<CompletedUpload> {
    Ok(CompletedUpload {
        version: VersionId(row.array(0)?),
        etag: etag(row.bytes(1)?)?,
        checksum: columns::checksum(row.bytes_if_any(2)?)?,
        size: row.number(3)?,
        modified_at: Timestamp(row.int(4)?),
        name: if row.flag(5)? { VersionName::Null } else { VersionName::Id(VersionId(row.array(0)?)) },
    })
}
