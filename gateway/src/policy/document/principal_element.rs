//! The `Principal` or `NotPrincipal` element of a statement.

use crate::domain::{IamName, PinnedPrincipals, UserId};
use crate::policy::document::json::Json;
use crate::policy::document::principal_names::PrincipalNames;
use crate::policy::error::PolicyError;

/// A `Principal` or `NotPrincipal` element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrincipalElement {
    /// It is `NotPrincipal`.
    pub(crate) others: bool,
    named: Vec<PrincipalEntry>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PrincipalEntry {
    /// `*`.
    Everybody,
    /// An account; `None` when no account here can have that number.
    Account(Option<UserId>),
    /// A user, a role or a session that was nobody when the policy was set.
    Arn(String),
    /// A user or role by the unique id, a session by that of its role and its own name. Ids are never given again.
    Id(String),
    /// An account by its canonical id.
    Canonical(String),
    /// A service or an identity provider, none of which ever calls this gateway.
    Foreign,
}

/// How an element matches a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PrincipalMatch {
    /// Not at all.
    Not,
    /// Through the caller's account: what it allows, the account may pass on to its users.
    Account,
    /// Directly.
    Caller,
}

impl PrincipalElement {
    /// Reads the member's value.
    pub(crate) fn parse(json: &Json, others: bool) -> Result<Self, PolicyError> {
        let mut named = Vec::new();
        match json {
            Json::Text(text) if text == "*" => named.push(PrincipalEntry::Everybody),
            Json::Object(members) if !members.is_empty() => {
                for (kind, value) in members {
                    let values = value.as_list();
                    if values.is_empty() {
                        return Err(PolicyError::PRINCIPAL);
                    }
                    for value in values {
                        let Json::Text(text) = value else { return Err(PolicyError::PRINCIPAL) };
                        named.push(PrincipalEntry::parse(kind, text).ok_or(PolicyError::PRINCIPAL)?);
                    }
                }
            }
            _ => return Err(PolicyError::PRINCIPAL),
        }
        Ok(Self { others, named })
    }

    /// The ARNs of users, roles and sessions in it.
    pub(crate) fn arns(&self) -> impl Iterator<Item = &str> {
        self.named.iter().filter_map(|named| match named {
            PrincipalEntry::Arn(arn) => Some(arn.as_str()),
            _ => None,
        })
    }

    /// Puts unique ids in the place of the ARNs for which there are any.
    pub(crate) fn pin(&mut self, pinned: &PinnedPrincipals) {
        for named in &mut self.named {
            if let PrincipalEntry::Arn(arn) = named
                && let Some(id) = pinned.get(arn)
            {
                *named = PrincipalEntry::Id(id.to_owned());
            }
        }
    }

    /// How it matches a caller; `None` when anonymous.
    pub(crate) fn reach(&self, caller: Option<PrincipalNames<'_>>) -> PrincipalMatch {
        let reach = self.named.iter().map(|named| named.reach(caller)).max().unwrap_or(PrincipalMatch::Not);
        match (self.others, reach) {
            (false, reach) => reach,
            // An account that is left out leaves out its owner, not all of its users.
            (true, PrincipalMatch::Caller) => PrincipalMatch::Not,
            (true, PrincipalMatch::Account | PrincipalMatch::Not) => PrincipalMatch::Caller,
        }
    }

    /// Whether it may match a caller that is not named.
    pub(crate) fn is_open(&self) -> bool {
        self.others || self.named.contains(&PrincipalEntry::Everybody)
    }
}

impl PrincipalEntry {
    fn parse(kind: &str, text: &str) -> Option<Self> {
        match kind {
            "AWS" => Self::parse_aws(text),
            "CanonicalUser" => {
                let known = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
                known.then(|| Self::Canonical(text.to_ascii_lowercase()))
            }
            "Service" | "Federated" => (!text.is_empty()).then_some(Self::Foreign),
            _ => None,
        }
    }

    fn parse_aws(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everybody);
        }
        let digits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        if digits {
            return Some(Self::Account(account(text)));
        }
        // The unique id of a user, a role or a session. A policy shows it where what it named is gone.
        let (id, session) = text.split_once(':').unwrap_or((text, "session"));
        if (16..=128).contains(&text.len())
            && (id.starts_with("AIDA") || id.starts_with("AROA"))
            && id.bytes().all(|b| b.is_ascii_alphanumeric())
            && session.parse::<IamName>().is_ok()
        {
            return Some(Self::Id(text.to_owned()));
        }
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", number, resource] = parts.as_slice() else { return None };
        let number_is_one =
            !number.is_empty() && number.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !matches!(*partition, "aws" | "aws-cn" | "aws-us-gov") || !number_is_one || resource.contains(['*', '?']) {
            return None;
        }
        let named = |kinds: &[&str]| {
            let (kind, name) = resource.split_once('/')?;
            (kinds.contains(&kind) && !name.is_empty()).then(|| Self::Arn(text.to_owned()))
        };
        match *service {
            "iam" if *resource == "root" => Some(Self::Account(account(number))),
            "iam" => named(&["user", "role"]),
            "sts" => named(&["assumed-role", "federated-user"]),
            _ => None,
        }
    }

    fn reach(&self, caller: Option<PrincipalNames<'_>>) -> PrincipalMatch {
        if *self == Self::Everybody {
            return PrincipalMatch::Caller;
        }
        let Some(caller) = caller else { return PrincipalMatch::Not };
        let of_account = if caller.is_account { PrincipalMatch::Caller } else { PrincipalMatch::Account };
        let when = |is: bool, reach| if is { reach } else { PrincipalMatch::Not };
        match self {
            Self::Everybody => PrincipalMatch::Caller,
            Self::Account(account) => when(*account == Some(caller.account), of_account),
            Self::Canonical(id) => when(id.eq_ignore_ascii_case(&caller.canonical_id.0), of_account),
            Self::Arn(arn) => when(*arn == caller.arn || caller.role_arn == Some(arn.as_str()), PrincipalMatch::Caller),
            Self::Id(id) => when(caller.has_id(id), PrincipalMatch::Caller),
            Self::Foreign => PrincipalMatch::Not,
        }
    }
}

fn account(number: &str) -> Option<UserId> {
    number.parse().ok().filter(|_| number.len() == 12).map(UserId)
}
