//! The caller: the access key that signed a request, and its policies.

use std::ops::Deref;
use std::sync::Arc;

use crate::domain::{AccessKey, IdentityKind};
use crate::policy::{Document, PolicyError, Principal, PrincipalKind};

/// The longest policy text that is read back, in bytes. All were checked when they were kept.
const TEXT_BYTES_MAX: usize = 128 << 10;

/// An access key with its parsed policies. Debug output never shows the secret.
#[derive(Clone, Debug)]
pub struct Caller {
    key: AccessKey,
    principal: Principal,
}

impl Caller {
    /// Parses the policies of a key.
    ///
    /// # Errors
    /// A policy that cannot be read: it may be what denies.
    pub fn new(key: AccessKey) -> Result<Self, PolicyError> {
        let document = |text: &Arc<str>| Document::parse(text, TEXT_BYTES_MAX).map(Arc::new);
        let mut principal = Principal::of_account(&key.user);
        if let Some(principal_policies) = &key.principal_policies {
            let identity = &principal_policies.identity;
            let is_role = identity.kind == IdentityKind::Role;
            principal.kind = if is_role { PrincipalKind::AssumedRole } else { PrincipalKind::User };
            principal.arn = key.arn();
            principal.role_arn = is_role.then(|| identity.arn());
            principal.user_name = (!is_role).then(|| identity.name.to_string());
            principal.user_id = key.unique_id();
            principal.tags = identity.details.tags.clone();
            principal.policies = principal_policies.policies.iter().map(document).collect::<Result<_, _>>()?;
            // Also where the account is the operator's: its users may do what they are allowed.
            principal.operator = false;
        }
        principal.account_policies = key.account_policies.iter().map(document).collect::<Result<_, _>>()?;
        let session = key.session.as_ref().and_then(|session| session.policy.as_ref());
        principal.session_policies = session.map(document).transpose()?.into_iter().collect();
        Ok(Self { key, principal })
    }

    /// The principal.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

impl Deref for Caller {
    type Target = AccessKey;

    fn deref(&self) -> &AccessKey {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::domain::{
        CanonicalId, IamIdentity, IamPath, IdentityDetails, IdentityId, PrincipalPolicies, Session, Timestamp, User,
        UserId,
    };
    use crate::policy::{AuthorizationRequest, Decision, decide};

    fn key(kind: Option<IdentityKind>, policies: &[&str], session: Option<(&str, Option<&str>)>) -> AccessKey {
        let user = User {
            id: UserId(7),
            name: "account".to_owned(),
            canonical_id: CanonicalId("ab".repeat(32)),
            root: true,
            created_at: Timestamp(0),
        };
        let principal_policies = kind.map(|kind| {
            let identity = IamIdentity {
                id: IdentityId(1),
                account: user.id,
                kind,
                unique_id: format!("{}X", kind.id_prefix()),
                name: "bob".parse().expect("a name"),
                path: IamPath::default(),
                details: IdentityDetails::default(),
                created_at: Timestamp(0),
            };
            Arc::new(PrincipalPolicies { identity, policies: policies.iter().map(|text| Arc::from(*text)).collect() })
        });
        let session = session.map(|(name, policy)| {
            let name = (!name.is_empty()).then(|| name.to_owned());
            let (issuer, expires_at) = ("AKIAISSUER".to_owned(), Timestamp(0));
            Arc::new(Session { name, policy: policy.map(Arc::from), issuer, issuer_digest: None, expires_at })
        });
        AccessKey {
            id: "AK".to_owned(),
            secret: Zeroizing::new("s".to_owned()),
            user,
            principal_policies,
            session,
            account_policies: Vec::new(),
        }
    }

    fn may(key: AccessKey, action: &str) -> bool {
        let caller = Caller::new(key).expect("readable");
        let request =
            AuthorizationRequest { caller: Some(caller.principal()), action, resource: "*", keys: &|_: &str| None };
        decide(&request, None, None) == Decision::Allow
    }

    const READ: &str = r#"{"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;
    const ALL: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    const NO_PUT: &str = r#"{"Statement":{"Effect":"Deny","Action":"s3:Put*","Resource":"*"}}"#;

    #[test]
    fn callers_are_identified_by_their_key() {
        let number = "000000000007";
        for (key, arn, id) in [
            (key(None, &[], None), format!("arn:aws:iam::{number}:root"), number),
            (key(None, &[], Some(("", None))), format!("arn:aws:iam::{number}:root"), number),
            (key(Some(IdentityKind::User), &[], None), format!("arn:aws:iam::{number}:user/bob"), "AIDAX"),
            (key(Some(IdentityKind::User), &[], Some(("", None))), format!("arn:aws:iam::{number}:user/bob"), "AIDAX"),
            (
                key(Some(IdentityKind::Role), &[], Some(("monday", None))),
                format!("arn:aws:sts::{number}:assumed-role/bob/monday"),
                "AROAX:monday",
            ),
        ] {
            let caller = Caller::new(key).expect("readable");
            assert_eq!((caller.principal().arn.as_str(), caller.principal().user_id.as_str()), (arn.as_str(), id));
            assert_eq!(caller.is_account(), caller.principal_policies.is_none(), "{arn}");
            assert!(!format!("{caller:?}").contains("secret"), "{caller:?}");
        }
    }

    #[test]
    fn a_member_may_what_policies_allow_and_a_session_no_more() {
        let user = Some(IdentityKind::User);
        for (key, get, put) in [
            (key(None, &[], None), true, true),
            (key(user, &[], None), false, false),
            (key(user, &[READ], None), true, false),
            (key(user, &[ALL], None), true, true),
            (key(user, &[ALL, NO_PUT], None), true, false),
            (key(user, &[READ], Some(("", Some(ALL)))), true, false),
            (key(user, &[ALL], Some(("", Some(READ)))), true, false),
            (key(Some(IdentityKind::Role), &[ALL], Some(("s", Some(NO_PUT)))), false, false),
            (key(Some(IdentityKind::Role), &[ALL], Some(("s", None))), true, true),
        ] {
            assert_eq!((may(key.clone(), "s3:GetObject"), may(key.clone(), "s3:PutObject")), (get, put), "{key:?}");
        }
        assert!(Caller::new(key(user, &["what is this"], None)).is_err(), "it may be what denies");
    }
}
