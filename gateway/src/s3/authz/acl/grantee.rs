//! Grantees and rights by the names clients know them by.

use crate::domain::{Grantee, Right};
use crate::s3::error::S3Error;

/// How errors call an id in a document.
pub(super) const ACCOUNT_ID: &str = "CanonicalUser/ID";

/// Groups by the names clients know them by.
pub(super) const GROUPS: [(&str, Grantee); 3] = [
    ("http://acs.amazonaws.com/groups/global/AllUsers", Grantee::Everybody),
    ("http://acs.amazonaws.com/groups/global/AuthenticatedUsers", Grantee::Authenticated),
    ("http://acs.amazonaws.com/groups/s3/LogDelivery", Grantee::LogDelivery),
];

/// Rights by the names clients know them by.
pub(super) const RIGHTS: [(&str, Right); 5] = [
    ("READ", Right::Read),
    ("WRITE", Right::Write),
    ("READ_ACP", Right::ReadAcp),
    ("WRITE_ACP", Right::WriteAcp),
    ("FULL_CONTROL", Right::FullControl),
];

/// `argument` is how the error calls what is no group.
pub(super) fn group(uri: &str, argument: &str) -> Result<Grantee, S3Error> {
    let found = GROUPS.iter().find(|(name, _)| *name == uri.trim());
    found.map(|(_, group)| group.clone()).ok_or_else(|| S3Error::argument("Invalid group uri", argument, uri))
}

pub(super) fn group_uri(grantee: &Grantee) -> Option<&'static str> {
    GROUPS.iter().find(|(_, group)| group == grantee).map(|(uri, _)| *uri)
}

/// `argument` is how the error calls what is no id.
pub(super) fn account(id: &str, argument: &str) -> Result<Grantee, S3Error> {
    let id = id.trim();
    let known = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if known { Ok(Grantee::Account(id.to_ascii_lowercase())) } else { Err(invalid_id(id, argument)) }
}

pub(super) fn invalid_id(id: &str, argument: &str) -> S3Error {
    S3Error::argument("Invalid id", argument, &id.chars().take(80).collect::<String>())
}
