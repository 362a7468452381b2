//! A row of the table, and how one is written.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::answer::Refusal;
use super::given::Given;
use super::parameter::{Kind, Parameter, Place};
use crate::admin::{Admin, Operation, perform};

/// What a row does.
pub(super) type Done = Pin<Box<dyn Future<Output = Result<Value, Refusal>> + Send>>;

/// A resource and a method.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// The schema of the body, where it takes one.
    pub(super) body: Option<fn() -> Value>,
    /// The schema of the reply.
    pub(super) reply: fn() -> Value,
    pub(super) call: fn(Arc<Admin>, Given) -> Done,
}

/// A parameter of the query.
pub(super) const fn query(name: &'static str, kind: Kind, is_required: bool, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, kind, is_required, about }
}

/// A resource that is read, without parameters.
pub(super) const fn get(
    path: &'static str,
    name: &'static str,
    about: &'static str,
    reply: fn() -> Value,
    call: fn(Arc<Admin>, Given) -> Done,
) -> Route {
    Route { method: "get", path, name, about, parameters: &[], body: None, reply, call }
}

/// Runs an operation of the commands.
pub(super) async fn run<O: Operation>(admin: &Admin, operation: O) -> Result<Value, Refusal>
where
    O::Reply: Serialize,
{
    let reply = perform(operation, admin).await?;
    serde_json::to_value(reply).map_err(|error| Refusal::Malformed(error.to_string()))
}
