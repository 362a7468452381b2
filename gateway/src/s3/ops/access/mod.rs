//! Operations on who may do what: policies, access lists, ownership, the block of public access.

pub(crate) mod acl;
pub(crate) mod ownership;
pub(crate) mod policy;
pub(crate) mod public_access;
