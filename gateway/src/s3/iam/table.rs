//! The table of actions.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use super::args::Args;
use super::error::IamError;
use http::request::Parts;

use crate::domain::{Holder, HolderKind};
use crate::s3::auth::{Caller, Service};
use crate::s3::door::Door;
use crate::s3::xml::XmlWriter;

/// What an action is about: the resource of its permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The account as a whole: `*`.
    Account,
    /// A user, group or role that is there, by its name.
    Holder(HolderKind),
    /// The user of this name or, without one, the caller.
    UserOrCaller,
    /// A user, group or role that is to be.
    NewHolder(HolderKind),
    /// A managed policy that is there, by its ARN.
    Policy,
    /// A managed policy that is to be.
    NewPolicy,
    /// Nobody but the caller: no permission is asked.
    Caller,
}

/// An action on its way: verified and permitted.
pub struct Ask {
    /// The rooms below.
    pub door: Arc<Door>,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Target and headers.
    pub head: Parts,
    /// What for.
    pub args: Args,
    /// The user, group or role it is about; none when that is not there, or the account itself.
    pub holder: Option<Holder>,
}

impl Ask {
    /// The user, group or role it is about.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn holder(&self, kind: HolderKind) -> Result<&Holder, IamError> {
        let missing = || IamError::missing(kind.word(), self.args.get(parameter(kind)).unwrap_or_default());
        self.holder.as_ref().ok_or_else(missing)
    }
}

/// The parameter that names a user, group or role.
pub fn parameter(kind: HolderKind) -> &'static str {
    match kind {
        HolderKind::User => "UserName",
        HolderKind::Group => "GroupName",
        HolderKind::Role => "RoleName",
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
    pub about: About,
    /// The parameters it understands.
    pub accepts: &'static [&'static str],
    /// Who answers.
    pub handler: Box<dyn Fn(Ask) -> Answer + Send + Sync>,
}

impl Action {
    /// What the caller must be allowed: `iam:CreateUser`.
    pub fn permission(&self) -> String {
        format!("{}:{}", self.service.word(), self.name)
    }
}

/// An action of IAM.
pub fn iam<F, A>(name: &'static str, about: About, accepts: &'static [&'static str], handler: F) -> Action
where
    F: Fn(Ask) -> A + Send + Sync + 'static,
    A: Future<Output = Result<XmlWriter, IamError>> + Send + 'static,
{
    let handler = Box::new(move |ask| -> Answer { Box::pin(handler(ask)) });
    Action { name, service: Service::Iam, about, accepts, handler }
}

/// An action of STS.
pub fn sts<F, A>(name: &'static str, accepts: &'static [&'static str], handler: F) -> Action
where
    F: Fn(Ask) -> A + Send + Sync + 'static,
    A: Future<Output = Result<XmlWriter, IamError>> + Send + 'static,
{
    Action { service: Service::Sts, ..iam(name, About::Caller, accepts, handler) }
}

/// All actions by name.
pub static ACTIONS: LazyLock<HashMap<&'static str, Action>> = LazyLock::new(|| {
    let groups = [
        super::users::actions(),
        super::keys::actions(),
        super::groups::actions(),
        super::roles::actions(),
        super::inline_policies::actions(),
        super::attached_policies::actions(),
        super::policies::actions(),
        super::policy_versions::actions(),
        super::tags::actions(),
        super::summary::actions(),
        super::sessions::actions(),
    ];
    groups.into_iter().flatten().map(|action| (action.name, action)).collect()
});
