//! What all configurations with an id have in common: one is put, shown and deleted by its id, and all are listed in pages.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{Method, StatusCode};

use crate::domain::{Bucket, BucketName, Configurations, Named};
use crate::metadata::EditSetting;
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{Element, XmlWriter, optional, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

/// The largest document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 64 << 10;
/// The most configurations of a kind on a bucket, as with Amazon.
const CONFIGURATIONS_MAX: usize = 1_000;
/// The most bytes that those of a kind take together. They are read with their bucket.
const BYTES_MAX: usize = 1 << 20;
/// The most on one page of a list, as with Amazon.
const PAGE_MAX: usize = 100;
/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 64;

/// A configuration that clients see as an XML document.
pub(super) trait NamedConfiguration: Named {
    /// The root element.
    const ROOT: &'static str;
    /// The root element of a list of them.
    const LIST_ROOT: &'static str;
    /// The query parameter that names the kind.
    const PARAMETER: &'static str;

    /// Reads it from its root element.
    ///
    /// # Errors
    /// `MalformedXML`, or what Amazon says to a document that is well-formed and wrong.
    fn read(root: &Element) -> Result<Self, S3Error>;

    /// Writes what is inside the root element.
    fn write(&self, writer: &mut XmlWriter);

    /// The bucket that what comes of it would be written to.
    fn destination(&self) -> Option<&str> {
        None
    }
}

/// The rows of a kind that is stored and shown: operations in the order put, get, delete, list; the permissions to write and to read.
pub(super) fn rows<C: NamedConfiguration>(operations: [&'static str; 4], permissions: [&'static str; 2]) -> Vec<Row> {
    let [put_operation, reads @ ..] = operations;
    let mut rows =
        vec![on_bucket(put_operation, Method::PUT, permissions[0], put::<C>).query(C::PARAMETER).query("id")];
    rows.extend(rows_but_put::<C>(reads, permissions));
    rows
}

/// The rows besides that which puts.
pub(super) fn rows_but_put<C: NamedConfiguration>(
    [get_operation, delete_operation, list_operation]: [&'static str; 3],
    [to_write, to_read]: [&'static str; 2],
) -> Vec<Row> {
    vec![
        on_bucket(get_operation, Method::GET, to_read, get::<C>).query(C::PARAMETER).query("id"),
        on_bucket(delete_operation, Method::DELETE, to_write, delete::<C>).query(C::PARAMETER).query("id"),
        on_bucket(list_operation, Method::GET, to_read, list::<C>).query(C::PARAMETER).accepts(&["continuation-token"]),
    ]
}

/// Reads the document of a request to put a configuration.
///
/// # Errors
/// What is wrong with it.
pub(super) async fn document<C: NamedConfiguration>(request: &mut S3Request) -> Result<C, S3Error> {
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    C::read(&parse(&body, C::ROOT).map_err(|_| S3Error::from(Code::MalformedXML))?)
}

/// The id a document gives itself.
///
/// # Errors
/// `MalformedXML` without one, `InvalidArgument` for one that Amazon does not take either.
pub(super) fn id_of(root: &Element) -> Result<String, S3Error> {
    let id = optional(root, "Id")?.filter(|id| !id.is_empty()).ok_or(Code::MalformedXML)?;
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.len() > ID_BYTES_MAX || !id.bytes().all(known) {
        let message = "The ID has at most 64 letters, digits, periods, dashes and underscores.";
        return Err(S3Error::argument(message, "Id", &id));
    }
    Ok(id)
}

/// The name of the bucket of an ARN.
///
/// # Errors
/// `InvalidS3DestinationBucket`.
pub(super) fn bucket_of_arn(arn: &str) -> Result<String, S3Error> {
    let no_arn = || S3Error::with(Code::InvalidS3DestinationBucket, "Invalid bucket ARN.");
    arn.strip_prefix("arn:aws:s3:::").map(str::to_owned).ok_or_else(no_arn)
}

/// The bucket that what comes of a configuration goes to, which has to be there and to have the same owner.
///
/// # Errors
/// `InvalidS3DestinationBucket`.
pub(super) async fn destination(request: &S3Request, source: &Bucket, name: &str) -> Result<Arc<Bucket>, S3Error> {
    let missing = || S3Error::new(Code::InvalidS3DestinationBucket).field("Bucket", name);
    let parsed: BucketName = name.parse().map_err(|_| missing())?;
    let target = request.state.metadata.bucket(&parsed).await?;
    target.filter(|target| target.owner == source.owner).ok_or_else(missing)
}

/// Keeps a configuration, instead of that of the same id.
///
/// # Errors
/// `TooManyConfigurations`, `NoSuchBucket`.
pub(super) async fn keep<C: NamedConfiguration>(
    request: &S3Request,
    bucket: &Bucket,
    one: C,
) -> Result<Response, S3Error> {
    let edit = move |all: Option<Configurations<C>>| {
        let mut all = all.unwrap_or_default();
        all.put(one.clone());
        let bytes = serde_json::to_vec(&all).map_or(usize::MAX, |document| document.len());
        if all.all.len() > CONFIGURATIONS_MAX || bytes > BYTES_MAX {
            return Err(Code::TooManyConfigurations);
        }
        Ok(Some(all))
    };
    done(bucket, request.state.metadata.edit_setting(bucket, edit).await?)
}

async fn put<C: NamedConfiguration>(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let one = document::<C>(&mut request).await?;
    // Recorded of Amazon; only inventories have a code of their own for it.
    if one.id() != named(&request) {
        return Err(Code::MalformedXML.into());
    }
    if let Some(name) = one.destination() {
        destination(&request, &bucket, name).await?;
    }
    keep(&request, &bucket, one).await
}

async fn get<C: NamedConfiguration>(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let all = stored::<C>(&bucket)?;
    let one = all.as_ref().and_then(|all| all.get(named(&request)));
    let mut writer = XmlWriter::document(C::ROOT, 0);
    one.ok_or(Code::NoSuchConfiguration)?.write(&mut writer);
    Ok(xml(writer.end(C::ROOT)))
}

async fn delete<C: NamedConfiguration>(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let id = named(&request).to_owned();
    let edit = move |all: Option<Configurations<C>>| {
        let mut all = all.unwrap_or_default();
        if !all.remove(&id) {
            return Err(Code::NoSuchConfiguration);
        }
        Ok((!all.all.is_empty()).then_some(all))
    };
    done(&bucket, request.state.metadata.edit_setting(&bucket, edit).await?)
}

async fn list<C: NamedConfiguration>(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let token = request.query().get("continuation-token").filter(|token| !token.is_empty());
    let after = token.map(read_token).transpose()?.unwrap_or_default();
    let all = stored::<C>(&bucket)?;
    let rest = all.as_ref().map(|all| all.after(&after)).unwrap_or_default();
    let page = rest.get(..PAGE_MAX).unwrap_or(rest);
    let truncated = page.len() < rest.len();
    let next = page.last().filter(|_| truncated).map(|last| BASE64_URL_SAFE_NO_PAD.encode(last.id()));
    let mut writer = XmlWriter::document(C::LIST_ROOT, 256 + page.len() * 256);
    writer.plain("IsTruncated", truncated);
    writer.maybe("ContinuationToken", token).maybe("NextContinuationToken", next.as_deref());
    for one in page {
        writer.open(C::ROOT);
        one.write(&mut writer);
        writer.close(C::ROOT);
    }
    Ok(xml(writer.end(C::LIST_ROOT)))
}

fn read_token(token: &str) -> Result<String, S3Error> {
    let id = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    id.ok_or_else(|| S3Error::argument("The continuation token provided is incorrect", "continuation-token", token))
}

/// The id a request names.
pub(super) fn named(request: &S3Request) -> &str {
    request.query().get("id").unwrap_or_default()
}

fn stored<C: NamedConfiguration>(bucket: &Bucket) -> Result<Option<Arc<Configurations<C>>>, S3Error> {
    Ok(bucket.settings.get::<Configurations<C>>()?)
}

fn done(bucket: &Bucket, edited: EditSetting<Code>) -> Result<Response, S3Error> {
    match edited {
        EditSetting::Edited => Ok(empty(StatusCode::NO_CONTENT)),
        EditSetting::Refused(code) => Err(code.into()),
        EditSetting::NoSuchBucket => Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str())),
    }
}
