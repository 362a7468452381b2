//! `ListMultipartUploads`.

use std::sync::Arc;

use http::Method;

use crate::domain::{Bucket, UploadId};
use crate::metadata::{UploadEntry, UploadListQuery, UploadPage};
use crate::s3::authz::owners::Owners;
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::listing::{Names, write_owner};
use crate::s3::documents::listing_input::{ListingInput, page_size};
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::S3Error;
use crate::s3::headers::checksums;
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, xml};
use crate::s3::route::{Row, on_bucket};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let accepts = &["prefix", "delimiter", "key-marker", "upload-id-marker", "max-uploads", "encoding-type"];
    vec![
        on_bucket("ListMultipartUploads", Method::GET, "s3:ListBucketMultipartUploads", list_uploads)
            .query("uploads")
            .takes(&[Input::UploadListing])
            .accepts(accepts),
    ]
}

async fn list_uploads(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let text = |name| request.query().get(name).unwrap_or_default();
    let ListingInput { prefix, delimiter, .. } = request.input.listing.clone().unwrap_or_default();
    let names = Names::read(&request)?;
    let key_marker = text("key-marker");
    // Without a key the marker of an upload says nothing, and is ignored.
    let upload_marker = match text("upload-id-marker") {
        "" => None,
        _ if key_marker.is_empty() => None,
        marker => Some(read_marker(marker)?),
    };
    let query = UploadListQuery {
        prefix: prefix.as_bytes().to_vec(),
        delimiter: delimiter.as_bytes().to_vec(),
        key_marker: key_marker.as_bytes().to_vec(),
        upload_marker,
        limit: page_size(request.query(), "max-uploads")?,
    };
    let page = request.state.metadata.list_uploads(bucket.id, &query).await?;
    let named = page.entries.iter().filter_map(|entry| match entry {
        UploadEntry::Upload(upload) => upload.attributes.owner,
        UploadEntry::Prefix(_) => None,
    });
    let owners = Owners::of(&request, &bucket, named).await?;
    let mut writer = XmlWriter::document("ListMultipartUploadsResult", 1_024 + page.entries.len() * 480);
    writer.text("Bucket", bucket.name.as_str());
    names.write(&mut writer, "KeyMarker", key_marker);
    writer.text("UploadIdMarker", text("upload-id-marker"));
    write_next(&mut writer, &page, names);
    if !prefix.is_empty() {
        names.write(&mut writer, "Prefix", &prefix);
    }
    if !query.delimiter.is_empty() {
        names.write(&mut writer, "Delimiter", &delimiter);
    }
    names.write_type(&mut writer);
    writer.plain("MaxUploads", query.limit).plain("IsTruncated", page.truncated);
    write_entries(&mut writer, &page, names, &owners);
    Ok(xml(writer.end("ListMultipartUploadsResult")))
}

fn read_marker(marker: &str) -> Result<UploadId, S3Error> {
    marker.parse().map_err(|_| S3Error::argument("Invalid uploadId marker", "upload-id-marker", marker))
}

fn write_next(writer: &mut XmlWriter, page: &UploadPage, names: Names) {
    match page.entries.last() {
        Some(UploadEntry::Upload(upload)) => {
            names.write(writer, "NextKeyMarker", upload.key.as_str());
            writer.plain("NextUploadIdMarker", upload.id);
        }
        // Amazon names none here either, and leaves its clients without a way on.
        Some(UploadEntry::Prefix(prefix)) if page.truncated => {
            names.write(writer, "NextKeyMarker", &String::from_utf8_lossy(prefix));
            writer.text("NextUploadIdMarker", "");
        }
        Some(UploadEntry::Prefix(_)) | None => {
            writer.text("NextKeyMarker", "").text("NextUploadIdMarker", "");
        }
    }
}

fn write_entries(writer: &mut XmlWriter, page: &UploadPage, names: Names, owners: &Owners) {
    for entry in &page.entries {
        if let UploadEntry::Upload(upload) = entry {
            let owner = owners.get(upload.attributes.owner);
            writer.open("Upload");
            names.write(writer, "Key", upload.key.as_str());
            writer.plain("UploadId", upload.id);
            write_owner(writer, "Initiator", owner);
            write_owner(writer, "Owner", owner);
            writer.text("StorageClass", upload.attributes.class()).plain("Initiated", xml_time(upload.created_at));
            if let Some((algorithm, covers)) = upload.checksum {
                writer.plain("ChecksumAlgorithm", algorithm.name()).plain("ChecksumType", checksums::kind(covers));
            }
            writer.close("Upload");
        }
    }
    for entry in &page.entries {
        if let UploadEntry::Prefix(prefix) = entry {
            writer.open("CommonPrefixes");
            names.write(writer, "Prefix", &String::from_utf8_lossy(prefix));
            writer.close("CommonPrefixes");
        }
    }
}
