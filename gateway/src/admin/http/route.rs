//! A row of the table.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use super::answer::Refusal;
use super::given::Given;
use super::parameter::Parameter;
use crate::admin::Admin;

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
