//! The way of a request: framing, target, row, signature, permission, handler, reply. Each step may end it, and none is
//! skipped.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Version, header};
use http_body::Body as _;
use tokio::time::Instant;

use super::access_log::LogDraft;
use super::auth::{Identity, Payload};
use super::body;
use super::call::{Asked, Call};
use super::conditions;
use super::cors::{self, CorsQuestion};
use super::door::Door;
use super::error::{Code, S3Error};
use super::iam;
use super::lent_body::{Lender, lend};
use super::operation_input::OperationInput;
use super::repeated_headers;
use super::request_id::RequestId;
use super::request_target::RequestTarget;
use super::respond::{self, Response};
use super::route::{Found, Handler, Level, Question, Row, TABLE};
use super::target::{Target, TargetError};
use crate::domain::{Bucket, BucketName, ObjectKey, UsageDelta};
use crate::objects::ObjectsError;
use crate::policy::Decision;

/// What is learned about a request on its way, for meters and the log.
#[derive(Default)]
struct Trace {
    row: Option<usize>,
    /// The bucket its target names.
    name: Option<BucketName>,
    /// The bucket, once the caller was let in.
    bucket: Option<Arc<Bucket>>,
    ingress: u64,
    /// What the bucket's access log will say, if it has one.
    log: Option<Box<LogDraft>>,
    /// The error's code, if the answer is one.
    error: &'static str,
}

/// Answers one request.
pub async fn handle(door: Arc<Door>, request: Request<Body>) -> Response {
    let started = Instant::now();
    let id = door.ids.next();
    let (head, body) = request.into_parts();
    let (method, uri, version) = (head.method.clone(), head.uri.clone(), head.version);
    let expects_continue = head.headers.contains_key(header::EXPECT);
    // Without a body there is no 100 to send, and boto3, which asks for one all the same, then takes the next reply on
    // the connection for this one's and waits a minute. A connection that ends cannot be misread.
    let would_be_misread = expects_continue && body.is_end_stream() && version < Version::HTTP_2;
    let question = CorsQuestion::read(&head.method, &head.headers);
    let (body, lender) = lend(body);
    let mut trace = Trace::default();
    let mut response = match answer(&door, head, body, id, &mut trace).await {
        Ok(response) => response,
        Err(error) => {
            log(&error, id, &method, trace.row);
            trace.error = error.code.name();
            let asked = Asked { id, path: uri.path().to_owned(), host: door.ids.host().clone() };
            let mut response = respond::refuse(&error, &method, &asked);
            if close_after(lender, expects_continue, &error, version).await {
                response.headers_mut().insert(header::CONNECTION, const { HeaderValue::from_static("close") });
            }
            response
        }
    };
    if would_be_misread {
        response.headers_mut().insert(header::CONNECTION, const { HeaderValue::from_static("close") });
    }
    if let Err(error) = share(&door, &trace, &method, question.as_ref(), &mut response).await {
        // The browser then keeps the reply from the page, which is right for rules that nobody can read.
        tracing::warn!(request = %id, %error, "cannot tell what the CORS rules say");
    }
    respond::stamp(&mut response, id, &door.ids);
    let took = started.elapsed();
    door.meters.record(trace.row, response.status(), took);
    charge(&door, &trace, &method, &response);
    if let Some(draft) = &trace.log {
        let line = draft.line(door.objects.now().0, &response, trace.error, took);
        door.objects.log_access(draft.bucket(), &line);
    }
    tracing::debug!(request = %id, %method, path = uri.path(), status = response.status().as_u16(), ?took, "answered");
    response
}

async fn answer(
    door: &Arc<Door>,
    head: Parts,
    body: Body,
    id: RequestId,
    trace: &mut Trace,
) -> Result<Response, S3Error> {
    body::check_framing(&head)?;
    repeated_headers::refuse(&head.headers)?;
    let target = RequestTarget::read(&head, &door.settings.base_domains)?;
    target.refuse_repeated(|name| TABLE.knows(name))?;
    let resource = target.resource()?;
    if iam::is_action(&head, &resource) {
        return Ok(iam::answer(door.clone(), head, body, &target, id).await);
    }
    let level = resource.level();
    trace.name = resource.bucket().cloned();
    let question = Question { method: &head.method, level, query: target.query(), headers: &head.headers };
    let found = TABLE.find(&question);
    let row = match &found {
        Found::Row(at, row) | Found::UnknownParameter(at, row, _) => {
            trace.row = Some(*at);
            *row
        }
        Found::Ambiguous(row, _) => *row,
        Found::Nothing => return Err(not_allowed(&head.method, level)),
    };
    let mut call = Call {
        door: door.clone(),
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
        let verified = door.verifier.verify(&call.head, &call.target).await?;
        verified.unhoist(&mut call.head.headers);
        call.identity = verified.identity;
        call.signature = verified.signature;
        call.payload = verified.payload;
    }
    enter(call, row, &found, resource, trace).await
}

/// Reads what the operation takes, checks the permission and calls the handler.
async fn enter(
    mut call: Call,
    row: &'static Row,
    found: &Found<'_>,
    target: Target,
    trace: &mut Trace,
) -> Result<Response, S3Error> {
    trace.ingress = body::announced_length(&call.payload, &call.head.headers).unwrap_or_default();
    match (&row.handler, target) {
        (Handler::Service(handler), Target::Service) => {
            call.require_service(row.permission, None)?;
            settled(found)?;
            handler(call).await
        }
        (Handler::NewBucket(handler), Target::Bucket(name)) => {
            // The handler asks again when it has read what the body says.
            if !call.might_be_allowed(row.permission) {
                return Err(Code::AccessDenied.into());
            }
            call.read_input(row.takes)?;
            settled(found)?;
            handler(call, name).await
        }
        (Handler::Bucket(handler), Target::Bucket(name)) => {
            let Admitted { bucket, .. } = admitted(&mut call, row, &name, None, trace).await?;
            settled(found)?;
            handler(call, bucket).await
        }
        (Handler::Object(handler), Target::Object(name, key)) => {
            let Admitted { bucket, hides } = admitted(&mut call, row, &name, Some(&key), trace).await?;
            settled(found)?;
            let condition = conditions::name_of_write(&call.head.headers);
            let answer = handler(call, bucket, key).await.map_err(|error| error.because_of(condition));
            match hides {
                Some(refusal) => answer.map_err(|error| if tells_of_absence(&error) { refusal } else { error }),
                None => answer,
            }
        }
        (Handler::Unsupported, Target::Service) => {
            call.require_service(row.permission, None)?;
            Err(Code::NotImplemented.into())
        }
        (Handler::Unsupported, Target::Bucket(name)) => {
            admitted(&mut call, row, &name, None, trace).await?;
            Err(Code::NotImplemented.into())
        }
        (Handler::Unsupported, Target::Object(name, key)) => {
            admitted(&mut call, row, &name, Some(&key), trace).await?;
            Err(Code::NotImplemented.into())
        }
        _ => Err(S3Error::internal(format!("the row {row:?} has a handler of another level"))),
    }
}

/// A bucket that a request may be carried out on.
struct Admitted {
    bucket: Arc<Bucket>,
    /// What to say instead of that something is not there, to a caller who may not know.
    hides: Option<S3Error>,
}

/// The bucket, if the caller may do this with it and it is whose the caller expects it to be.
async fn admitted(
    call: &mut Call,
    row: &Row,
    name: &BucketName,
    key: Option<&ObjectKey>,
    trace: &mut Trace,
) -> Result<Admitted, S3Error> {
    let bucket = call.door.bucket(name).await?;
    trace.log = LogDraft::begin(call, row, &bucket, key).await;
    let hides = if row.open { None } else { admit(call, row, &bucket, key).await? };
    if let Some(expected) = call.header("x-amz-expected-bucket-owner") {
        call.door.expect_owner(expected, &bucket, &call.identity).await?;
    }
    trace.bucket = Some(bucket.clone());
    Ok(Admitted { bucket, hides })
}

/// Reads what the operation takes and lets the rules decide; only whoever is allowed it is told what is wrong with the
/// request. Answers what has to be said instead of that an object is not there.
async fn admit(
    call: &mut Call,
    row: &Row,
    bucket: &Bucket,
    key: Option<&ObjectKey>,
) -> Result<Option<S3Error>, S3Error> {
    let valid = call.read_input(row.takes);
    if call.is_unbound(bucket) {
        return valid.map(|()| None);
    }
    if row.by_handler {
        let permissions: Vec<_> = [Some(row.permission), row.version_permission].into_iter().flatten().collect();
        let admitted = call.might_be_admitted(bucket, &permissions)?;
        return if admitted { valid.map(|()| None) } else { Err(call.refusal(bucket)) };
    }
    let decision = call.decide(bucket, key).await?;
    let reads = key.filter(|_| row.reads_object());
    let Some(key) = reads else {
        let begun = decision == Decision::Deny && began_upload(call, row, bucket, key).await?;
        return if decision == Decision::Allow || begun { valid.map(|()| None) } else { Err(call.refusal(bucket)) };
    };
    let may_list = call.may_list(bucket, key)?;
    match decision {
        Decision::Allow => valid.map(|()| (!may_list).then(|| call.refusal(bucket))),
        // Whoever may list the bucket may be told that the key is not there, and nothing else.
        Decision::Deny if may_list => match call.version(bucket, key).await {
            Err(error) => Err(error),
            Ok(_) => Err(call.refusal(bucket)),
        },
        Decision::Deny | Decision::DenyExplicitly => Err(call.refusal(bucket)),
    }
}

/// Whether the request is about an upload that the caller began, which the caller may look at and abort.
async fn began_upload(call: &Call, row: &Row, bucket: &Bucket, key: Option<&ObjectKey>) -> Result<bool, S3Error> {
    let own = matches!(row.permission.0, "s3:AbortMultipartUpload" | "s3:ListMultipartUploadParts");
    let id = call.query().get("uploadId").filter(|_| own).and_then(|id| id.parse().ok());
    let (Some(id), Some(key), Identity::Known(caller)) = (id, key, &call.identity) else { return Ok(false) };
    match call.door.objects.upload(bucket, key, &id).await {
        Ok(upload) => Ok(caller.is_account() && upload.attributes.owner == Some(caller.user.id)),
        Err(ObjectsError::NoSuchUpload) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn tells_of_absence(error: &S3Error) -> bool {
    matches!(error.code, Code::NoSuchKey | Code::NoSuchVersion)
}

/// Refuses what the table could not place for certain; only now, when the caller has proven to be somebody.
fn settled(found: &Found<'_>) -> Result<(), S3Error> {
    match found {
        Found::Row(..) => Ok(()),
        Found::UnknownParameter(_, _, name) => {
            Err(S3Error::new(Code::NotImplemented).field("Parameter", name.as_str()))
        }
        Found::Ambiguous(one, other) => {
            let message = format!("Conflicting query string parameters: {}, {}", one.operation, other.operation);
            Err(S3Error::with(Code::InvalidArgument, message))
        }
        Found::Nothing => Err(Code::MethodNotAllowed.into()),
    }
}

fn not_allowed(method: &Method, level: Level) -> S3Error {
    let kind = match level {
        Level::Service => "SERVICE",
        Level::Bucket => "BUCKET",
        Level::Object => "OBJECT",
    };
    S3Error::new(Code::MethodNotAllowed).field("Method", method.as_str()).field("ResourceType", kind)
}

async fn close_after(lender: Option<Lender>, expects_continue: bool, error: &S3Error, version: Version) -> bool {
    let exhausted = match lender {
        Some(lender) => lender.settle(expects_continue).await,
        None => false,
    };
    (exhausted || error.close) && version < Version::HTTP_2
}

/// Says in the reply what pages of other origins may do with it; in errors too, or a page could not tell what went wrong.
async fn share(
    door: &Door,
    trace: &Trace,
    method: &Method,
    question: Option<&CorsQuestion>,
    response: &mut Response,
) -> Result<(), S3Error> {
    // A preflight has answered for itself.
    if *method == Method::OPTIONS {
        return Ok(());
    }
    let refused;
    let bucket = match (&trace.bucket, &trace.name) {
        (Some(bucket), _) => bucket,
        (None, Some(name)) if question.is_some() => {
            let Some(found) = door.metadata.bucket(name).await? else { return Ok(()) };
            refused = found;
            &refused
        }
        _ => return Ok(()),
    };
    cors::decorate(bucket, question, response.headers_mut())
}

/// Adds the request to the meters of its bucket. The content of objects is added by its own stream.
fn charge(door: &Door, trace: &Trace, method: &Method, response: &Response) {
    let (Some(bucket), Some(row)) = (trace.bucket.as_ref(), trace.row.and_then(|row| TABLE.rows().get(row))) else {
        return;
    };
    if row.open && !response.status().is_success() {
        // Whoever knocks without a name does not run up the owner's bill.
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
    door.objects.meter(bucket.id, usage);
}

fn log(error: &S3Error, id: RequestId, method: &Method, row: Option<usize>) {
    let operation = row.and_then(|row| TABLE.rows().get(row)).map_or("none", |row| row.operation);
    if error.status().is_server_error() && error.code != Code::NotImplemented {
        tracing::warn!(request = %id, %method, operation, %error, "failed");
    } else {
        tracing::debug!(request = %id, %method, operation, %error, "refused");
    }
}

impl Target {
    fn bucket(&self) -> Option<&BucketName> {
        match self {
            Self::Service => None,
            Self::Bucket(name) | Self::Object(name, _) => Some(name),
        }
    }

    fn level(&self) -> Level {
        match self {
            Self::Service => Level::Service,
            Self::Bucket(_) => Level::Bucket,
            Self::Object(..) => Level::Object,
        }
    }
}

impl From<TargetError> for S3Error {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Malformed => Code::InvalidURI.into(),
            TargetError::BucketName => Code::InvalidBucketName.into(),
            TargetError::KeyTooLong => Code::KeyTooLongError.into(),
        }
    }
}
