//! Whether a caller may do what a request asks for: gathers what the decision needs and calls the pure module `policy`.
//!
//! `authorize` asks, `delegated` asks for what the gateway will do later, `condition_context` answers the condition keys, `acl` reads and writes access lists, `owners` names owners,
//! `principals` finds the users and roles that policies name.

pub(crate) mod access;
pub(crate) mod acl;
pub(crate) mod authorize;
pub(crate) mod condition_context;
pub(crate) mod delegated;
pub(crate) mod owners;
pub(crate) mod principals;
pub(crate) mod request_context;
