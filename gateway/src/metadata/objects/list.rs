//! Listing the current versions of a bucket.

use crate::domain::{BucketId, ChecksumAlgorithm, ChecksumKind, ETag, ObjectKey, Timestamp, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{self, etag, limit};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::objects::list_page::{KeyDisposition, RollUp};
use crate::metadata::objects::skip_scan;

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only keys that begin with this.
    pub prefix: Vec<u8>,
    /// Keys that go on after the prefix with this somewhere are rolled up to the end of its first occurrence; empty
    /// for none.
    pub delimiter: Vec<u8>,
    /// Only keys after this one. When it lies in a common prefix, the whole common prefix is skipped.
    pub after: Vec<u8>,
    /// The most entries; 0 gives an empty page that is not truncated.
    pub limit: usize,
    /// Whose each object is matters.
    pub owners: bool,
}

/// What a list shows of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: ObjectKey,
    /// Bytes of content.
    pub size: u64,
    /// Its tag.
    pub etag: ETag,
    /// When it was committed.
    pub modified_at: Timestamp,
    /// The additional checksum it has, without the value.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// Its storage class; none for STANDARD.
    pub class: Option<String>,
    /// Whose it is, if that is not the owner of the bucket and the query asks for owners.
    pub owner: Option<UserId>,
}

/// One entry of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListEntry {
    /// An object.
    Object(ListedObject),
    /// A common prefix, the delimiter included.
    Prefix(Vec<u8>),
}

impl ListEntry {
    /// The key or common prefix: as `after` of the next query it continues the list.
    #[must_use]
    pub fn marker(&self) -> &[u8] {
        match self {
            Self::Object(object) => object.key.as_bytes(),
            Self::Prefix(prefix) => prefix,
        }
    }
}

/// Entries in byte order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Objects and common prefixes, at most `limit` of both together.
    pub entries: Vec<ListEntry>,
    /// There is more after the last entry.
    pub truncated: bool,
}

impl MetadataStore {
    /// One page of a bucket's current versions, in the byte order of keys.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn list_current(&self, bucket: BucketId, query: &ListQuery) -> Result<ListPage> {
        let mut page = ListPage::default();
        if query.limit == 0 {
            return Ok(page);
        }
        let mut session = self.database().reader().await?;
        let mut roll = RollUp::new(&query.prefix, &query.delimiter, query.limit);
        let (mut from, end) = (roll.first_after(&query.after), roll.end());
        while from < end {
            let sparse = roll.sparse();
            let wanted = if sparse { roll.missing() } else { roll.piece() };
            let attributes = attributes(query.owners);
            let statement = if sparse {
                let stretch = skip_scan::Stretch { from, end: &end, wanted, attributes };
                skip_scan::statement(session.dialect(), bucket, stretch, &roll)
            } else {
                let text = format!(
                    "SELECT v.key, v.size, v.etag, v.modified_at, v.checksum, {attributes} FROM version v \
                     WHERE v.bucket_id = $1 AND v.key >= $2 AND v.key < $3 AND v.is_current AND NOT v.is_marker \
                     ORDER BY v.key LIMIT $4"
                );
                Statement::new(text).bind(bucket.0).bind(from).bind(&*end).bind(limit(wanted))
            };
            let rows = session.rows(statement).await?;
            for row in &rows {
                match roll.classify(row.bytes(0)?) {
                    KeyDisposition::Skip => {}
                    KeyDisposition::Key => page.entries.push(ListEntry::Object(listed(row, 5, query.owners)?)),
                    KeyDisposition::Prefix(prefix) => page.entries.push(ListEntry::Prefix(prefix.to_vec())),
                    KeyDisposition::Full => {
                        page.truncated = true;
                        return Ok(page);
                    }
                }
            }
            match rows.last() {
                Some(last) if rows.len() == wanted => from = roll.go_on(last.bytes(0)?),
                _ => break,
            }
        }
        Ok(page)
    }
}

/// The attributes of a version `v` that contain something a list shows; most contain nothing of the kind, and are not sent.
pub(crate) fn attributes(owners: bool) -> &'static str {
    if owners {
        "CASE WHEN v.attributes LIKE '%storage_class%' OR v.attributes LIKE '%\"owner\"%' THEN v.attributes ELSE '' END"
    } else {
        "CASE WHEN v.attributes LIKE '%storage_class%' THEN v.attributes ELSE '' END"
    }
}

/// An object from columns key, size, etag, modified_at, checksum; and, elsewhere, its [`attributes`].
pub(crate) fn listed(row: &Row, attributes: usize, owners: bool) -> Result<ListedObject> {
    let attributes = columns::attributes(row.text(attributes)?)?;
    let checksum = row.bytes_if_any(4)?.map(columns::split_checksum).transpose()?;
    Ok(ListedObject {
        key: columns::key(row.bytes(0)?)?,
        size: row.number(1)?,
        etag: etag(row.bytes(2)?)?,
        modified_at: Timestamp(row.int(3)?),
        checksum: checksum.map(|(algorithm, kind, _)| (algorithm, kind)),
        class: attributes.storage_class,
        owner: attributes.owner.filter(|_| owners),
    })
}
