//! The path of a request: framing, target, route, signature, permission, handler, response. Each step may end it, and none is
//! skipped.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Version, header};
use http_body::Body as _;
use tokio::time::Instant;

use crate::domain::{Bucket, BucketName, ObjectKey, UsageDelta};
use crate::objects::ObjectsError;
use crate::policy::Decision;
use crate::s3::auth::{Identity, Payload};
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::{conditions, repeated_headers};
use crate::s3::pipeline::access_log::LogDraft;
use crate::s3::pipeline::body_drain::{BodyDrain, track};
use crate::s3::pipeline::cors::{self, CorsRequest};
use crate::s3::pipeline::error_details;
use crate::s3::pipeline::operation_input::{Input, OperationInput};
use crate::s3::pipeline::request::{RequestInfo, S3Request};
use crate::s3::pipeline::request_id::RequestId;
use crate::s3::pipeline::request_target::{ACCOUNT_ID, RequestTarget};
use crate::s3::pipeline::state::S3State;
use crate::s3::pipeline::target::{Level, Target, TargetError};
use crate::s3::respond::{self, Response};
use crate::s3::route::{Handler, RouteMatch, RouteQuery, Row, TABLE};
use crate::s3::{body, iam, ops};

/// What is known about a request, for meters and logs.
#[derive(Default)]
struct Trace {
    row: Option<usize>,
    /// What it is about.
    target: Option<Target>,
    /// The bucket, once the request is authorized.
    bucket: Option<Arc<Bucket>>,
    ingress: u64,
    /// The draft of its access log line, if the bucket has logging.
    log: Option<Box<LogDraft>>,
    /// The error's code, if the answer is one.
    error: &'static str,
}

/// Answers one request.
pub async fn handle(state: Arc<S3State>, request: Request<Body>) -> Response {
    let started = Instant::now();
    let id = state.ids.next();
    let (head, body) = request.into_parts();
    let (method, uri, version) = (head.method.clone(), head.uri.clone(), head.version);
    let expects_continue = head.headers.contains_key(header::EXPECT);
    // Without a body there is no 100 to send, and boto3, which asks for one all the same, then takes the next reply on
    // the connection for this one's and waits a minute. A connection that ends cannot be misread.
    let would_be_misread = expects_continue && body.is_end_stream() && version < Version::HTTP_2;
    let cors_request = CorsRequest::read(&head.method, &head.headers);
    let (body, body_drain) = track(body);
    let mut trace = Trace::default();
    let mut response = match answer(&state, head, body, id, &mut trace).await {
        Ok(response) => response,
        Err(error) => {
            log(&error, id, &method, trace.row);
            trace.error = error.code.name();
            let error = match &trace.target {
                Some(target) => error_details::complete(error, target, &method, uri.query().unwrap_or_default()),
                None => error,
            };
            let info = RequestInfo { id, host: state.ids.host().clone() };
            let control =
                trace.row.and_then(|row| TABLE.rows().get(row)).is_some_and(|row| row.level == Level::Resource);
            let mut response = match control {
                true => respond::refuse_control(&error, &info),
                false => respond::refuse(&error, &method, &info),
            };
            if close_after(body_drain, expects_continue, &error, version).await {
                response.headers_mut().insert(header::CONNECTION, const { HeaderValue::from_static("close") });
            }
            response
        }
    };
    if would_be_misread {
        response.headers_mut().insert(header::CONNECTION, const { HeaderValue::from_static("close") });
    }
    if let Err(error) = add_cors_headers(&state, &trace, &method, cors_request.as_ref(), &mut response).await {
        // The browser then blocks the response, which is right for rules that cannot be read.
        tracing::warn!(request = %id, %error, "cannot read the bucket's CORS rules");
    }
    respond::stamp(&mut response, id, &state.ids);
    let took = started.elapsed();
    state.meters.record(trace.row, response.status(), took);
    record_usage(&state, &trace, &method, &response);
    if let Some(draft) = &trace.log {
        let line = draft.line(state.objects.now().0, &response, trace.error, took);
        state.objects.log_access(draft.bucket(), &line);
    }
    tracing::debug!(request = %id, %method, path = uri.path(), status = response.status().as_u16(), ?took, "answered");
    response
}

async fn answer(
    state: &Arc<S3State>,
    head: Parts,
    body: Body,
    id: RequestId,
    trace: &mut Trace,
) -> Result<Response, S3Error> {
    body::check_framing(&head)?;
    repeated_headers::refuse(&head.headers)?;
    let target = RequestTarget::read(&head, &state.settings.s3.base_domains)?;
    target.refuse_repeated(|name| TABLE.knows(name))?;
    let resource = target.resource()?;
    if iam::is_action(&head, &resource) {
        return Ok(iam::answer(state.clone(), head, body, &target, id).await);
    }
    let level = resource.level();
    trace.target = Some(resource.clone());
    let query = RouteQuery { method: &head.method, level, query: target.query(), headers: &head.headers };
    let found = TABLE.find(&query);
    let row = match &found {
        RouteMatch::Row(at, row) | RouteMatch::UnknownParameter(at, row, _) => {
            trace.row = Some(*at);
            *row
        }
        RouteMatch::Ambiguous(row, _) => *row,
        RouteMatch::Nothing => return Err(not_allowed(&head.method, level)),
    };
    // Before anything is looked up. Other writes look at no content, and may take long.
    let reads_content = row.reads_object() || row.takes.contains(&Input::CopySource);
    let mut request = S3Request {
        ongoing_read: reads_content.then(|| state.objects.begin_read()),
        state: state.clone(),
        permission: row.permission_for(target.query().get("versionId")),
        head,
        target,
        identity: Identity::Anonymous,
        signature: None,
        payload: Payload::Unsigned,
        body: Mutex::new(body),
        id,
        input: OperationInput::default(),
        found: None,
    };
    if !row.open {
        let verified = state.verifier.verify(&request.head, &request.target).await?;
        verified.unhoist(&mut request.head.headers);
        request.identity = verified.identity;
        request.signature = verified.signature;
        request.payload = verified.payload;
    }
    dispatch(request, row, &found, resource, trace).await
}

/// Reads what the operation takes, checks the permission and calls the handler.
async fn dispatch(
    mut request: S3Request,
    row: &'static Row,
    found: &RouteMatch<'_>,
    target: Target,
    trace: &mut Trace,
) -> Result<Response, S3Error> {
    trace.ingress = body::announced_length(&request.payload, &request.head.headers).unwrap_or_default();
    match (&row.handler, target) {
        (Handler::Service(handler), Target::Service) => {
            request.require_service(row.permission, None)?;
            check_match(found)?;
            handler(request).await
        }
        (Handler::NewBucket(handler), Target::Bucket(name)) => {
            // The handler asks again when it has read what the body says.
            if !request.might_be_allowed(row.permission) {
                return Err(Code::AccessDenied.into());
            }
            request.read_input(row.takes)?;
            check_match(found)?;
            handler(request, name).await
        }
        (Handler::Bucket(handler), Target::Bucket(name)) => {
            let AuthorizedBucket { bucket, .. } = authorized(&mut request, row, &name, None, trace).await?;
            check_match(found)?;
            handler(request, bucket).await
        }
        (Handler::Bucket(handler), Target::Resource(name)) => {
            let authorized = authorized(&mut request, row, &name, None, trace).await;
            let AuthorizedBucket { bucket, .. } = authorized.map_err(|error| match error.code {
                Code::NoSuchBucket => Code::NoSuchResource.into(),
                _ => error,
            })?;
            let account = request.header(ACCOUNT_ID.as_str()).unwrap_or_default();
            request.state.expect_owner(account, &bucket, &request.identity).await?;
            check_match(found)?;
            handler(request, bucket).await
        }
        (Handler::Object(handler), Target::Object(name, key)) => {
            let AuthorizedBucket { bucket, not_found_override } =
                authorized(&mut request, row, &name, Some(&key), trace).await?;
            check_match(found)?;
            let condition = conditions::name_of_write(&request.head.headers);
            let answer = handler(request, bucket, key).await.map_err(|error| error.because_of(condition));
            match not_found_override {
                Some(access_denied) => answer.map_err(|error| if is_not_found(&error) { access_denied } else { error }),
                None => answer,
            }
        }
        (Handler::Unsupported, Target::Service) => {
            request.require_service(row.permission, None)?;
            Err(Code::NotImplemented.into())
        }
        (Handler::Unsupported, Target::Bucket(name)) => {
            authorized(&mut request, row, &name, None, trace).await?;
            Err(Code::NotImplemented.into())
        }
        (Handler::Unsupported, Target::Object(name, key)) => {
            authorized(&mut request, row, &name, Some(&key), trace).await?;
            Err(Code::NotImplemented.into())
        }
        _ => Err(S3Error::internal(format!("the row {row:?} has a handler of another level"))),
    }
}

/// A bucket for which the request is authorized.
struct AuthorizedBucket {
    bucket: Arc<Bucket>,
    /// The error that replaces 404, for a caller who may not list the bucket.
    not_found_override: Option<S3Error>,
}

/// The bucket, if the caller is authorized and its owner is the expected one.
async fn authorized(
    request: &mut S3Request,
    row: &Row,
    name: &BucketName,
    key: Option<&ObjectKey>,
    trace: &mut Trace,
) -> Result<AuthorizedBucket, S3Error> {
    let found = request.state.bucket(name).await;
    let bucket = found.map_err(|error| match error.code {
        Code::NoSuchBucket if request.head.method == Method::OPTIONS => ops::preflight_without_bucket(&request.head),
        _ => error,
    })?;
    trace.log = LogDraft::begin(request, row, &bucket, key).await;
    let not_found_override = if row.open { None } else { authorize_row(request, row, &bucket, key).await? };
    if let Some(expected) = request.header("x-amz-expected-bucket-owner") {
        request.state.expect_owner(expected, &bucket, &request.identity).await?;
    }
    trace.bucket = Some(bucket.clone());
    Ok(AuthorizedBucket { bucket, not_found_override })
}

/// Reads what the operation takes and lets the policies decide; only a caller that is allowed the operation learns what is wrong
/// with the request. Answers what has to be said instead of that an object is not there.
async fn authorize_row(
    request: &mut S3Request,
    row: &Row,
    bucket: &Bucket,
    key: Option<&ObjectKey>,
) -> Result<Option<S3Error>, S3Error> {
    let valid = request.read_input(row.takes);
    if let (Some(what), Identity::Anonymous) = (row.never_anonymous, &request.identity) {
        let message = format!("Anonymous users cannot {what}. Please authenticate.");
        return Err(S3Error::with(Code::AccessDenied, message));
    }
    if request.has_full_access(bucket) {
        return valid.map(|()| None);
    }
    if row.by_handler {
        let permissions: Vec<_> = [Some(row.permission), row.version_permission].into_iter().flatten().collect();
        let authorized = request.might_be_authorized(bucket, &permissions)?;
        return if authorized { valid.map(|()| None) } else { Err(request.access_denied(bucket)) };
    }
    let decision = request.decide(bucket, key).await?;
    let reads = key.filter(|_| row.reads_object());
    let Some(key) = reads else {
        let begun = decision == Decision::Deny && began_upload(request, row, bucket, key).await?;
        return if decision == Decision::Allow || begun {
            valid.map(|()| None)
        } else {
            Err(request.refused(decision, bucket))
        };
    };
    let may_list = request.may_list(bucket, key)?;
    match decision {
        Decision::Allow => valid.map(|()| (!may_list).then(|| request.access_denied(bucket))),
        // A caller who may list the bucket gets 404 for a missing key, and access denied otherwise.
        Decision::Deny if may_list => match request.version(bucket, key).await {
            Err(error) => Err(error),
            Ok(_) => Err(request.access_denied(bucket)),
        },
        refused => Err(request.refused(refused, bucket)),
    }
}

/// Whether the request is about an upload that the caller began, which the caller may look at and abort.
async fn began_upload(
    request: &S3Request,
    row: &Row,
    bucket: &Bucket,
    key: Option<&ObjectKey>,
) -> Result<bool, S3Error> {
    let own = matches!(row.permission.0, "s3:AbortMultipartUpload" | "s3:ListMultipartUploadParts");
    let id = request.query().get("uploadId").filter(|_| own).and_then(|id| id.parse().ok());
    let (Some(id), Some(key), Identity::Known(caller)) = (id, key, &request.identity) else { return Ok(false) };
    match request.state.objects.upload(bucket, key, &id).await {
        Ok(upload) => Ok(caller.is_account() && upload.attributes.owner == Some(caller.user.id)),
        Err(ObjectsError::NoSuchUpload) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn is_not_found(error: &S3Error) -> bool {
    matches!(error.code, Code::NoSuchKey | Code::NoSuchVersion)
}

/// Refuses a request without an unambiguous route; only after authentication and authorization.
fn check_match(found: &RouteMatch<'_>) -> Result<(), S3Error> {
    match found {
        RouteMatch::Row(..) => Ok(()),
        RouteMatch::UnknownParameter(_, _, name) => {
            Err(S3Error::new(Code::NotImplemented).field("Parameter", name.as_str()))
        }
        RouteMatch::Ambiguous(one, other) => {
            let message = format!("Conflicting query string parameters: {}, {}", one.operation, other.operation);
            Err(S3Error::with(Code::InvalidArgument, message))
        }
        RouteMatch::Nothing => Err(Code::MethodNotAllowed.into()),
    }
}

fn not_allowed(method: &Method, level: Level) -> S3Error {
    S3Error::new(Code::MethodNotAllowed).field("Method", method.as_str()).field("ResourceType", level.resource_type())
}

async fn close_after(body_drain: Option<BodyDrain>, expects_continue: bool, error: &S3Error, version: Version) -> bool {
    let exhausted = match body_drain {
        Some(body_drain) => body_drain.drain_rest(expects_continue).await,
        None => false,
    };
    (exhausted || error.close) && version < Version::HTTP_2
}

/// Adds the CORS headers to a response; to errors too, or a page could not read what went wrong.
async fn add_cors_headers(
    state: &S3State,
    trace: &Trace,
    method: &Method,
    cors_request: Option<&CorsRequest>,
    response: &mut Response,
) -> Result<(), S3Error> {
    // A preflight sets its own headers.
    if *method == Method::OPTIONS {
        return Ok(());
    }
    let refused;
    let bucket = match (&trace.bucket, trace.target.as_ref().and_then(Target::bucket)) {
        (Some(bucket), _) => bucket,
        (None, Some(name)) if cors_request.is_some() => {
            let Some(found) = state.metadata.bucket(name).await? else { return Ok(()) };
            refused = found;
            &refused
        }
        _ => return Ok(()),
    };
    cors::decorate(bucket, cors_request, response.headers_mut())
}

/// Adds the request to the meters of its bucket. The content of objects is added by its own stream.
fn record_usage(state: &S3State, trace: &Trace, method: &Method, response: &Response) {
    let (Some(bucket), Some(row)) = (trace.bucket.as_ref(), trace.row.and_then(|row| TABLE.rows().get(row))) else {
        return;
    };
    if row.open && !response.status().is_success() {
        // Requests of unauthenticated callers are not charged to the owner.
        return;
    }
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) && !row.operation.starts_with("List");
    let streamed = row.operation == "GetObject" && response.status().is_success();
    let egress = response.body().size_hint().exact().filter(|_| *method != Method::HEAD && !streamed);
    let usage = UsageDelta {
        requests_read: u64::from(reads),
        requests_write: u64::from(!reads),
        ingress_bytes: if response.status().is_success() { trace.ingress } else { 0 },
        egress_bytes: egress.unwrap_or_default(),
    };
    state.objects.meter(bucket.id, usage);
}

fn log(error: &S3Error, id: RequestId, method: &Method, row: Option<usize>) {
    let operation = row.and_then(|row| TABLE.rows().get(row)).map_or("none", |row| row.operation);
    if error.status().is_server_error() && error.code != Code::NotImplemented {
        tracing::warn!(request = %id, %method, operation, %error, "request failed");
    } else {
        tracing::debug!(request = %id, %method, operation, %error, "request refused");
    }
}

impl From<TargetError> for S3Error {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Malformed => Code::InvalidURI.into(),
            TargetError::BucketName => Code::InvalidBucketName.into(),
            TargetError::KeyTooLong => Code::KeyTooLongError.into(),
            TargetError::NotSupported => Code::NotImplemented.into(),
        }
    }
}
