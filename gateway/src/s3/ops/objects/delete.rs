//! `DeleteObject` and `DeleteObjects`.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{Bucket, ObjectKey, VersionSelector, WriteCondition};
use crate::metadata::Deleted;
use crate::objects::Delete;
use crate::policy::Permission;
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{Element, XmlWriter, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::versions;
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket, on_object};

use crate::s3::ops::objects::retention::{BYPASS_PERMISSION, bypass};
use crate::s3::ops::objects::write::check_key;

/// The most keys of one request.
const KEYS_MAX: usize = 1_000;

/// The largest list of keys: a thousand keys of 1,024 bytes, each escaped, fit.
const LIST_BYTES_MAX: usize = 4 << 20;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_object("DeleteObject", Method::DELETE, "s3:DeleteObject", delete_object)
            .version_permission("s3:DeleteObjectVersion")
            .takes(&[Input::Condition, Input::Bypass])
            .accepts(&["versionId"]),
        on_bucket("DeleteObjects", Method::POST, "s3:DeleteObject", delete_objects)
            .query("delete")
            .version_permission("s3:DeleteObjectVersion")
            .takes(&[Input::Bypass])
            .decided_by_handler(),
    ]
}

async fn delete_object(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    if request.header("x-amz-if-match-last-modified-time").is_some() || request.header("x-amz-if-match-size").is_some()
    {
        return Err(Code::NotImplemented.into());
    }
    let selector = request.selector()?;
    let condition = request.input.condition.clone();
    let origin = request.origin_for(&bucket);
    let bypass = bypass(&request, &bucket, &key).await?;
    let mut response = empty(StatusCode::NO_CONTENT);
    for outcome in request.state.objects.delete(vec![Delete { bucket, key, selector, condition, bypass, origin }]).await
    {
        versions::show_deleted(&outcome?, response.headers_mut());
    }
    Ok(response)
}

/// One line of a `DeleteObjects` request.
struct Line {
    key: String,
    version: Option<String>,
    /// What to do, or why it is refused.
    deletion: Result<KeyDeletion, S3Error>,
}

struct KeyDeletion {
    key: ObjectKey,
    selector: VersionSelector,
    condition: WriteCondition,
}

async fn delete_objects(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let body = request.small_body(Integrity::Required, LIST_BYTES_MAX).await?;
    let (mut lines, quiet) = read_lines(&body)?;
    refuse_what_is_not_permitted(&mut request, &bucket, &mut lines).await?;
    let bypass = request.input.bypass_governance;
    let wanted = lines.iter().filter_map(|line| line.deletion.as_ref().ok()).map(|deletion| Delete {
        bucket: bucket.clone(),
        key: deletion.key.clone(),
        selector: deletion.selector,
        condition: deletion.condition.clone(),
        bypass,
        origin: request.origin_for(&bucket),
    });
    let mut outcomes = request.state.objects.delete(wanted.collect()).await.into_iter();
    let mut writer = XmlWriter::document("DeleteResult", 128 + lines.len() * 96);
    for line in lines {
        let outcome = match line.deletion {
            Ok(_) => match outcomes.next() {
                Some(outcome) => outcome.map_err(S3Error::from),
                None => Err(S3Error::internal("fewer outcomes than deletions")),
            },
            Err(error) => Err(error),
        };
        write_outcome(&mut writer, &line.key, line.version.as_deref(), outcome, quiet);
    }
    Ok(xml(writer.end("DeleteResult")))
}

/// Every line needs its own permission, and fails alone.
async fn refuse_what_is_not_permitted(
    request: &mut S3Request,
    bucket: &Bucket,
    lines: &mut [Line],
) -> Result<(), S3Error> {
    if request.has_full_access(bucket) {
        return Ok(());
    }
    for line in lines {
        // What is wrong in itself fails anyway; what could name an object must not tell whether it does.
        let Ok(key) = check_key(line.key.clone()) else { continue };
        let version = line.version.as_deref();
        let permission = if version.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
        let bypass = request.input.bypass_governance.then_some(BYPASS_PERMISSION);
        request.input.condition = line.deletion.as_ref().map(|deletion| deletion.condition.clone()).unwrap_or_default();
        for permission in [Some(Permission(permission)), bypass].into_iter().flatten() {
            if !request.permits_version(permission, bucket, Some(&key), version).await? {
                line.deletion = Err(Code::AccessDenied.into());
            }
        }
        // A thousand decisions about long policies are no work for one turn of the reactor.
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn write_outcome(
    writer: &mut XmlWriter,
    key: &str,
    version: Option<&str>,
    outcome: Result<Deleted, S3Error>,
    quiet: bool,
) {
    match outcome {
        Ok(_) if quiet => {}
        Ok(deleted) => {
            writer.open("Deleted").text("Key", key).maybe("VersionId", version);
            if let Some(name) = deleted.name.filter(|_| deleted.marker) {
                writer.plain("DeleteMarker", true).plain("DeleteMarkerVersionId", name);
            }
            writer.close("Deleted");
        }
        Err(error) => {
            if error.status().is_server_error() {
                tracing::warn!(%error, "one deletion of a DeleteObjects request failed");
            }
            writer.open("Error").text("Key", key).maybe("VersionId", version);
            writer.text("Code", error.code.name()).text("Message", &error.message).close("Error");
        }
    }
}

fn read_lines(body: &[u8]) -> Result<(Vec<Line>, bool), S3Error> {
    let malformed = || S3Error::from(Code::MalformedXML);
    let document = parse(body, "Delete").map_err(|_| malformed())?;
    let lines: Vec<_> = document.all("Object").map(read_line).collect::<Option<_>>().ok_or_else(malformed)?;
    if lines.is_empty() || lines.len() > KEYS_MAX {
        return Err(malformed());
    }
    let quiet = document.text_of("Quiet").is_some_and(|word| word.trim().eq_ignore_ascii_case("true"));
    Ok((lines, quiet))
}

/// `None` for an object without a key.
fn read_line(object: &Element) -> Option<Line> {
    let key = object.text_of("Key")?.to_owned();
    let version = object.text_of("VersionId").filter(|id| !id.is_empty()).map(str::to_owned);
    let deletion = parse_deletion(object, &key, version.as_deref());
    Some(Line { key, version, deletion })
}

fn parse_deletion(object: &Element, key: &str, version: Option<&str>) -> Result<KeyDeletion, S3Error> {
    if object.child("LastModifiedTime").is_some() || object.child("Size").is_some() {
        return Err(Code::NotImplemented.into());
    }
    // Of one key among many Amazon says no more than that there is no such version.
    let selector = versions::selector(version).map_err(|_| S3Error::from(Code::NoSuchVersion))?;
    let key = check_key(key.to_owned())?;
    let condition = match object.text_of("ETag").map(str::trim) {
        None | Some("") => WriteCondition::None,
        Some("*") => WriteCondition::Present,
        Some(tag) => tag.parse().map_or(WriteCondition::Never, WriteCondition::Matches),
    };
    Ok(KeyDeletion { key, selector, condition })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(inside: &str) -> Result<(Vec<Line>, bool), S3Error> {
        read_lines(format!("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inside}</Delete>").as_bytes())
    }

    #[test]
    fn keys_may_hold_anything_and_each_line_fails_alone() {
        let long = "k".repeat(1_025);
        let inside = format!(
            "<Object><Key> a&#13;&#x1;&amp;</Key></Object><Object><Key>{long}</Key></Object>\
             <Object><Key>b</Key><VersionId>null</VersionId></Object>\
             <Object><Key>c</Key><VersionId>00000000000000000000000000000000</VersionId></Object>\
             <Object><Key>d</Key><VersionId>zzz</VersionId></Object><Object><Key></Key></Object><Quiet>true</Quiet>"
        );
        let (lines, quiet) = request(&inside).unwrap();
        assert!(quiet);
        assert!(matches!(&lines[0].deletion, Ok(deletion) if deletion.key.as_str() == " a\r\u{1}&"));
        assert_eq!(lines[1].deletion.as_ref().err().unwrap().code, Code::KeyTooLongError);
        assert!(matches!(&lines[2].deletion, Ok(deletion) if deletion.selector == VersionSelector::Null));
        assert!(matches!(&lines[3].deletion, Ok(deletion) if matches!(deletion.selector, VersionSelector::Id(_))));
        assert_eq!(lines.len(), 6);
        let refused: Vec<_> = lines[4..].iter().map(|line| line.deletion.as_ref().err().unwrap().code).collect();
        assert_eq!(refused, [Code::NoSuchVersion, Code::InvalidArgument]);
    }

    #[test]
    fn a_thousand_keys_are_the_most() {
        let of = |count: usize| request(&"<Object><Key>k</Key></Object>".repeat(count)).map(|(lines, _)| lines.len());
        assert_eq!(of(1_000).unwrap(), 1_000);
        for count in [0, 1_001] {
            assert_eq!(of(count).unwrap_err().code, Code::MalformedXML);
        }
        assert!(request("<Object><Name>k</Name></Object>").is_err());
    }
}
