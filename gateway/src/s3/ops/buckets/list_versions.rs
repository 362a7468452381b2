//! `ListObjectVersions`.

use std::sync::Arc;

use http::Method;

use crate::domain::{Bucket, VersionName};
use crate::metadata::{ListedContent, ListedVersion, VersionEntry, VersionListQuery};
use crate::s3::authz::owners::Owners;
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::listing::{Listing, OwnerElements};
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::S3Error;
use crate::s3::headers::versions;
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, xml};
use crate::s3::route::{Row, on_bucket};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let accepts = &["prefix", "delimiter", "key-marker", "version-id-marker", "max-keys", "encoding-type"];
    vec![
        on_bucket("ListObjectVersions", Method::GET, "s3:ListBucketVersions", list_object_versions)
            .query("versions")
            .takes(&[Input::Listing])
            .accepts(accepts),
    ]
}

async fn list_object_versions(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let key_marker = request.query().get("key-marker").unwrap_or_default();
    let version_marker = request.query().get("version-id-marker").unwrap_or_default();
    if key_marker.is_empty() && !version_marker.is_empty() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(S3Error::argument(message, "version-id-marker", version_marker));
    }
    let listing = Listing::read(&request, Vec::new())?;
    let marker = if version_marker.is_empty() { None } else { Some(versions::selector(Some(version_marker))?) };
    let query = VersionListQuery {
        prefix: listing.query.prefix.clone(),
        delimiter: listing.query.delimiter.clone(),
        key_marker: key_marker.as_bytes().to_vec(),
        version_marker: marker,
        limit: listing.query.limit,
        owners: Owners::are_shown(&request, &bucket)?,
    };
    let page = request.state.metadata.list_versions(bucket.id, &query).await?;
    let named = page.entries.iter().filter_map(|entry| match entry {
        VersionEntry::Version(ListedVersion { content: ListedContent::Object(object), .. }) => object.owner,
        _ => None,
    });
    let owners = OwnerElements::of(&Owners::of(&request, &bucket, named).await?);
    let mut writer = XmlWriter::document("ListVersionsResult", 1_024 + page.entries.len() * 480);
    listing.write_head(&mut writer, bucket.name.as_str());
    listing.names.write(&mut writer, "Prefix", &listing.prefix());
    listing.names.write(&mut writer, "KeyMarker", key_marker);
    writer.text("VersionIdMarker", version_marker);
    if let Some(last) = page.entries.last().filter(|_| page.truncated) {
        write_next(&listing, &mut writer, last);
    }
    writer.plain("IsTruncated", page.truncated);
    for entry in &page.entries {
        if let VersionEntry::Version(version) = entry {
            write_version(&listing, &mut writer, version, &owners);
        }
    }
    for entry in &page.entries {
        if let VersionEntry::Prefix(prefix) = entry {
            writer.open("CommonPrefixes");
            listing.names.write(&mut writer, "Prefix", &String::from_utf8_lossy(prefix));
            writer.close("CommonPrefixes");
        }
    }
    Ok(xml(writer.end("ListVersionsResult")))
}

fn write_next(listing: &Listing, writer: &mut XmlWriter, last: &VersionEntry) {
    match last {
        VersionEntry::Version(version) => {
            listing.names.write(writer, "NextKeyMarker", version.key().as_str());
            writer.plain("NextVersionIdMarker", version.name);
        }
        VersionEntry::Prefix(prefix) => {
            listing.names.write(writer, "NextKeyMarker", &String::from_utf8_lossy(prefix));
        }
    }
}

fn write_version(listing: &Listing, writer: &mut XmlWriter, version: &ListedVersion, owners: &OwnerElements) {
    let head = |writer: &mut XmlWriter, name: VersionName| {
        writer.plain("VersionId", name).plain("IsLatest", version.latest);
    };
    match &version.content {
        ListedContent::Object(object) => {
            head(writer.open("Version"), version.name);
            listing.write_object(writer, object, owners.get(object.owner));
            writer.close("Version");
        }
        ListedContent::Marker { key, modified_at } => {
            head(writer.open("DeleteMarker"), version.name);
            listing.names.write(writer, "Key", key.as_str());
            writer.plain("LastModified", xml_time(*modified_at)).raw(owners.get(None)).close("DeleteMarker");
        }
    }
}
