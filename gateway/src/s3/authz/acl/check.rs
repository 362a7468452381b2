//! Checks that the accounts on a list exist.

use crate::domain::{AccessList, Grantee};
use crate::s3::authz::acl::grantee::{ACCOUNT_ID, invalid_id};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;

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
                return Err(invalid_id(id, ACCOUNT_ID));
            }
            seen.push(id);
        }
        Ok(())
    }
}
