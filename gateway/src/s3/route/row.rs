//! One row of the route table.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;

use crate::domain::{Bucket, BucketName, ObjectKey};
use crate::policy::Permission;
use crate::s3::error::S3Error;
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::pipeline::target::Level;
use crate::s3::respond::Response;

/// What a request must have to belong to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// This query parameter, with any value or none.
    Query(&'static str),
    /// This query parameter with this value.
    QueryValue(&'static str, &'static str),
    /// This header.
    Header(&'static str),
}

/// A handler's answer on its way.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, S3Error>> + Send>>;

/// The function behind a row, by what it is given besides the request.
pub enum Handler {
    /// Nothing.
    Service(Box<dyn Fn(S3Request) -> Answer + Send + Sync>),
    /// The name of a bucket that need not exist.
    NewBucket(Box<dyn Fn(S3Request, BucketName) -> Answer + Send + Sync>),
    /// A bucket that exists.
    Bucket(Box<dyn Fn(S3Request, Arc<Bucket>) -> Answer + Send + Sync>),
    /// A bucket that exists, and a key in it.
    Object(Box<dyn Fn(S3Request, Arc<Bucket>, ObjectKey) -> Answer + Send + Sync>),
    /// 501, to callers who would be authorized.
    Unsupported,
}

/// An operation of S3: how to match its requests, what they need, and their handler.
pub struct Row {
    /// The operation's name in Amazon's model.
    pub operation: &'static str,
    /// Its method.
    pub method: Method,
    /// What it is about.
    pub level: Level,
    /// What distinguishes it from the other operations of the same method and level.
    pub needs: Vec<Need>,
    /// Parameters it understands besides.
    pub accepts: &'static [&'static str],
    /// Any parameter is understood, because the request is about another one.
    pub accepts_any: bool,
    /// What the caller must be allowed.
    pub permission: Permission,
    /// What the caller must be allowed instead when `versionId` names a version.
    pub version_permission: Option<Permission>,
    /// What is asked for stands in the body, so that the handler asks for permission once it has read that: the keys of a
    /// deletion, tags, an access list, a retention.
    pub by_handler: bool,
    /// No authentication before the handler: preflights, and forms that carry their own signature.
    pub open: bool,
    /// What it is that nobody may do who is not known, whatever policies and lists say.
    pub never_anonymous: Option<&'static str>,
    /// What it takes from the headers and the query.
    pub takes: &'static [Input],
    /// It only ever answers as if nothing had been configured.
    pub default_only: bool,
    /// Who answers.
    pub handler: Handler,
}

impl Row {
    fn new(operation: &'static str, method: Method, level: Level, permission: &'static str, handler: Handler) -> Self {
        let permission = Permission(permission);
        Self {
            operation,
            method,
            level,
            needs: Vec::new(),
            accepts: &[],
            accepts_any: false,
            permission,
            version_permission: None,
            by_handler: false,
            open: false,
            never_anonymous: None,
            takes: &[],
            default_only: false,
            handler,
        }
    }

    /// Nobody may do this who is not known, whatever policies and lists say.
    #[must_use]
    pub fn never_anonymous(self, what: &'static str) -> Self {
        Self { never_anonymous: Some(what), ..self }
    }

    /// Also needs this query parameter.
    #[must_use]
    pub fn query(self, name: &'static str) -> Self {
        self.need(Need::Query(name))
    }

    /// Also needs this.
    #[must_use]
    pub fn need(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// Understands these parameters.
    #[must_use]
    pub fn accepts(mut self, names: &'static [&'static str]) -> Self {
        self.accepts = names;
        self
    }

    /// Takes these from the headers and the query. What it does not take, conditions of policies do not see either.
    #[must_use]
    pub fn takes(mut self, inputs: &'static [Input]) -> Self {
        self.takes = inputs;
        self
    }

    /// Understands every parameter.
    #[must_use]
    pub fn accepts_anything(mut self) -> Self {
        self.accepts_any = true;
        self
    }

    /// Asks for this permission instead when `versionId` names a version.
    #[must_use]
    pub fn version_permission(mut self, permission: &'static str) -> Self {
        self.version_permission = Some(Permission(permission));
        self
    }

    /// What a request must be allowed; `version` is what its `versionId` says.
    #[must_use]
    pub fn permission_for(&self, version: Option<&str>) -> Permission {
        self.version_permission.filter(|_| version.is_some()).unwrap_or(self.permission)
    }

    /// Leaves authorization to the handler, which reads the body. A caller who could be allowed nothing is refused before.
    #[must_use]
    pub fn decided_by_handler(mut self) -> Self {
        self.by_handler = true;
        self
    }

    /// Whether it reads an object, so that who may not list the bucket must not learn that there is none.
    #[must_use]
    pub fn reads_object(&self) -> bool {
        let reads = self.method == Method::GET || self.method == Method::HEAD;
        reads && self.level == Level::Object && self.permission.0 != "s3:ListMultipartUploadParts"
    }

    /// Whether it may change anything.
    #[must_use]
    pub fn changes(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// Whether it says who may do what, or what may not be removed: a database that is rebuilt must know, or what was taken from somebody
    /// would be given back.
    #[must_use]
    pub fn changes_access(&self) -> bool {
        const ABOUT_ACCESS: [&str; 11] = [
            "s3:DeleteBucketPolicy",
            "s3:PutBucketAcl",
            "s3:PutBucketObjectLockConfiguration",
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketVersioning",
            "s3:PutObjectAcl",
            "s3:PutObjectLegalHold",
            "s3:PutObjectRetention",
            "s3:PutObjectVersionAcl",
        ];
        self.changes() && ABOUT_ACCESS.contains(&self.permission.0)
    }

    /// Needs no authorization.
    #[must_use]
    pub fn open_to_all(mut self) -> Self {
        self.open = true;
        self
    }

    /// Marks an answer that is always that of a bucket where nothing was configured.
    #[must_use]
    pub fn answering_defaults(mut self) -> Self {
        self.default_only = true;
        self
    }

    /// Whether anything stands behind it.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        !matches!(self.handler, Handler::Unsupported)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {:?} {:?})", self.operation, self.method, self.level, self.needs)
    }
}

/// A row about the service.
pub fn on_service<F, A>(operation: &'static str, method: Method, permission: &'static str, handler: F) -> Row
where
    F: Fn(S3Request) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response, S3Error>> + Send + 'static,
{
    let boxed = Handler::Service(Box::new(move |request| Box::pin(handler(request))));
    Row::new(operation, method, Level::Service, permission, boxed)
}

/// A row about a bucket that need not exist yet.
pub fn on_new_bucket<F, A>(operation: &'static str, method: Method, permission: &'static str, handler: F) -> Row
where
    F: Fn(S3Request, BucketName) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response, S3Error>> + Send + 'static,
{
    let boxed = Handler::NewBucket(Box::new(move |request, name| Box::pin(handler(request, name))));
    Row::new(operation, method, Level::Bucket, permission, boxed)
}

/// A row about a bucket.
pub fn on_bucket<F, A>(operation: &'static str, method: Method, permission: &'static str, handler: F) -> Row
where
    F: Fn(S3Request, Arc<Bucket>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response, S3Error>> + Send + 'static,
{
    let boxed = Handler::Bucket(Box::new(move |request, bucket| Box::pin(handler(request, bucket))));
    Row::new(operation, method, Level::Bucket, permission, boxed)
}

/// A row of S3 Control, about a bucket that its ARN names.
pub fn on_resource<F, A>(operation: &'static str, method: Method, permission: &'static str, handler: F) -> Row
where
    F: Fn(S3Request, Arc<Bucket>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response, S3Error>> + Send + 'static,
{
    Row { level: Level::Resource, ..on_bucket(operation, method, permission, handler) }
}

/// A row about an object.
pub fn on_object<F, A>(operation: &'static str, method: Method, permission: &'static str, handler: F) -> Row
where
    F: Fn(S3Request, Arc<Bucket>, ObjectKey) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response, S3Error>> + Send + 'static,
{
    let boxed = Handler::Object(Box::new(move |request, bucket, key| Box::pin(handler(request, bucket, key))));
    Row::new(operation, method, Level::Object, permission, boxed)
}

/// A row that answers 501, matched by one query parameter.
#[must_use]
pub fn unsupported(
    operation: &'static str,
    method: Method,
    level: Level,
    parameter: &'static str,
    permission: &'static str,
) -> Row {
    Row::new(operation, method, level, permission, Handler::Unsupported).query(parameter)
}
