//! IAM identities: users, groups and roles of an account.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::identity::pinned_principals::PinnedPrincipals;
use crate::domain::identity::user::UserId;
use crate::domain::timestamp::Timestamp;

/// The database's number of an identity; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityId(pub i64);

/// The kind of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityKind {
    /// A user, with access keys.
    User,
    /// Users who share policies.
    Group,
    /// A role that others may assume.
    Role,
}

impl IdentityKind {
    /// The word in an ARN: `user`, `group`, `role`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    /// The reverse of [`IdentityKind::word`].
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::User, Self::Group, Self::Role].into_iter().find(|kind| kind.word() == word)
    }

    /// How its unique ids begin.
    #[must_use]
    pub fn id_prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Role => "AROA",
        }
    }

    /// The longest name, in letters.
    #[must_use]
    pub fn name_letters_max(self) -> usize {
        match self {
            Self::User | Self::Role => 64,
            Self::Group => 128,
        }
    }

    /// The most its inline policies may weigh together, in letters that are not white space.
    #[must_use]
    pub fn inline_letters_max(self) -> usize {
        match self {
            Self::User => 2_048,
            Self::Group => 5_120,
            Self::Role => 10_240,
        }
    }

    /// The most an account may have.
    #[must_use]
    pub fn quota(self) -> u32 {
        match self {
            Self::User => 5_000,
            Self::Group => 300,
            Self::Role => 1_000,
        }
    }
}

/// A name of an identity or policy: 1 to 128 of `A-Z a-z 0-9 + = , . @ _ -`. Two names that differ in case only are the
/// same name.
#[derive(Clone, Debug)]
pub struct IamName(Arc<str>);

/// Text that is no name (`ValidationError`).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must satisfy the regular expression pattern [\\w+=,.@-]+ and be at most 128 letters long")]
pub struct IamNameError;

impl IamName {
    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it is compared and sorted.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for IamName {
    type Err = IamNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        if (1..=128).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(IamNameError)
        }
    }
}

impl PartialEq for IamName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for IamName {}

impl fmt::Display for IamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path of an identity or policy: `/`, or visible ASCII between slashes, at most 512 letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamPath(Arc<str>);

/// Text that is no path (`ValidationError`).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must begin and end with / and contain only visible ASCII, at most 512 letters")]
pub struct IamPathError;

impl IamPath {
    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for IamPath {
    fn default() -> Self {
        Self("/".into())
    }
}

impl FromStr for IamPath {
    type Err = IamPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let visible = text.bytes().all(|byte| (0x21..=0x7f).contains(&byte));
        let framed = text == "/" || (text.len() > 2 && text.starts_with('/') && text.ends_with('/'));
        if text.len() <= 512 && visible && framed { Ok(Self(text.into())) } else { Err(IamPathError) }
    }
}

impl fmt::Display for IamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Attributes of an identity besides its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityDetails {
    /// Tags of users and roles, in the order of their keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// The trust policy of a role: who may assume it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    /// The users and roles that policy is about.
    #[serde(skip_serializing_if = "PinnedPrincipals::is_empty")]
    pub trusted: PinnedPrincipals,
    /// The description of a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The longest session of a role, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_seconds_max: Option<u32>,
}

/// How long a session of a role lasts, in seconds, where neither role nor caller says more; and how long one may last that begins
/// another.
pub const ROLE_SESSION_SECONDS_DEFAULT: u32 = 3_600;

/// The longest that a role can let its sessions last, in seconds.
pub const ROLE_SESSION_SECONDS_MAX: u32 = 43_200;

/// A user, group or role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamIdentity {
    /// The row.
    pub id: IdentityId,
    /// Its account.
    pub account: UserId,
    /// What it is.
    pub kind: IdentityKind,
    /// Its unique id: `AIDA...`, `AGPA...` or `AROA...`.
    pub unique_id: String,
    /// Its name.
    pub name: IamName,
    /// Its path.
    pub path: IamPath,
    /// What else it carries.
    pub details: IdentityDetails,
    /// When it was made.
    pub created_at: Timestamp,
}

impl IamIdentity {
    /// Its Amazon resource name.
    #[must_use]
    pub fn arn(&self) -> String {
        iam_arn(self.account, self.kind.word(), &self.path, self.name.as_str())
    }
}

/// `arn:aws:iam::000000000001:user/path/name`.
#[must_use]
pub fn iam_arn(account: UserId, kind: &str, path: &IamPath, name: &str) -> String {
    format!("arn:aws:iam::{}:{kind}{path}{name}", account.account_number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_obey_iam() {
        for name in ["a", "Bob", "s3-tests-U1", "a_b+c=d,e.f@g-h", &"x".repeat(128)] {
            assert_eq!(name.parse::<IamName>().expect(name).as_str(), name);
        }
        for name in ["", "a b", "a/b", "é", "a*", "a:b", &"x".repeat(129)] {
            assert_eq!(name.parse::<IamName>(), Err(IamNameError), "{name}");
        }
        let (upper, lower): (IamName, IamName) = ("U1".parse().unwrap(), "u1".parse().unwrap());
        assert_eq!(upper, lower);
        assert_eq!(upper.folded(), "u1");
    }

    #[test]
    fn paths_obey_iam() {
        for path in ["/", "/a/", "/a/b/", "/s3-tests/", "/!~/"] {
            assert_eq!(path.parse::<IamPath>().expect(path).as_str(), path);
        }
        for path in ["", "a", "/a", "a/", "//", "/a b/", "/é/", &format!("/{}/", "x".repeat(511))] {
            assert_eq!(path.parse::<IamPath>(), Err(IamPathError), "{path}");
        }
    }

    #[test]
    fn an_identity_has_an_arn() {
        let path = "/team/".parse().unwrap();
        assert_eq!(iam_arn(UserId(42), "user", &path, "bob"), "arn:aws:iam::000000000042:user/team/bob");
        assert_eq!(iam_arn(UserId(42), "role", &IamPath::default(), "r"), "arn:aws:iam::000000000042:role/r");
        for kind in [IdentityKind::User, IdentityKind::Group, IdentityKind::Role] {
            assert_eq!(IdentityKind::of_word(kind.word()), Some(kind));
        }
        assert_eq!(IdentityKind::of_word("root"), None);
    }
}
