//! Authorization: policy documents, ACLs and the decision over them. Pure.
//!
//! [`Document`] is the policy language: it is read once and says of one request what it says. [`decide`] weighs all that
//! speaks about a request, policies of the bucket, policies of the caller, access lists, and the blocks on public access.

mod access_list;
mod actions;
mod bucket_policy;
mod check;
mod condition;
mod date;
mod decide;
mod document;
mod error;
mod evaluate;
mod json;
mod network;
mod operator;
mod ownership;
mod pattern;
mod permission;
mod principal;
mod principal_element;
mod public_access;
#[cfg(test)]
mod tests;
mod value;

pub use bucket_policy::BucketPolicy;
pub use check::ARN_PREFIX;
pub use decide::{BucketRules, Decision, ObjectRules, decide};
pub use document::{BUCKET_POLICY_BYTES_MAX, Document};
pub use error::PolicyError;
pub use evaluate::{AuthorizationRequest, Evaluation};
pub use ownership::OwnershipControls;
pub use permission::Permission;
pub use principal::{Principal, PrincipalKind, account_number};
pub use public_access::PublicAccessBlock;
pub use value::{Lookup, Value, key_name};
