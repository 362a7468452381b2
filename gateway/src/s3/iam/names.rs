//! Finds users, groups and roles by name.

use crate::domain::{AccessKey, IamIdentity, IamName, IdentityKind};
use crate::s3::iam::action::ActionRequest;
use crate::s3::iam::error::IamError;

/// A user, group or role of the caller's account.
///
/// # Errors
/// When the database is unavailable.
pub async fn lookup(
    request: &ActionRequest,
    kind: IdentityKind,
    name: &IamName,
) -> Result<Option<IamIdentity>, IamError> {
    Ok(request.state.metadata.identity(request.caller.user.id, kind, name).await?)
}

/// The calling user or role; none when it is the account.
pub fn actor(caller: &AccessKey) -> Option<&IamIdentity> {
    caller.principal_policies.as_ref().map(|principal_policies| &principal_policies.identity)
}

/// A random id: a prefix and 17 letters and digits.
pub fn unique_id(prefix: &str, request: &ActionRequest) -> String {
    let drawn = request.state.verifier.keys().draw();
    // A new key's id has 16 after its prefix, of the alphabet that unique ids have too.
    format!("{prefix}{}", drawn.id.get(3..).unwrap_or_default())
}
