//! Finds users, groups and roles by name.

use super::error::IamError;
use super::table::Ask;
use crate::domain::{AccessKey, Holder, HolderKind, IamName};

/// A user, group or role of the caller's account.
///
/// # Errors
/// When the database is away.
pub async fn lookup(ask: &Ask, kind: HolderKind, name: &IamName) -> Result<Option<Holder>, IamError> {
    Ok(ask.door.metadata.holder(ask.caller.user.id, kind, name).await?)
}

/// The user or role who calls; none when that is the account.
pub fn actor(caller: &AccessKey) -> Option<&Holder> {
    caller.member.as_ref().map(|member| &member.holder)
}

/// A random id: a prefix and 17 letters and digits.
pub fn unique_id(prefix: &str, ask: &Ask) -> String {
    let drawn = ask.door.verifier.keys().draw();
    // A new key's id has 16 after its prefix, of the alphabet that unique ids have too.
    format!("{prefix}{}", drawn.id.get(3..).unwrap_or_default())
}
