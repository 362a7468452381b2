//! `ListObjectVersions`, as it looks on a bucket that was never versioned: every object is its only version, `null`.

use std::sync::Arc;

use http::Method;

use crate::domain::Bucket;
use crate::metadata::ListEntry;
use crate::s3::call::Call;
use crate::s3::error::S3Error;
use crate::s3::listing::{Listing, owner_element};
use crate::s3::respond::{Response, xml};
use crate::s3::route::{Row, on_bucket};
use crate::s3::xml::XmlWriter;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let accepts = &["prefix", "delimiter", "key-marker", "version-id-marker", "max-keys", "encoding-type"];
    vec![
        on_bucket("ListObjectVersions", Method::GET, "s3:ListBucketVersions", list_object_versions)
            .query("versions")
            .accepts(accepts),
    ]
}

async fn list_object_versions(call: Call, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let key_marker = call.query.get("key-marker").unwrap_or_default();
    let version_marker = call.query.get("version-id-marker").unwrap_or_default();
    if key_marker.is_empty() && !version_marker.is_empty() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(S3Error::argument(message, "version-id-marker", version_marker));
    }
    let listing = Listing::read(&call, key_marker.as_bytes().to_vec())?;
    let owner = owner_element(&call.door.owner_of(&bucket, &call.identity).await?);
    let page = call.door.metadata.list_current(bucket.id, &listing.query).await?;
    let mut writer = XmlWriter::document("ListVersionsResult", 1_024 + page.entries.len() * 480);
    listing.write_head(&mut writer, bucket.name.as_str());
    listing.names.write(&mut writer, "Prefix", &listing.prefix());
    listing.names.write(&mut writer, "KeyMarker", key_marker);
    writer.text("VersionIdMarker", version_marker);
    if let Some(last) = page.entries.last().filter(|_| page.truncated) {
        listing.names.write(&mut writer, "NextKeyMarker", &String::from_utf8_lossy(last.marker()));
        if matches!(last, ListEntry::Object(_)) {
            writer.plain("NextVersionIdMarker", "null");
        }
    }
    writer.plain("IsTruncated", page.truncated);
    for entry in &page.entries {
        if let ListEntry::Object(object) = entry {
            writer.open("Version").raw("<VersionId>null</VersionId><IsLatest>true</IsLatest>");
            listing.write_object(&mut writer, object, Some(&owner));
            writer.close("Version");
        }
    }
    listing.write_prefixes(&mut writer, &page);
    Ok(xml(writer.end("ListVersionsResult")))
}
