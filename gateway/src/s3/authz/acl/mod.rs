//! ACLs in requests: canned ACLs, grant headers, XML documents. Their effect is decided by
//! `policy`.

mod author;
mod canned;
mod document;
mod headers;

pub use author::public_lists_are_blocked;
pub use canned::Canned;
pub use document::{read, write};
pub use headers::{RequestedAcl, condition_value, requested};

use crate::domain::{AccessList, Grantee, Right};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;

/// Groups by the names clients know them by.
const GROUPS: [(&str, Grantee); 3] = [
    ("http://acs.amazonaws.com/groups/global/AllUsers", Grantee::Everybody),
    ("http://acs.amazonaws.com/groups/global/AuthenticatedUsers", Grantee::Authenticated),
    ("http://acs.amazonaws.com/groups/s3/LogDelivery", Grantee::LogDelivery),
];

/// Rights by the names clients know them by.
const RIGHTS: [(&str, Right); 5] = [
    ("READ", Right::Read),
    ("WRITE", Right::Write),
    ("READ_ACP", Right::ReadAcp),
    ("WRITE_ACP", Right::WriteAcp),
    ("FULL_CONTROL", Right::FullControl),
];

fn group(uri: &str) -> Result<Grantee, S3Error> {
    let found = GROUPS.iter().find(|(name, _)| *name == uri.trim());
    found.map(|(_, group)| group.clone()).ok_or_else(|| S3Error::argument("Invalid group uri", "uri", uri))
}

fn group_uri(grantee: &Grantee) -> Option<&'static str> {
    GROUPS.iter().find(|(_, group)| group == grantee).map(|(uri, _)| *uri)
}

fn account(id: &str) -> Result<Grantee, S3Error> {
    let id = id.trim();
    let known = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if known { Ok(Grantee::Account(id.to_ascii_lowercase())) } else { Err(invalid_id(id)) }
}

fn invalid_id(id: &str) -> S3Error {
    S3Error::argument("Invalid id", "CanonicalUser/ID", &id.chars().take(80).collect::<String>())
}

impl S3Request {
    /// Refuses a list that names accounts which do not exist, or that is too long.
    ///
    /// # Errors
    /// `InvalidArgument`, `MalformedACLError`.
    pub async fn check_grantees(&self, list: &AccessList) -> Result<(), S3Error> {
        if list.grants.len() > AccessList::GRANTS_MAX {
            return Err(Code::MalformedACLError.into());
        }
        let mut seen: Vec<&str> = Vec::new();
        for grant in &list.grants {
            let Grantee::Account(id) = &grant.to else { continue };
            if seen.contains(&id.as_str()) {
                continue;
            }
            if self.state.metadata.user_by_canonical_id(id).await?.is_none() {
                return Err(invalid_id(id));
            }
            seen.push(id);
        }
        Ok(())
    }
}
