//! Policy documents: JSON read once into statements with principals, patterns and conditions.

pub(crate) mod check;
pub(crate) mod condition;
mod condition_keys;
pub(crate) mod date;
pub(crate) mod json;
pub(crate) mod network;
pub(crate) mod operator;
pub(crate) mod pattern;
pub(crate) mod policy_document;
pub(crate) mod principal_element;
pub(crate) mod principal_names;
pub(crate) mod principal_text;
pub(crate) mod wildcard;
