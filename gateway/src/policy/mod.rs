//! Authorization: policy documents, ACLs and the decision over them. Pure.
//!
//! [`Document`] is the policy language: it is read once and says of one request what it says. [`decide`] weighs all that
//! speaks about a request, policies of the bucket, policies of the caller, access lists, and the blocks on public access.

mod actions;
mod bucket_policy;
mod decision;
mod document;
mod error;
mod ownership;
mod permission;
mod public_access;
#[cfg(test)]
mod tests;
mod value;

pub use bucket_policy::BucketPolicy;
pub use decision::assume_role::{is_denied, may_assume_role};
pub use decision::decide::{BucketRules, Decision, ObjectRules, decide};
pub use decision::evaluate::{AuthorizationRequest, Evaluation};
pub use decision::principal::{Principal, PrincipalKind, account_number};
pub use document::check::ARN_PREFIX;
pub use document::policy_document::{BUCKET_POLICY_BYTES_MAX, Document};
pub use document::principal_text::rename as rename_principals;
pub use error::PolicyError;
pub use ownership::OwnershipControls;
pub use permission::Permission;
pub use public_access::PublicAccessBlock;
pub use value::{Lookup, Value, key_name};
