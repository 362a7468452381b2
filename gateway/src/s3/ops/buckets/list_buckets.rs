//! `ListBuckets`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;

use crate::domain::bucket_arn;
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::listing::write_owner;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::S3Error;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, xml};
use crate::s3::route::{Row, on_service};

/// The most buckets on a page, and the default.
const BUCKETS_MAX: u32 = 10_000;

const LISTING_PARAMETERS: &[&str] = &["prefix", "max-buckets", "continuation-token", "bucket-region"];

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![on_service("ListBuckets", Method::GET, "s3:ListAllMyBuckets", list_buckets).accepts(LISTING_PARAMETERS)]
}

async fn list_buckets(request: S3Request) -> Result<Response, S3Error> {
    let user = request.user()?.clone();
    let prefix = request.query().get("prefix").unwrap_or_default();
    let token = request.query().get("continuation-token").filter(|token| !token.is_empty());
    let after = token.map(read_token).transpose()?.unwrap_or_default();
    let limit = page_size(&request)?;
    // The region is shown to those who use the parameters that came with it.
    let paged = LISTING_PARAMETERS.iter().any(|name| request.query().has(name));
    let requested_region = request.query().get("bucket-region").filter(|requested| !requested.is_empty());
    // One more than asked for shows whether there is another page.
    let mut buckets = request.state.metadata.list_buckets(Some(user.id), prefix, &after, limit + 1).await?;
    let truncated = buckets.len() > limit;
    buckets.truncate(limit);
    let next = buckets.last().filter(|_| truncated).map(|last| URL_SAFE_NO_PAD.encode(last.name.as_str()));
    let mut writer = XmlWriter::document("ListAllMyBucketsResult", 512 + buckets.len() * 160);
    write_owner(&mut writer, "Owner", &request.state.owner_as_shown(&user));
    writer.open("Buckets");
    for bucket in &buckets {
        let region = request.state.region_name(&bucket.location);
        if requested_region.is_some_and(|requested| requested != region) {
            continue;
        }
        writer.open("Bucket").text("Name", bucket.name.as_str()).plain("CreationDate", xml_time(bucket.created_at));
        if paged {
            writer.text("BucketRegion", region);
        }
        writer.text("BucketArn", &bucket_arn(bucket.name.as_str())).close("Bucket");
    }
    writer.close("Buckets").maybe("ContinuationToken", next.as_deref());
    writer.maybe("Prefix", request.query().get("prefix"));
    Ok(xml(writer.end("ListAllMyBucketsResult")))
}

fn page_size(request: &S3Request) -> Result<usize, S3Error> {
    let requested = request.query().number("max-buckets")?.unwrap_or(BUCKETS_MAX);
    if (1..=BUCKETS_MAX).contains(&requested) {
        return Ok(usize::try_from(requested).unwrap_or(1));
    }
    let message = "Argument max-buckets must be an integer between 1 and 10000";
    Err(S3Error::argument(message, "max-buckets", &requested.to_string()))
}

fn read_token(token: &str) -> Result<String, S3Error> {
    let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| S3Error::argument("The continuation token provided is incorrect", "continuation-token", token))
}
