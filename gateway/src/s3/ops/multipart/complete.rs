//! `CompleteMultipartUpload`.

use std::sync::Arc;

use http::{HeaderMap, Method};

use crate::domain::{Bucket, BucketName, ObjectKey, PartNumber};
use crate::objects::{ChosenPart, CompleteUpload, Stored};
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{Element, XmlWriter, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::{checksums, sse, versions};
use crate::s3::pipeline::funding::Fees;
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Document, Response, object_url, when_ready};
use crate::s3::route::{Row, on_object};

use crate::s3::ops::multipart::uploads::{UPLOAD_ID, upload_id};

/// The largest list of parts: ten thousand of them with tags and checksums fit.
const LIST_BYTES_MAX: usize = 4 << 20;

/// What it takes; the rest came when the upload was created.
const TAKES: &[Input] = &[Input::Creation, Input::Condition];

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_object("CompleteMultipartUpload", Method::POST, "s3:PutObject", complete_upload)
            .query(UPLOAD_ID)
            .takes(TAKES),
    ]
}

async fn complete_upload(mut request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let upload = upload_id(&request)?;
    let condition = request.input.condition.clone();
    let checksum = checksums::of_object(&request.head.headers)?;
    let checksum_kind = checksums::kind_of(&request.head.headers)?;
    let object_size = object_size(&request)?;
    let body = request.small_body(Integrity::OfObject, LIST_BYTES_MAX).await?;
    let parts = read_parts(&body)?;
    drop(body);
    let name = bucket.name.clone();
    let url = object_url(&request.head, &request.target, &name, &key);
    let origin = request.origin_for(&bucket);
    let state = request.state.clone();
    let request_headers = request.head.headers.clone();
    let work = async move {
        let complete = CompleteUpload {
            origin,
            bucket,
            key: key.clone(),
            upload,
            parts,
            condition,
            object_size,
            checksum,
            checksum_kind,
        };
        let stored = state.objects.complete_upload(complete).await?;
        let mut document = completed(&stored, &name, &key, &url, &request_headers);
        // Writing was paid with the parts.
        state.funding.announce(stored.size, Fees::Kept, &mut document.headers);
        Ok(document)
    };
    when_ready(work, request.state.settings.keep_alive_after, request.info()).await
}

fn object_size(request: &S3Request) -> Result<Option<u64>, S3Error> {
    let Some(text) = request.header("x-amz-mp-object-size") else { return Ok(None) };
    let refused =
        |_| S3Error::argument("Value for x-amz-mp-object-size header is invalid.", "x-amz-mp-object-size", text);
    text.parse().map(Some).map_err(refused)
}

fn read_parts(body: &[u8]) -> Result<Vec<ChosenPart>, S3Error> {
    let malformed = || S3Error::from(Code::MalformedXML);
    let document = parse(body, "CompleteMultipartUpload").map_err(|_| malformed())?;
    let lines: Vec<_> = document.all("Part").map(read_part).collect::<Option<_>>().ok_or_else(malformed)?;
    if lines.len() > usize::from(PartNumber::MAX) {
        return Err(malformed());
    }
    lines.into_iter().collect::<Result<_, _>>().map(last_of_each)
}

/// A client that sent a part again may name it twice in a row: its last word counts, as with Amazon.
fn last_of_each(parts: Vec<ChosenPart>) -> Vec<ChosenPart> {
    let mut kept: Vec<ChosenPart> = Vec::with_capacity(parts.len());
    for part in parts {
        match kept.last_mut() {
            Some(last) if last.number == part.number => *last = part,
            _ => kept.push(part),
        }
    }
    kept
}

/// `None` for a line without a number or tag.
fn read_part(line: &Element) -> Option<Result<ChosenPart, S3Error>> {
    let number: i64 = line.text_of("PartNumber")?.trim().parse().ok()?;
    let etag = line.text_of("ETag")?.trim().parse().ok();
    let refused = |_| {
        let message = "PartNumber must be an integer between 1 and 10000, inclusive";
        S3Error::argument(message, "partNumber", &number.to_string())
    };
    let chosen = PartNumber::new(number).map_err(refused);
    Some(chosen.map(|number| ChosenPart { number, etag, checksums: checksums::of_part(line) }))
}

fn completed(
    stored: &Stored,
    bucket: &BucketName,
    key: &ObjectKey,
    url: &str,
    request_headers: &HeaderMap,
) -> Document {
    let mut writer = XmlWriter::document("CompleteMultipartUploadResult", 0);
    writer.text("Location", url).text("Bucket", bucket.as_str()).text("Key", key.as_str()).etag(stored.etag);
    checksums::write_elements(stored.checksum.as_ref(), stored.etag.parts, &mut writer);
    let mut headers = HeaderMap::new();
    sse::show(stored.encryption.as_ref(), request_headers, &mut headers);
    versions::show_written(stored.name, &mut headers);
    Document { xml: writer.end("CompleteMultipartUploadResult"), headers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ChecksumAlgorithm;

    fn request(inside: &str) -> Result<Vec<ChosenPart>, S3Error> {
        read_parts(format!("<CompleteMultipartUpload>{inside}</CompleteMultipartUpload>").as_bytes())
    }

    #[test]
    fn tags_come_with_quotes_without_and_escaped() {
        let digest = "ab".repeat(16);
        for tag in
            [digest.clone(), format!("\"{digest}\""), format!("&quot;{digest}&quot;"), format!("&#34;{digest}&#34;")]
        {
            let inside = format!("<Part><ETag>{tag}</ETag><PartNumber>7</PartNumber></Part>");
            let parts = request(&inside).unwrap();
            assert_eq!(parts[0].etag.unwrap().to_string(), digest, "{tag}");
            assert_eq!(parts[0].number.get(), 7);
        }
    }

    #[test]
    fn a_foreign_tag_is_kept_as_none_of_ours_and_checksums_are_read() {
        let parts =
            request("<Part><PartNumber>1</PartNumber><ETag>x</ETag><ChecksumCRC32>AAAAAQ==</ChecksumCRC32></Part>");
        let part = &parts.unwrap()[0];
        assert_eq!((part.etag, &part.checksums), (None, &vec![(ChecksumAlgorithm::Crc32, vec![0, 0, 0, 1])]));
    }

    #[test]
    fn the_last_word_about_a_part_counts() {
        let line = |number, etag: &str| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
        let (old, new) = ("0a".repeat(16), "0b".repeat(16));
        let parts = request(&[line(1, &old), line(1, &new), line(2, &old)].concat()).unwrap();
        let named: Vec<_> = parts.iter().map(|part| (part.number.get(), part.etag.unwrap().to_string())).collect();
        assert_eq!(named, [(1, new), (2, old)]);
    }

    #[test]
    fn lists_that_are_none_are_refused() {
        assert!(request("").unwrap().is_empty(), "the use case refuses no parts");
        for inside in ["<Part><PartNumber>1</PartNumber></Part>", "<Part><PartNumber>x</PartNumber><ETag/></Part>"] {
            assert_eq!(request(inside).unwrap_err().code, Code::MalformedXML, "{inside}");
        }
        for number in ["0", "10001", "-1"] {
            let inside = format!("<Part><PartNumber>{number}</PartNumber><ETag>x</ETag></Part>");
            assert_eq!(request(&inside).unwrap_err().code, Code::InvalidArgument, "{number}");
        }
    }
}
