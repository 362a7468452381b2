//! The path of an IAM or STS action: body, signature, action, permission, handler, response.

use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Method, header};

use crate::objects::READ_ONLY;
use crate::s3::auth::{Payload, Service};
use crate::s3::body::{Integrity, read_small};
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::{Code, S3Error};
use crate::s3::iam::action::ActionRequest;
use crate::s3::iam::args::Args;
use crate::s3::iam::authorize::authorize;
use crate::s3::iam::error::IamError;
use crate::s3::iam::table::ACTIONS;
use crate::s3::pipeline::request_id::RequestId;
use crate::s3::pipeline::request_target::RequestTarget;
use crate::s3::pipeline::state::S3State;
use crate::s3::pipeline::target::Target;
use crate::s3::respond::{Response, xml};

/// The longest form, in bytes: the longest policy document, encoded. It is read before its signature can be verified.
const BODY_BYTES_MAX: usize = 128 << 10;
const TEXT_XML: HeaderValue = HeaderValue::from_static("text/xml");

/// Whether a request calls an action: a form that is posted to `/`.
#[must_use]
pub fn is_action(head: &Parts, target: &Target) -> bool {
    let form = b"application/x-www-form-urlencoded";
    let kind = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    head.method == Method::POST
        && *target == Target::Service
        && kind.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form))
}

/// Answers an action.
pub async fn answer(state: Arc<S3State>, head: Parts, body: Body, target: &RequestTarget, id: RequestId) -> Response {
    match run(state, head, body, target).await {
        Ok((name, service, inside)) => {
            let namespace = namespace(service);
            let mut writer = XmlWriter::declared(512 + inside.len());
            writer.raw(&format!("<{name}Response xmlns=\"{namespace}\"><{name}Result>{inside}</{name}Result>"));
            writer.open("ResponseMetadata").plain("RequestId", id).close("ResponseMetadata");
            reply(writer.end(&format!("{name}Response")))
        }
        Err(error) => {
            log(&error, id);
            let mut writer = XmlWriter::declared(512);
            writer.raw(&format!("<ErrorResponse xmlns=\"{}\">", namespace(Service::Iam)));
            writer.open("Error").text("Type", if error.is_senders() { "Sender" } else { "Receiver" });
            writer.text("Code", error.code).text("Message", &error.message).close("Error");
            writer.plain("RequestId", id);
            let mut response = reply(writer.end("ErrorResponse"));
            *response.status_mut() = error.status;
            response
        }
    }
}

async fn run(
    state: Arc<S3State>,
    head: Parts,
    body: Body,
    target: &RequestTarget,
) -> Result<(&'static str, Service, String), IamError> {
    let limits = &state.settings.body;
    let reading = read_small(Payload::Unsigned, &head, body, limits, Integrity::Optional, BODY_BYTES_MAX);
    let reading = limits.unverified.read(&head, reading);
    let (caller, service, body) = state.verifier.verify_action(&head, target, reading).await?;
    let args = Args::parse(&body)?;
    drop(body);
    let (name, version) = (args.get("Action").unwrap_or_default(), args.get("Version").unwrap_or_default());
    let known = ACTIONS.get(name).filter(|action| action.service == service && version == self::version(service));
    let action = known.ok_or_else(|| IamError::action(name, version))?;
    args.only(action.accepts)?;
    let objects = state.objects.clone();
    if changes(action.service, action.name) && objects.is_read_only() {
        return Err(S3Error::with(Code::ServiceUnavailable, READ_ONLY).into());
    }
    let request = authorize(action, ActionRequest { state, caller, head, args, identity: None }).await?;
    let inside = (action.handler)(request).await?;
    if changes(action.service, action.name) {
        // A key that was revoked may not be good again when the database is lost.
        objects.await_journal().await.map_err(S3Error::from)?;
    }
    Ok((action.name, service, inside.finish()))
}

/// Whether an action changes who may do what. Sessions are in no row.
fn changes(service: Service, action: &str) -> bool {
    service == Service::Iam && !["Get", "List", "Simulate"].iter().any(|reading| action.starts_with(reading))
}

fn version(service: Service) -> &'static str {
    if service == Service::Sts { "2011-06-15" } else { "2010-05-08" }
}

fn namespace(service: Service) -> String {
    format!("https://{}.amazonaws.com/doc/{}/", service.word(), version(service))
}

fn reply(document: String) -> Response {
    let mut response = xml(document);
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT_XML);
    response
}

fn log(error: &IamError, id: RequestId) {
    let (code, message, internal) = (error.code, &error.message, &error.internal);
    if error.is_senders() {
        tracing::debug!(request = %id, code, %message, "IAM request refused");
    } else {
        tracing::warn!(request = %id, code, %message, ?internal, "IAM request failed");
    }
}
