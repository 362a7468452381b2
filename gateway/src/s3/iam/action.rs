//! An action of the IAM or STS API: its name, what it needs, and its handler.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;

use crate::domain::{IamIdentity, IdentityKind};
use crate::s3::auth::{Caller, Service};
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::args::Args;
use crate::s3::iam::error::IamError;
use crate::s3::pipeline::state::S3State;

/// The resource of an action's permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionResource {
    /// The account as a whole: `*`.
    Account,
    /// A user, group or role that is there, by its name.
    IamIdentity(IdentityKind),
    /// The user of this name or, without one, the caller.
    UserOrCaller,
    /// A user, group or role that is to be.
    NewIdentity(IdentityKind),
    /// A managed policy that is there, by its ARN.
    Policy,
    /// A managed policy that is to be.
    NewPolicy,
    /// The caller itself: no permission is needed.
    Caller,
}

/// An authenticated and authorized action request.
pub struct ActionRequest {
    /// The shared state of the S3 API.
    pub state: Arc<S3State>,
    /// The caller.
    pub caller: Arc<Caller>,
    /// Target and headers.
    pub head: Parts,
    /// The parameters.
    pub args: Args,
    /// The user, group or role it is about; none when that is not there, or the account itself.
    pub identity: Option<IamIdentity>,
}

impl ActionRequest {
    /// The user, group or role it is about.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn identity(&self, kind: IdentityKind) -> Result<&IamIdentity, IamError> {
        let missing = || IamError::missing(kind.word(), self.args.get(parameter(kind)).unwrap_or_default());
        self.identity.as_ref().ok_or_else(missing)
    }
}

/// The parameter that names a user, group or role.
pub fn parameter(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::User => "UserName",
        IdentityKind::Group => "GroupName",
        IdentityKind::Role => "RoleName",
    }
}

/// What is inside an answer.
pub type Answer = Pin<Box<dyn Future<Output = Result<XmlWriter, IamError>> + Send>>;

/// An action: its name, what it needs, who answers.
pub struct Action {
    /// Its name in Amazon's model.
    pub name: &'static str,
    /// Its service.
    pub service: Service,
    /// What it is about.
    pub resource: ActionResource,
    /// The parameters it understands.
    pub accepts: &'static [&'static str],
    /// The handler.
    pub handler: Box<dyn Fn(ActionRequest) -> Answer + Send + Sync>,
}

impl Action {
    /// What the caller must be allowed: `iam:CreateUser`.
    pub fn permission(&self) -> String {
        format!("{}:{}", self.service.word(), self.name)
    }
}

/// An action of IAM.
pub fn iam<F, A>(name: &'static str, resource: ActionResource, accepts: &'static [&'static str], handler: F) -> Action
where
    F: Fn(ActionRequest) -> A + Send + Sync + 'static,
    A: Future<Output = Result<XmlWriter, IamError>> + Send + 'static,
{
    let handler = Box::new(move |request| -> Answer { Box::pin(handler(request)) });
    Action { name, service: Service::Iam, resource, accepts, handler }
}

/// An action of STS.
pub fn sts<F, A>(name: &'static str, accepts: &'static [&'static str], handler: F) -> Action
where
    F: Fn(ActionRequest) -> A + Send + Sync + 'static,
    A: Future<Output = Result<XmlWriter, IamError>> + Send + 'static,
{
    Action { service: Service::Sts, ..iam(name, ActionResource::Caller, accepts, handler) }
}
