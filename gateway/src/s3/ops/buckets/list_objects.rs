//! `ListObjects` and `ListObjectsV2`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;

use crate::domain::{Bucket, UserId};
use crate::metadata::{ListEntry, ListPage};
use crate::s3::auth::Identity;
use crate::s3::authz::access::BUCKET_REGION;
use crate::s3::authz::owners::Owners;
use crate::s3::documents::listing::{Listing, Names};
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::S3Error;
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, xml};
use crate::s3::route::{Need, Row, on_bucket};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let v1 = &["prefix", "delimiter", "marker", "max-keys", "encoding-type", "list-type"];
    let v2 = &[
        "prefix",
        "delimiter",
        "start-after",
        "continuation-token",
        "fetch-owner",
        "max-keys",
        "encoding-type",
        "marker",
    ];
    vec![
        on_bucket("ListObjects", Method::GET, "s3:ListBucket", list_objects).takes(&[Input::Listing]).accepts(v1),
        on_bucket("ListObjectsV2", Method::GET, "s3:ListBucket", list_objects_v2)
            .need(Need::QueryValue("list-type", "2"))
            .takes(&[Input::Listing])
            .accepts(v2),
    ]
}

async fn list_objects(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    if let Some(kind) = request.query().get("list-type").filter(|kind| !kind.is_empty() && *kind != "1") {
        return Err(S3Error::argument("Invalid List Type specified in Request", "list-type", kind));
    }
    let mut listing = Listing::read(&request, request.query().get("marker").unwrap_or_default().as_bytes().to_vec())?;
    listing.query.owners = Owners::are_shown(&request, &bucket)?;
    let page = request.state.metadata.list_current(bucket.id, &listing.query).await?;
    let owners = Owners::of(&request, &bucket, writers(&page)).await?;
    let names = listing.names;
    let mut writer = XmlWriter::document("ListBucketResult", capacity(&page));
    listing.write_head(&mut writer, bucket.name.as_str());
    names.write_prefix_v1(&mut writer, &listing.prefix());
    names.write(&mut writer, "Marker", request.query().get("marker").unwrap_or_default());
    // Only with a delimiter: without one the last key is the marker.
    if page.truncated
        && !listing.query.delimiter.is_empty()
        && let Some(last) = page.entries.last()
    {
        names.write_bytes(&mut writer, "NextMarker", last.marker());
    }
    // Amazon does not tell anonymous callers whose the objects are.
    let shown = matches!(request.identity, Identity::Known(_)).then_some(&owners);
    listing.write_entries(&mut writer, &page, shown);
    Ok(answer(&request, &bucket, writer))
}

async fn list_objects_v2(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let token = request.query().get("continuation-token");
    let start_after = request.query().get("start-after");
    let after = match token.filter(|token| !token.is_empty()) {
        Some(token) => read_token(token)?,
        None => start_after.unwrap_or_default().as_bytes().to_vec(),
    };
    let mut listing = Listing::read(&request, after)?;
    let shown = request.query().get("fetch-owner").is_some_and(|word| word.eq_ignore_ascii_case("true"));
    listing.query.owners = shown && Owners::are_shown(&request, &bucket)?;
    let page = request.state.metadata.list_current(bucket.id, &listing.query).await?;
    let owners = if shown { Some(Owners::of(&request, &bucket, writers(&page)).await?) } else { None };
    let mut writer = XmlWriter::document("ListBucketResult", capacity(&page));
    listing.write_head(&mut writer, bucket.name.as_str());
    listing.names.write(&mut writer, "Prefix", &listing.prefix());
    writer.plain("KeyCount", page.entries.len()).maybe("ContinuationToken", token);
    if let Some(last) = page.entries.last().filter(|_| page.truncated) {
        writer.plain("NextContinuationToken", make_token(last));
    }
    if let Some(start) = start_after.filter(|start| !start.is_empty()) {
        listing.names.write(&mut writer, "StartAfter", start);
    }
    listing.write_entries(&mut writer, &page, owners.as_ref());
    Ok(answer(&request, &bucket, writer))
}

/// The page, and the region to clients that asked in another.
fn answer(request: &S3Request, bucket: &Bucket, writer: XmlWriter) -> Response {
    let mut response = xml(writer.end("ListBucketResult"));
    response.headers_mut().insert(BUCKET_REGION, request.state.region_of(bucket));
    response
}

/// The owners that a page names.
fn writers(page: &ListPage) -> impl Iterator<Item = UserId> {
    page.entries.iter().filter_map(|entry| match entry {
        ListEntry::Object(object) => object.owner,
        ListEntry::Prefix(_) => None,
    })
}

/// Capacity for the whole document, so that it is written without reallocating.
fn capacity(page: &ListPage) -> usize {
    1_024 + page.entries.len() * 420
}

/// Where the next page begins: after this key or common prefix.
fn make_token(last: &ListEntry) -> String {
    URL_SAFE_NO_PAD.encode(last.marker())
}

fn read_token(token: &str) -> Result<Vec<u8>, S3Error> {
    let refused = |_| S3Error::argument("The continuation token provided is incorrect", "continuation-token", token);
    URL_SAFE_NO_PAD.decode(token).map_err(refused)
}

impl Names {
    /// Writes a name that is bytes of a key.
    fn write_bytes(self, writer: &mut XmlWriter, element: &str, name: &[u8]) {
        self.write(writer, element, &String::from_utf8_lossy(name));
    }
}
