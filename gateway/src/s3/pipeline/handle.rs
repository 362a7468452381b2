//! The path of a request: framing, target, route, signature, then permission and handler (`dispatch`), response. Each step may end it,
//! and none is skipped.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Version, header};
use http_body::Body as _;
use tokio::time::Instant;

use crate::domain::UsageDelta;
use crate::s3::auth::{Identity, Payload};
use crate::s3::authz::request_context;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::repeated_headers;
use crate::s3::pipeline::body_drain::{BodyDrain, track};
use crate::s3::pipeline::cors::{self, CorsRequest};
use crate::s3::pipeline::dispatch::dispatch;
use crate::s3::pipeline::error_details;
use crate::s3::pipeline::operation_input::{Input, OperationInput};
use crate::s3::pipeline::request::{RequestInfo, S3Request};
use crate::s3::pipeline::request_id::RequestId;
use crate::s3::pipeline::request_target::RequestTarget;
use crate::s3::pipeline::state::S3State;
use crate::s3::pipeline::target::{Level, Target, TargetError};
use crate::s3::pipeline::trace::Trace;
use crate::s3::respond::{self, Response};
use crate::s3::route::{RouteMatch, RouteQuery, TABLE};
use crate::s3::{body, iam};

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
    request_context::refuse_long(&head.headers)?;
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
