//! `GetBucketLocation`, and which locations a bucket may be created in.

use std::sync::Arc;

use http::Method;

use crate::domain::Bucket;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, xml};
use crate::s3::route::{Row, on_bucket};

/// The first region, whose location is the empty one.
pub const CLASSIC: &str = "us-east-1";

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![on_bucket("GetBucketLocation", Method::GET, "s3:GetBucketLocation", get_bucket_location).query("location")]
}

async fn get_bucket_location(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let place = if bucket.location.is_empty() { &request.state.settings.s3.region } else { &bucket.location };
    let mut writer = XmlWriter::document("LocationConstraint", 0);
    if place != CLASSIC {
        writer.content(place);
    }
    Ok(xml(writer.end("LocationConstraint")))
}

/// The location to keep for a bucket, empty for the gateway's own region. A gateway is in one place whatever it is called, so
/// any region that could be one is taken: clients that were configured for another then find the one they asked for.
///
/// # Errors
/// `InvalidLocationConstraint` for text that can be no region.
pub fn accept(requested: Option<&str>, own: &str) -> Result<String, S3Error> {
    let Some(requested) = requested.filter(|requested| *requested != own) else { return Ok(String::new()) };
    let looks_like_one = requested == "EU"
        || (requested.len() <= 32
            && requested.split('-').count() >= 3
            && requested.split('-').all(|word| !word.is_empty())
            && requested.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
    if looks_like_one {
        return Ok(requested.to_owned());
    }
    Err(S3Error::new(Code::InvalidLocationConstraint).field("LocationConstraint", requested))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_taken_and_anything_else_is_not() {
        assert_eq!(accept(None, CLASSIC).unwrap(), "");
        assert_eq!(accept(Some("us-east-1"), CLASSIC).unwrap(), "");
        assert_eq!(accept(Some("garage"), "garage").unwrap(), "");
        assert_eq!(accept(Some("EU"), CLASSIC).unwrap(), "EU");
        assert_eq!(accept(Some("eu-central-1"), CLASSIC).unwrap(), "eu-central-1");
        for refused in ["nowhere", "a--b", "eu_west_1", "../x", "US-EAST-1"] {
            assert_eq!(accept(Some(refused), CLASSIC).unwrap_err().code, Code::InvalidLocationConstraint, "{refused}");
        }
    }
}
