//! From a request whose signature is verified to its handler: input, permission, handler. Each step may end it, and none is skipped.

use std::sync::Arc;

use http::Method;

use crate::domain::{Bucket, BucketName, ObjectKey};
use crate::objects::{ObjectsError, READ_ONLY};
use crate::policy::Decision;
use crate::s3::auth::Identity;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::conditions;
use crate::s3::pipeline::access_log::LogDraft;
use crate::s3::pipeline::request::S3Request;
use crate::s3::pipeline::request_target::ACCOUNT_ID;
use crate::s3::pipeline::target::Target;
use crate::s3::pipeline::trace::Trace;
use crate::s3::respond::Response;
use crate::s3::route::{Handler, RouteMatch, Row};
use crate::s3::{body, ops};

/// Carries an operation out, and answers once the journal has what may not be lost with the database.
pub(super) async fn dispatch(
    request: S3Request,
    row: &'static Row,
    found: &RouteMatch<'_>,
    target: Target,
    trace: &mut Trace,
) -> Result<Response, S3Error> {
    let objects = request.state.objects.clone();
    if row.changes() && objects.is_read_only() {
        return Err(S3Error::with(Code::ServiceUnavailable, READ_ONLY));
    }
    let response = carry_out(request, row, found, target, trace).await?;
    if row.changes_access() || (row.changes() && objects.journal_lag().is_zero()) {
        objects.await_journal().await?;
    }
    Ok(response)
}

/// Reads what the operation takes, checks the permission and calls the handler.
async fn carry_out(
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
            request.state.funding.check((row.operation, &row.method), &bucket, trace.ingress).await?;
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
            request.state.funding.check((row.operation, &row.method), &bucket, 0).await?;
            handler(request, bucket).await
        }
        (Handler::Object(handler), Target::Object(name, key)) => {
            let AuthorizedBucket { bucket, not_found_override } =
                authorized(&mut request, row, &name, Some(&key), trace).await?;
            check_match(found)?;
            request.state.funding.check((row.operation, &row.method), &bucket, trace.ingress).await?;
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
