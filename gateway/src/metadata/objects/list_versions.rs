//! Listing all versions of a bucket: by key, of each key the newest first.

use crate::domain::{BucketId, ObjectKey, Timestamp, VersionId, VersionName, VersionSelector};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{self, limit};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::objects::list::{ListedObject, attributes, listed};
use crate::metadata::objects::list_page::{KeyDisposition, RollUp, successor};

/// What to list. Prefix and delimiter as in [`ListQuery`](crate::metadata::ListQuery).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionListQuery {
    /// Only keys that begin with this.
    pub prefix: Vec<u8>,
    /// Keys that go on after the prefix with this somewhere are rolled up; empty for none.
    pub delimiter: Vec<u8>,
    /// Only keys after this one, and versions of this key after the marker when there is one.
    pub key_marker: Vec<u8>,
    /// Only older versions of the marked key than this. If it is gone, all of that key's are listed again.
    pub version_marker: Option<VersionSelector>,
    /// The most entries.
    pub limit: usize,
    /// Whose each object is matters.
    pub owners: bool,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// What clients call it.
    pub name: VersionName,
    /// It is the newest of its key.
    pub latest: bool,
    /// What it holds, or only the key and date of a delete marker.
    pub content: ListedContent,
}

/// What a version holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedContent {
    /// An object.
    Object(ListedObject),
    /// A delete marker.
    Marker {
        /// Its key.
        key: ObjectKey,
        /// When it was made.
        modified_at: Timestamp,
    },
}

/// One entry of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionEntry {
    /// A version.
    Version(ListedVersion),
    /// A common prefix, the delimiter included.
    Prefix(Vec<u8>),
}

impl ListedVersion {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> &ObjectKey {
        match &self.content {
            ListedContent::Object(object) => &object.key,
            ListedContent::Marker { key, .. } => key,
        }
    }
}

/// Versions by key, of each key the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// Versions and common prefixes, at most `limit` of both together.
    pub entries: Vec<VersionEntry>,
    /// There is more after the last entry.
    pub truncated: bool,
}

impl MetadataStore {
    /// One page of all versions and delete markers of a bucket.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn list_versions(&self, bucket: BucketId, query: &VersionListQuery) -> Result<VersionPage> {
        let mut page = VersionPage::default();
        if query.limit == 0 {
            return Ok(page);
        }
        let mut session = self.database().reader().await?;
        let mut roll = RollUp::new(&query.prefix, &query.delimiter, query.limit);
        let end = roll.end();
        let mut from = beginning(&mut session, bucket, query, &roll).await?;
        while from.0 < end {
            let wanted = roll.piece();
            // A column for a column what `list_current` reads, and then what only versions have.
            let text = format!(
                "SELECT v.key, v.size, v.etag, v.modified_at, v.checksum, v.version_id, v.is_null, v.is_current, v.is_marker, \
                 v.seq, {} FROM version v \
                 WHERE v.bucket_id = $1 AND v.key >= $2 AND v.key < $3 AND (v.key > $4 OR v.seq < $5) \
                 ORDER BY v.key, v.seq DESC LIMIT $6",
                attributes(query.owners)
            );
            let statement = Statement::new(text)
                .bind(bucket.0)
                .bind(&*from.0)
                .bind(&*end)
                .bind(&*from.0)
                .bind(from.1)
                .bind(limit(wanted));
            let rows = session.rows(statement).await?;
            for row in &rows {
                match roll.classify(row.bytes(0)?) {
                    KeyDisposition::Skip => {}
                    KeyDisposition::Key => page.entries.push(VersionEntry::Version(version(row, query.owners)?)),
                    KeyDisposition::Prefix(prefix) => page.entries.push(VersionEntry::Prefix(prefix.to_vec())),
                    KeyDisposition::Full => {
                        page.truncated = true;
                        return Ok(page);
                    }
                }
            }
            let Some(last) = rows.last().filter(|_| rows.len() == wanted) else { break };
            let key = last.bytes(0)?;
            let next = roll.go_on(key);
            from = if next == successor(key) { (key.to_vec(), last.int(9)?) } else { (next, i64::MAX) };
        }
        Ok(page)
    }
}

/// Where a page begins: a key, and below which number its versions.
async fn beginning(
    session: &mut Session,
    bucket: BucketId,
    query: &VersionListQuery,
    roll: &RollUp<'_>,
) -> Result<(Vec<u8>, i64)> {
    let next = roll.first_after(&query.key_marker);
    let marker = query.version_marker.filter(|_| query.key_marker.starts_with(&query.prefix));
    let Some(marker) = marker.filter(|_| next == successor(&query.key_marker)) else { return Ok((next, i64::MAX)) };
    let (which, id) = match marker {
        VersionSelector::Current => return Ok((next, i64::MAX)),
        VersionSelector::Null => ("is_null AND version_id >= $3", Vec::new()),
        VersionSelector::Id(id) => ("NOT is_null AND version_id = $3", id.0.to_vec()),
    };
    let text = format!("SELECT seq FROM version WHERE bucket_id = $1 AND key = $2 AND {which}");
    let row = session.row(Statement::new(text).bind(bucket.0).bind(&*query.key_marker).bind(id)).await?;
    let below = row.map_or(Ok(i64::MAX), |row| row.int(0))?;
    Ok((query.key_marker.clone(), below))
}

fn version(row: &Row, owners: bool) -> Result<ListedVersion> {
    let name = if row.flag(6)? { VersionName::Null } else { VersionName::Id(VersionId(row.array(5)?)) };
    let content = if row.flag(8)? {
        ListedContent::Marker { key: columns::key(row.bytes(0)?)?, modified_at: Timestamp(row.int(3)?) }
    } else {
        ListedContent::Object(listed(row, 10, owners)?)
    };
    Ok(ListedVersion { name, latest: row.flag(7)?, content })
}
