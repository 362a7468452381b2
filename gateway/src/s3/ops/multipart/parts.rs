//! `UploadPart`, `UploadPartCopy`, `ListParts`.

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode, header};

use crate::domain::{Bucket, Checksum, ObjectKey, Part, PartNumber, Upload, VersionName};
use crate::objects::{BodyPromise, CopyPart, ObjectsError, Opener, PutPart};
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::listing::{Names, write_owner};
use crate::s3::documents::listing_input::page_size;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::range::{self, NoRange};
use crate::s3::headers::{checksums, encryption_keys, expiration, sse, versions};
use crate::s3::pipeline::funding::Fees;
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Document, Response, empty, etag_header, when_ready, xml};
use crate::s3::route::{Need, Row, on_object};

use crate::s3::ops::multipart::uploads::{UPLOAD_ID, upload_id};
use crate::s3::ops::objects::copy::{ATTEMPTS, COPY_SOURCE, Source, find_source};

const PART_NUMBER: &str = "partNumber";

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let list = &["max-parts", "part-number-marker", "encoding-type"];
    vec![
        on_object("UploadPart", Method::PUT, "s3:PutObject", upload_part)
            .query(PART_NUMBER)
            .query(UPLOAD_ID)
            .takes(&[Input::PartKey]),
        on_object("UploadPartCopy", Method::PUT, "s3:PutObject", upload_part_copy)
            .query(PART_NUMBER)
            .query(UPLOAD_ID)
            .need(Need::Header(COPY_SOURCE))
            .never_anonymous("copy objects")
            .takes(&[Input::PartKey, Input::CopySource]),
        on_object("ListParts", Method::GET, "s3:ListMultipartUploadParts", list_parts).query(UPLOAD_ID).accepts(list),
    ]
}

async fn upload_part(mut request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let customer = request.input.customer_key.clone();
    let number = part_number(&request)?;
    let upload = request.state.objects.upload(&bucket, &key, &upload_id(&request)?).await?;
    let (promise, body) = request.take_content()?;
    match_plan(&promise, &upload)?;
    let put = PutPart { upload: Arc::clone(&upload), bucket, number, promise, customer };
    let written = request.state.objects.put_part(put, body).await?;
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag_header(written.part.etag));
    sse::show(upload.attributes.encryption.as_ref(), &request.head.headers, headers);
    checksums::write_value(&written.checksum, None, headers);
    request.state.funding.announce(written.part.size, Fees::Written, headers);
    Ok(response)
}

/// A part is sent with the checksum its upload was created with, or with none; with any, where the upload has none of its own.
fn match_plan(promise: &BodyPromise, upload: &Upload) -> Result<(), S3Error> {
    match (upload.checksum, promise.sent_algorithm()) {
        (Some((planned, _)), Some(sent)) if sent != planned => {
            let message = format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                planned.name().to_ascii_lowercase(),
                sent.name().to_ascii_lowercase()
            );
            Err(S3Error::with(Code::InvalidRequest, message))
        }
        _ => Ok(()),
    }
}

/// The checksum of a part as the replies about its upload show it: not at all where the upload was created without one.
fn shown_checksum<'a>(part: &'a Part, upload: &Upload) -> Option<&'a Checksum> {
    part.checksum.as_ref().filter(|_| upload.checksum.is_some())
}

fn part_number(request: &S3Request) -> Result<PartNumber, S3Error> {
    let text = request.query().get(PART_NUMBER).unwrap_or_default();
    let number = text.parse().ok().and_then(|number| PartNumber::new(number).ok());
    number.ok_or_else(|| {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        S3Error::argument(message, PART_NUMBER, text)
    })
}

async fn upload_part_copy(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let (request_info, keep_alive_after) = (request.info(), request.state.settings.keep_alive_after);
    let number = part_number(&request)?;
    let upload = request.state.objects.upload(&bucket, &key, &upload_id(&request)?).await?;
    let work = async move {
        let mut attempts = 1..ATTEMPTS;
        loop {
            let source = find_source(&request).await?;
            let source_name = versions::name_in(&source.bucket, &source.version);
            let copy = plan_part_copy(&request, &bucket, &upload, number, source)?;
            match request.state.objects.copy_part(copy).await {
                Err(ObjectsError::SourceGone) if attempts.next().is_some() => {}
                part => return Ok(copied(&part?, source_name, &upload, &request.head.headers)),
            }
        }
    };
    when_ready(work, keep_alive_after, request_info).await
}

/// Which bytes become the part.
fn plan_part_copy(
    request: &S3Request,
    bucket: &Arc<Bucket>,
    upload: &Arc<Upload>,
    number: PartNumber,
    source: Source,
) -> Result<CopyPart, S3Error> {
    let range = match request.header("x-amz-copy-source-range") {
        None => 0..source.version.size,
        Some(text) => {
            let size = source.version.size;
            range::exact(text, size).map_err(|why| range_refused(text, size, why))?
        }
    };
    let (upload, bucket, customer) = (Arc::clone(upload), Arc::clone(bucket), request.input.customer_key.clone());
    let opener =
        Opener { account: source.bucket.owner, customer: encryption_keys::source_key(request)?, peer: request.peer() };
    Ok(CopyPart {
        source: source.version,
        source_bucket: source.bucket,
        range,
        upload,
        bucket,
        number,
        opener,
        customer,
    })
}

fn range_refused(text: &str, size: u64, why: NoRange) -> S3Error {
    let message = match why {
        NoRange::BeginsBeyond => {
            let message = "The specified copy range is invalid for the source object size";
            return S3Error::with(Code::InvalidRequest, message);
        }
        NoRange::EndsBeyond => format!("Range specified is not valid for source object of size: {size}"),
        NoRange::Malformed => {
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last \
                               are the zero-based offsets of the first and last bytes to copy"
                .to_owned()
        }
    };
    S3Error::argument(message, "x-amz-copy-source-range", text)
}

fn copied(part: &Part, source: Option<VersionName>, upload: &Upload, request_headers: &HeaderMap) -> Document {
    let mut writer = XmlWriter::document("CopyPartResult", 0);
    writer.plain("LastModified", xml_time(part.modified_at)).etag(part.etag);
    checksums::write_element(shown_checksum(part, upload), None, &mut writer);
    let mut headers = HeaderMap::new();
    sse::show(upload.attributes.encryption.as_ref(), request_headers, &mut headers);
    versions::show_source(source, &mut headers);
    Document { xml: writer.end("CopyPartResult"), headers }
}

async fn list_parts(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let upload = request.state.objects.upload(&bucket, &key, &upload_id(&request)?).await?;
    let limit = page_size(request.query(), "max-parts")?;
    let marker = request.query().number("part-number-marker")?.unwrap_or(0);
    let after = u16::try_from(marker).unwrap_or(u16::MAX);
    let names = Names::read(&request)?;
    // One more than asked for shows whether there is another page.
    let mut parts = request.state.metadata.parts(&upload.id, after, limit + 1).await?;
    let truncated = limit > 0 && parts.len() > limit;
    parts.truncate(limit);
    let owner = request.state.owner_by_id(upload.attributes.owner.unwrap_or(bucket.owner), &request.identity).await?;
    let mut writer = XmlWriter::document("ListPartsResult", 1_024 + parts.len() * 320);
    writer.text("Bucket", bucket.name.as_str());
    names.write(&mut writer, "Key", key.as_str());
    writer.plain("UploadId", upload.id);
    write_owner(&mut writer, "Initiator", &owner);
    write_owner(&mut writer, "Owner", &owner);
    writer.text("StorageClass", upload.attributes.class()).plain("PartNumberMarker", marker);
    writer.plain("NextPartNumberMarker", parts.last().map_or(0, |part| part.number.get()));
    writer.plain("MaxParts", limit).plain("IsTruncated", truncated);
    names.write_type(&mut writer);
    if let Some((algorithm, covers)) = upload.checksum {
        writer.plain("ChecksumAlgorithm", algorithm.name()).plain("ChecksumType", checksums::kind(covers));
    }
    for part in &parts {
        writer.open("Part").plain("PartNumber", part.number.get()).plain("LastModified", xml_time(part.modified_at));
        writer.etag(part.etag).plain("Size", part.size);
        checksums::write_element(shown_checksum(part, &upload), None, &mut writer);
        writer.close("Part");
    }
    let mut response = xml(writer.end("ListPartsResult"));
    expiration::announce_abort(&bucket, &key, upload.created_at, response.headers_mut())?;
    Ok(response)
}
