//! Which placement rules hold for a blob: those of the buckets that have something in it. They are asked for whenever something is decided by
//! them, so that a rule is kept in one place and counts from the moment it is set.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use codec::BlobId;

use crate::domain::{BucketId, BucketName, PlacementRule, Setting as _, Timestamp};
use crate::metadata::MetadataStore;
use crate::metadata::blobs::blob::keys;
use crate::metadata::blobs::owned_extent::ExtentOwner;
use crate::metadata::engine::columns::{bucket_name, limit};
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};

/// Who has something in blobs: versions with one extent, versions with more, parts of uploads under way. Each is a blob, a bucket, an owner.
const OWNERS: [&str; 3] = [
    "SELECT v.blob_id AS blob_id, v.bucket_id AS bucket_id, v.version_id AS owner FROM version v WHERE v.blob_id IN (VALUES ",
    "SELECT e.blob_id AS blob_id, v.bucket_id AS bucket_id, e.owner AS owner FROM extent e \
     JOIN version v ON v.version_id = e.owner AND v.extent_count > 1 WHERE e.blob_id IN (VALUES ",
    "SELECT e.blob_id AS blob_id, u.bucket_id AS bucket_id, e.owner AS owner FROM extent e \
     JOIN part p ON p.part_id = e.owner JOIN upload u ON u.id = p.upload_id WHERE e.blob_id IN (VALUES ",
];

/// Rules by bucket.
type RulesOfBuckets = BTreeMap<BucketId, Arc<PlacementRule>>;

impl MetadataStore {
    /// The distinct rules that hold for blobs. A blob without any is absent.
    ///
    /// # Errors
    /// `Damaged` when a rule cannot be read; else see [`MetadataError`].
    pub async fn placement_rules_over(&self, blobs: &[BlobId]) -> Result<HashMap<BlobId, Vec<Arc<PlacementRule>>>> {
        let mut session = self.database().reader().await?;
        let mut over = HashMap::<BlobId, Vec<Arc<PlacementRule>>>::new();
        if !has_rules(&mut session).await? {
            return Ok(over);
        }
        let mut held = BTreeSet::new();
        for owners in OWNERS {
            let head = format!("SELECT DISTINCT blob_id, bucket_id FROM ({owners}");
            for row in session.rows_of_rows(&head, keys(blobs), ")) o").await? {
                held.insert((BlobId(row.array(0)?), BucketId(row.int(1)?)));
            }
        }
        let rules = rules_of(&mut session, held.iter().map(|(_, bucket)| *bucket).collect()).await?;
        for (blob, bucket) in held {
            let Some(rule) = rules.get(&bucket) else { continue };
            let rules = over.entry(blob).or_default();
            if !rules.contains(rule) {
                rules.push(Arc::clone(rule));
            }
        }
        Ok(over)
    }

    /// The rules that hold for what lives in blobs, by owner. An owner whose bucket has none is absent.
    ///
    /// # Errors
    /// `Damaged` when a rule cannot be read; else see [`MetadataError`].
    pub async fn placement_rules_of_owners(
        &self,
        blobs: &[BlobId],
    ) -> Result<HashMap<ExtentOwner, Arc<PlacementRule>>> {
        let mut session = self.database().reader().await?;
        if !has_rules(&mut session).await? {
            return Ok(HashMap::new());
        }
        let mut buckets = HashMap::new();
        for head in OWNERS {
            for row in session.rows_of_rows(head, keys(blobs), ")").await? {
                buckets.insert(ExtentOwner(row.array(2)?), BucketId(row.int(1)?));
            }
        }
        let rules = rules_of(&mut session, buckets.values().copied().collect()).await?;
        Ok(buckets.into_iter().filter_map(|(owner, bucket)| Some((owner, rules.get(&bucket)?.clone()))).collect())
    }

    /// The distinct rules of all buckets, each with one of the buckets that have it; `most` of them.
    ///
    /// # Errors
    /// `Damaged` when a rule cannot be read; else see [`MetadataError`].
    pub async fn placement_rules(&self, most: usize) -> Result<Vec<(BucketName, PlacementRule)>> {
        let text = "SELECT MIN(b.name), s.document FROM bucket_setting s JOIN bucket b ON b.id = s.bucket_id \
                    WHERE s.kind = $1 GROUP BY s.document ORDER BY 1 LIMIT $2";
        let rows = self.database().rows(Statement::new(text).bind(PlacementRule::KIND).bind(limit(most))).await?;
        rows.iter().map(|row| Ok((bucket_name(row.text(0)?)?, parsed(row.text(1)?)?))).collect()
    }

    /// When a rule was last set, by the database's clock; none while there is no rule.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn placement_rules_changed_at(&self) -> Result<Option<Timestamp>> {
        let text = "SELECT MAX(changed_at) FROM bucket_setting WHERE kind = $1";
        let row = self.database().row(Statement::new(text).bind(PlacementRule::KIND)).await?;
        let at = row.map(|row| row.number_if_any::<i64>(0)).transpose()?.flatten();
        Ok(at.map(Timestamp))
    }
}

/// Whether any bucket has a rule: where none has, nothing more is asked.
async fn has_rules(session: &mut Session) -> Result<bool> {
    let text = "SELECT bucket_id FROM bucket_setting WHERE kind = $1 LIMIT 1";
    Ok(session.row(Statement::new(text).bind(PlacementRule::KIND)).await?.is_some())
}

async fn rules_of(session: &mut Session, buckets: BTreeSet<BucketId>) -> Result<RulesOfBuckets> {
    let head = format!(
        "SELECT bucket_id, document FROM bucket_setting WHERE kind = '{}' AND bucket_id IN (VALUES ",
        PlacementRule::KIND
    );
    let buckets = buckets.into_iter().map(|bucket| [Value::from(bucket.0)]).collect();
    let rows = session.rows_of_rows(&head, buckets, ")").await?;
    rows.iter().map(|row| Ok((BucketId(row.int(0)?), Arc::new(parsed(row.text(1)?)?)))).collect()
}

/// What cannot be read must not count as nothing.
fn parsed(text: &str) -> Result<PlacementRule> {
    serde_json::from_str(text).map_err(|error| MetadataError::Damaged(format!("a placement rule: {error}")))
}
