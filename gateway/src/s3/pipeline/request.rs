//! An authenticated S3 request on its way to its handler; its body is not read yet.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};

use crate::domain::{Bucket, Peer, User, VersionLookup};
use crate::events::{NotificationConfiguration, Origin};
use crate::objects::{BodyPromise, IncomingBody, OngoingRead};
use crate::policy::Permission;
use crate::s3::auth::{Identity, Payload, Signature};
use crate::s3::body::{self, Integrity, SmallBody};
use crate::s3::error::{Code, S3Error};
use crate::s3::form::Form;
use crate::s3::pipeline::connection_info::ConnectionInfo;
use crate::s3::pipeline::operation_input::{self, Input, OperationInput};
use crate::s3::pipeline::request_id::RequestId;
use crate::s3::pipeline::request_target::RequestTarget;
use crate::s3::pipeline::state::S3State;
use crate::s3::uri::Query;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A verified request.
pub struct S3Request {
    /// The shared state of the S3 API.
    pub state: Arc<S3State>,
    /// Method and headers; the headers a presigned URL carries in its query are among them.
    pub head: Parts,
    /// Where it goes.
    pub target: RequestTarget,
    /// The verified identity of the sender.
    pub identity: Identity,
    /// What it was signed with.
    pub signature: Option<Signature>,
    /// What its body must prove.
    pub payload: Payload,
    /// The body, until a handler takes it. Locked only so that a call can be shared while it waits.
    pub body: Mutex<Body>,
    /// Its id in responses and logs.
    pub id: RequestId,
    /// What the caller must be allowed, as the operation's row has it.
    pub permission: Permission,
    /// What the operation takes from it: what conditions ask about, and what the handler acts on.
    pub input: OperationInput,
    /// What the decision was made about, where it had to be looked at: the handler uses this and nothing newer.
    pub found: Option<VersionLookup>,
    /// Where it may read content: what lives now can be read until this is dropped.
    pub ongoing_read: Option<OngoingRead>,
}

impl S3Request {
    /// Whose share of what all have it takes from.
    pub fn peer(&self) -> Option<Peer> {
        ConnectionInfo::of(&self.head).sharing_peer()
    }

    /// The decoded parameters.
    #[must_use]
    pub fn query(&self) -> &Query {
        self.target.query()
    }

    /// What `versionId` says.
    #[must_use]
    pub fn version_id(&self) -> Option<&str> {
        self.query().get("versionId")
    }

    /// A header as text; `None` when it is missing or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The user who sent the request.
    ///
    /// # Errors
    /// `AccessDenied` to anonymous callers.
    pub fn user(&self) -> Result<&User, S3Error> {
        match &self.identity {
            Identity::Known(key) => Ok(&key.user),
            Identity::Anonymous => Err(Code::AccessDenied.into()),
        }
    }

    /// Turns this into the request that a form stands for: with the identity of the form, and the fields that are headers
    /// elsewhere. Of the request's own headers, which nobody has signed, only those stay that say where it came from and how
    /// it got here.
    ///
    /// # Errors
    /// What is wrong with the fields.
    pub fn be_form(&mut self, form: &Form) -> Result<(), S3Error> {
        self.identity = form.identity.clone();
        self.signature = self.state.verifier.signature_of_form(&form.identity, |name| form.fields.get(name));
        let own = std::mem::replace(&mut self.head.headers, form.headers.clone());
        let stay = [header::HOST, header::ORIGIN, header::REFERER, header::USER_AGENT, FORWARDED_PROTO];
        for name in stay {
            // No field has any of these names.
            for value in own.get_all(&name) {
                self.head.headers.append(name.clone(), value.clone());
            }
        }
        self.read_input(operation_input::FORM)
    }

    /// Reads what an operation takes, as far as it can be read.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_input(&mut self, takes: &[Input]) -> Result<(), S3Error> {
        let (input, valid) =
            OperationInput::read(takes, &self.head, self.query(), &self.state.settings, self.state.now());
        self.input = input;
        valid
    }

    /// Takes the content of an object or part. Nothing is read before the use case reads it.
    ///
    /// # Errors
    /// What [`body::open`] says.
    pub fn take_content(&mut self) -> Result<(BodyPromise, Box<dyn IncomingBody>), S3Error> {
        let body = self.take_body();
        body::open(self.payload.clone(), &self.head, body, &self.state.settings.body)
    }

    /// Takes and reads a whole small body.
    ///
    /// # Errors
    /// What [`body::read_small`] says.
    pub async fn small_body(&mut self, integrity: Integrity, bytes_max: usize) -> Result<SmallBody, S3Error> {
        let body = self.take_body();
        body::read_small(self.payload.clone(), &self.head, body, &self.state.settings.body, integrity, bytes_max).await
    }

    /// The origin of a change, if the bucket has notifications.
    #[must_use]
    pub fn origin_for(&self, bucket: &Bucket) -> Option<Origin> {
        bucket.settings.has::<NotificationConfiguration>().then(|| self.origin())
    }

    /// The origin of a change, as notifications report it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let principal = self.user().map(|user| user.canonical_id.0.clone()).unwrap_or_default();
        let address = ConnectionInfo::of(&self.head).peer.map(|peer| peer.to_string()).unwrap_or_default();
        let host = self.state.ids.host().to_str().unwrap_or_default().to_owned();
        Origin { principal, address, request: self.id.to_string(), host, event: None }
    }

    /// The request information that responses and errors need.
    #[must_use]
    pub fn info(&self) -> RequestInfo {
        RequestInfo { id: self.id, host: self.state.ids.host().clone() }
    }

    /// Takes the raw body.
    pub fn take_body(&mut self) -> Body {
        std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Information about a request that its response needs after the handler is done.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// The request's name.
    pub id: RequestId,
    /// The process that answers it, as `<HostId>` shows it.
    pub host: HeaderValue,
}
