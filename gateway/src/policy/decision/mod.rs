//! The decision: what one document says about one request, and how all that speaks about it is weighed.

pub(crate) mod access_list;
pub(crate) mod assume_role;
pub(crate) mod decide;
pub(crate) mod evaluate;
pub(crate) mod principal;
