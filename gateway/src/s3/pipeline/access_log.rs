//! Lines of server access logs, for buckets on which logging is configured.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use http_body::Body as _;

use crate::domain::{Bucket, ObjectKey};
use crate::events::{AccessLine, LoggingConfiguration};
use crate::s3::auth::{SignaturePlace, SignatureVersion};
use crate::s3::pipeline::connection_info::ConnectionInfo;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::Response;
use crate::s3::route::{Need, Row};

/// An access log line, as far as it is known before the response.
pub struct LogDraft {
    bucket: Arc<Bucket>,
    owner: String,
    address: String,
    requester: String,
    request: String,
    operation: String,
    key: String,
    request_line: String,
    referer: String,
    agent: String,
    version: String,
    host: String,
    signature: &'static str,
    auth: &'static str,
    encrypted: bool,
}

/// Operations whose name in logs does not follow from their row.
const NAMES: [(&str, &str); 10] = [
    ("CopyObject", "REST.COPY.OBJECT"),
    ("UploadPart", "REST.PUT.PART"),
    ("UploadPartCopy", "REST.COPY.PART"),
    ("CreateMultipartUpload", "REST.POST.UPLOADS"),
    ("CompleteMultipartUpload", "REST.POST.UPLOAD"),
    ("AbortMultipartUpload", "REST.DELETE.UPLOAD"),
    ("ListParts", "REST.GET.UPLOAD"),
    ("DeleteObjects", "REST.POST.MULTI_OBJECT_DELETE"),
    ("ListObjectsV2", "REST.GET.BUCKET"),
    ("ListObjectVersions", "REST.GET.BUCKETVERSIONS"),
];

fn operation(row: &Row) -> String {
    if let Some((_, name)) = NAMES.iter().find(|(operation, _)| *operation == row.operation) {
        return (*name).to_owned();
    }
    let parameter = row.needs.iter().find_map(|need| match need {
        Need::Query(name) => Some(name.to_uppercase()),
        _ => None,
    });
    format!("REST.{}.{}", row.method, parameter.as_deref().unwrap_or(row.level.resource_type()))
}

impl LogDraft {
    /// A draft, if requests on this bucket are logged.
    pub async fn begin(
        request: &S3Request,
        row: &Row,
        bucket: &Arc<Bucket>,
        key: Option<&ObjectKey>,
    ) -> Option<Box<Self>> {
        if !bucket.settings.has::<LoggingConfiguration>() {
            return None;
        }
        let owner = request.state.owner_of(bucket, &request.identity).await;
        let header = |name| request.header(name).unwrap_or_default().to_owned();
        let connection_info = ConnectionInfo::of(&request.head);
        Some(Box::new(Self {
            bucket: bucket.clone(),
            owner: owner.map(|owner| owner.id.0).unwrap_or_default(),
            address: connection_info.peer.map(|peer| peer.to_string()).unwrap_or_default(),
            requester: request.user().map(|user| user.canonical_id.0.clone()).unwrap_or_default(),
            request: request.id.to_string(),
            operation: operation(row),
            key: key.map(|key| key.as_str().to_owned()).unwrap_or_default(),
            request_line: format!("{} {} {:?}", request.head.method, request.head.uri, request.head.version),
            referer: header(header::REFERER.as_str()),
            agent: header(header::USER_AGENT.as_str()),
            version: request.version_id().unwrap_or_default().to_owned(),
            host: request.target.host().to_owned(),
            signature: match request.signature.map(|signature| signature.version) {
                None => "",
                Some(SignatureVersion::V2) => "SigV2",
                Some(SignatureVersion::V4) => "SigV4",
            },
            auth: match request.signature.map(|signature| signature.location) {
                None | Some(SignaturePlace::Form) => "",
                Some(SignaturePlace::Query) => "QueryString",
                Some(SignaturePlace::Header) => "AuthHeader",
            },
            encrypted: connection_info.encrypted,
        }))
    }

    /// The line of an answered request.
    #[must_use]
    pub fn line(&self, at: i64, response: &Response, error: &str, took: Duration) -> String {
        let length =
            response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let line = AccessLine {
            owner: &self.owner,
            bucket: self.bucket.name.as_str(),
            at,
            address: &self.address,
            requester: &self.requester,
            request: &self.request,
            operation: &self.operation,
            key: &self.key,
            request_line: &self.request_line,
            status: response.status().as_u16(),
            error,
            sent: length.or_else(|| response.body().size_hint().exact()),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            referer: &self.referer,
            agent: &self.agent,
            version: &self.version,
            host_id: "",
            signature: self.signature,
            auth: self.auth,
            host: &self.host,
            encrypted: self.encrypted,
        };
        line.text()
    }

    /// The bucket it is about.
    #[must_use]
    pub fn bucket(&self) -> &Arc<Bucket> {
        &self.bucket
    }
}
