//! The one error type of the IAM and STS APIs.

use std::borrow::Cow;

use http::StatusCode;

use crate::metadata::MetadataError;
use crate::s3::error::{Code, S3Error};

/// Why an action is refused, as the client gets to see it.
#[derive(Clone, Debug)]
pub struct IamError {
    /// The error code.
    pub code: &'static str,
    /// The status of the reply.
    pub status: StatusCode,
    /// The message.
    pub message: Cow<'static, str>,
    /// The internal cause, for the log only.
    pub internal: Option<String>,
}

impl IamError {
    fn new(code: &'static str, status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, status, message: message.into(), internal: None }
    }

    /// A parameter that is missing or wrong.
    pub fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("ValidationError", StatusCode::BAD_REQUEST, message)
    }

    /// A parameter whose value breaks a rule.
    pub fn invalid(parameter: &str, rule: impl std::fmt::Display) -> Self {
        let mut first = parameter.chars();
        let camel: String = first.next().into_iter().flat_map(char::to_lowercase).chain(first).collect();
        Self::validation(format!(
            "1 validation error detected: Value at '{camel}' failed to satisfy constraint: Member {rule}"
        ))
    }

    /// A value that is right in form and wrong all the same.
    pub fn input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("InvalidInput", StatusCode::BAD_REQUEST, message)
    }

    /// An action nobody here knows.
    pub fn action(name: &str, version: &str) -> Self {
        let shown = |text: &str| text.chars().take(64).collect::<String>();
        let message = format!("Could not find operation {} for version {}", shown(name), shown(version));
        Self::new("InvalidAction", StatusCode::BAD_REQUEST, message)
    }

    /// `The user with name bob cannot be found.`
    pub fn missing(kind: &str, name: &str) -> Self {
        let message = format!("The {kind} with name {name} cannot be found.");
        Self::new("NoSuchEntity", StatusCode::NOT_FOUND, message)
    }

    /// Something that is not there, in words of one's own.
    pub fn no_such(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("NoSuchEntity", StatusCode::NOT_FOUND, message)
    }

    /// `User with name bob already exists.`
    pub fn exists(kind: &str, name: &str) -> Self {
        let message = format!("{kind} with name {name} already exists.");
        Self::new("EntityAlreadyExists", StatusCode::CONFLICT, message)
    }

    /// Something must go first.
    pub fn conflict(what: &str) -> Self {
        Self::new("DeleteConflict", StatusCode::CONFLICT, format!("Cannot delete entity, {what}."))
    }

    /// There are as many as there may be.
    pub fn limit(what: &str, most: impl std::fmt::Display) -> Self {
        let message = format!("Cannot exceed quota for {what}: {most}");
        Self::new("LimitExceeded", StatusCode::CONFLICT, message)
    }

    /// What cannot be changed in this way.
    pub fn unmodifiable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("UnmodifiableEntity", StatusCode::BAD_REQUEST, message)
    }

    /// A policy document that is none.
    pub fn policy(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("MalformedPolicyDocument", StatusCode::BAD_REQUEST, message)
    }

    /// The caller may not.
    pub fn denied(who: &str, action: &str, resource: &str) -> Self {
        let message = format!("User: {who} is not authorized to perform: {action} on resource: {resource}");
        Self::new("AccessDenied", StatusCode::FORBIDDEN, message)
    }

    /// Whether the caller is to blame.
    pub fn is_senders(&self) -> bool {
        self.status.is_client_error()
    }
}

impl From<MetadataError> for IamError {
    fn from(error: MetadataError) -> Self {
        S3Error::from(error).into()
    }
}

/// Signatures are refused in the words of S3 and named in those of IAM.
impl From<S3Error> for IamError {
    fn from(error: S3Error) -> Self {
        let (code, status) = match error.code {
            Code::InvalidAccessKeyId | Code::InvalidToken => ("InvalidClientTokenId", StatusCode::FORBIDDEN),
            Code::ExpiredToken => ("ExpiredToken", StatusCode::FORBIDDEN),
            Code::SignatureDoesNotMatch | Code::XAmzContentSHA256Mismatch | Code::RequestTimeTooSkewed => {
                ("SignatureDoesNotMatch", StatusCode::FORBIDDEN)
            }
            Code::AccessDenied => ("AccessDenied", StatusCode::FORBIDDEN),
            Code::AuthorizationHeaderMalformed | Code::AuthorizationQueryParametersError => {
                ("IncompleteSignature", StatusCode::BAD_REQUEST)
            }
            Code::SlowDown | Code::ServiceUnavailable => ("ServiceUnavailable", StatusCode::SERVICE_UNAVAILABLE),
            other if other.status().is_server_error() => ("ServiceFailure", StatusCode::INTERNAL_SERVER_ERROR),
            other => (other.name(), other.status()),
        };
        let message = match code {
            "InvalidClientTokenId" => Cow::Borrowed("The security token included in the request is invalid."),
            "ExpiredToken" => Cow::Borrowed("The security token included in the request is expired"),
            _ => error.message,
        };
        Self { code, status, message, internal: error.internal }
    }
}
