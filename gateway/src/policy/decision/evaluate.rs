//! Evaluates one policy document against one request.

use crate::policy::decision::principal::Principal;
use crate::policy::document::condition::ANONYMOUS_VALUES;
use crate::policy::document::policy_document::{Document, Effect, Listed, Statement};
use crate::policy::document::principal_element::{PrincipalElement, PrincipalMatch};
use crate::policy::document::wildcard::Case;
use crate::policy::value::{Lookup, Value};

/// The request to authorize.
#[derive(Clone, Copy)]
pub struct AuthorizationRequest<'a> {
    /// The caller; `None` when anonymous.
    pub caller: Option<&'a Principal>,
    /// What for: `s3:GetObject`.
    pub action: &'a str,
    /// On what: `arn:aws:s3:::bucket/key`.
    pub resource: &'a str,
    /// The values of the condition keys that are not about the caller.
    pub keys: Lookup<'a, 'a>,
}

/// The result of evaluating a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluation {
    /// Explicitly denied.
    Deny,
    /// The caller is allowed.
    Allow,
    /// The caller's account is allowed, and may delegate to its users.
    AllowAccount,
    /// Nothing.
    NotApplicable,
}

impl<'a> AuthorizationRequest<'a> {
    /// The value of a condition key.
    fn value(&self, key: &str) -> Option<Value<'a>> {
        match self.caller {
            Some(caller) => caller.value(key).or_else(|| (self.keys)(key)),
            None => match ANONYMOUS_VALUES.iter().find(|(name, _)| *name == key) {
                Some((_, value)) => Some(Value::from(*value)),
                None => (self.keys)(key),
            },
        }
    }
}

impl Document {
    /// Evaluates a request. An explicit denial wins; the order of statements does not matter.
    #[must_use]
    pub fn evaluate(&self, request: &AuthorizationRequest<'_>) -> Evaluation {
        let lookup = |key: &str| request.value(key);
        let caller = request.caller.map(Principal::names);
        let mut allowed = PrincipalMatch::Not;
        for statement in &self.statements {
            // What cannot change the answer is not worked out.
            let reach = statement
                .principal_element
                .as_ref()
                .map_or(PrincipalMatch::Caller, |principal_element| principal_element.reach(caller));
            let matters = match statement.effect {
                Effect::Allow => reach > allowed,
                Effect::Deny => reach != PrincipalMatch::Not,
            };
            if !matters || !statement.applies(request, &lookup) {
                continue;
            }
            match statement.effect {
                Effect::Deny => return Evaluation::Deny,
                Effect::Allow => allowed = reach,
            }
        }
        match allowed {
            PrincipalMatch::Caller => Evaluation::Allow,
            PrincipalMatch::Account => Evaluation::AllowAccount,
            PrincipalMatch::Not => Evaluation::NotApplicable,
        }
    }

    /// Whether it could allow a caller an action on something, under some conditions.
    #[must_use]
    pub fn might_allow(&self, caller: Option<&Principal>, action: &str) -> bool {
        let caller = caller.map(Principal::names);
        self.statements.iter().any(|statement| {
            statement.effect == Effect::Allow
                && statement
                    .principal_element
                    .as_ref()
                    .is_none_or(|principal_element| principal_element.reach(caller) != PrincipalMatch::Not)
                && statement.actions.has(action, Case::Ignored, &|_| None)
        })
    }

    /// Whether it is public by Amazon's definition: a statement allows something to anybody, without a condition
    /// that demands one of some fixed callers, networks or sources.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(|statement| {
            statement.effect == Effect::Allow
                && statement.principal_element.as_ref().is_some_and(PrincipalElement::is_open)
                && !statement.conditions.iter().any(|condition| names_somebody(condition.key()) && condition.is_fixed())
        })
    }
}

/// The condition keys that tell callers or networks apart. The name of a KMS key, which Amazon counts as well, is not among
/// them: here anybody may send it.
fn names_somebody(key: &str) -> bool {
    matches!(
        key,
        "aws:sourceip"
            | "aws:sourcearn"
            | "aws:sourcevpc"
            | "aws:sourcevpce"
            | "aws:sourceowner"
            | "aws:sourceaccount"
            | "aws:principalorgid"
            | "aws:principalorgpaths"
            | "aws:principalarn"
            | "aws:principalaccount"
            | "aws:userid"
            | "s3:dataaccesspointarn"
            | "s3:dataaccesspointaccount"
    )
}

impl Statement {
    fn applies(&self, request: &AuthorizationRequest<'_>, lookup: Lookup<'_, '_>) -> bool {
        self.actions.has(request.action, Case::Ignored, lookup)
            && self.resources.as_ref().is_none_or(|listed| listed.has(request.resource, Case::Matters, lookup))
            && self.conditions.iter().all(|condition| condition.holds(lookup))
    }
}

impl Listed {
    fn has(&self, name: &str, case: Case, lookup: Lookup<'_, '_>) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name, case, lookup)) != self.others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CanonicalId, Timestamp, User, UserId};
    use crate::policy::decision::principal::PrincipalKind;

    fn account(number: i64) -> Principal {
        let canonical_id = CanonicalId(format!("{number:064x}"));
        let (id, created_at) = (UserId(number), Timestamp(0));
        Principal::of_account(&User { id, name: "anna".to_owned(), canonical_id, root: false, created_at })
    }

    fn user(number: i64, name: &str) -> Principal {
        Principal {
            kind: PrincipalKind::User,
            arn: format!("arn:aws:iam::{number:012}:user/{name}"),
            user_name: Some(name.to_owned()),
            user_id: "AIDAAAAAAAAAAAAAAAAA".to_owned(),
            ..account(number)
        }
    }

    fn document(inside: &str) -> Document {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{inside}]}}"#);
        Document::parse(&text, 20_480).expect(inside)
    }

    fn ask(inside: &str, caller: Option<&Principal>, action: &str, key: &str) -> Evaluation {
        let resource = format!("arn:aws:s3:::photos{key}");
        let keys = |key: &str| (key == "aws:sourceip").then(|| Value::from("10.1.2.3"));
        document(inside).evaluate(&AuthorizationRequest { caller, action, resource: &resource, keys: &keys })
    }

    const ANYBODY: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:Get*","Resource":"arn:aws:s3:::photos/*"}"#;

    #[test]
    fn a_denial_is_the_last_word() {
        let deny = r#"{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/x/*"}"#;
        for both in [format!("{ANYBODY},{deny}"), format!("{deny},{ANYBODY}")] {
            assert_eq!(ask(&both, None, "s3:GetObject", "/a"), Evaluation::Allow);
            assert_eq!(ask(&both, None, "s3:GetObject", "/x/a"), Evaluation::Deny);
            assert_eq!(ask(&both, None, "s3:GetObjectAcl", "/x/a"), Evaluation::Allow);
            assert_eq!(ask(&both, None, "s3:PutObject", "/a"), Evaluation::NotApplicable);
            assert_eq!(ask(&both, None, "s3:GetBucketAcl", ""), Evaluation::NotApplicable);
        }
    }

    #[test]
    fn which_callers_a_statement_matches() {
        let (anna, bert) = (account(1), account(2));
        let (eve, role) =
            (user(1, "eve"), Principal { role_arn: Some("arn:aws:iam::000000000001:role/r".into()), ..user(1, "s") });
        let canonical = format!(r#"{{"CanonicalUser":"{}"}}"#, anna.canonical_id.0);
        for (principal, evaluations) in [
            (r#""*""#, [Evaluation::Allow; 5]),
            (
                r#"{"AWS":"000000000001"}"#,
                [
                    Evaluation::NotApplicable,
                    Evaluation::Allow,
                    Evaluation::NotApplicable,
                    Evaluation::AllowAccount,
                    Evaluation::AllowAccount,
                ],
            ),
            (
                r#"{"AWS":"arn:aws:iam::000000000001:root"}"#,
                [
                    Evaluation::NotApplicable,
                    Evaluation::Allow,
                    Evaluation::NotApplicable,
                    Evaluation::AllowAccount,
                    Evaluation::AllowAccount,
                ],
            ),
            (
                &canonical,
                [
                    Evaluation::NotApplicable,
                    Evaluation::Allow,
                    Evaluation::NotApplicable,
                    Evaluation::AllowAccount,
                    Evaluation::AllowAccount,
                ],
            ),
            (
                r#"{"AWS":"arn:aws:iam::000000000001:user/eve"}"#,
                [
                    Evaluation::NotApplicable,
                    Evaluation::NotApplicable,
                    Evaluation::NotApplicable,
                    Evaluation::Allow,
                    Evaluation::NotApplicable,
                ],
            ),
            (r#"{"AWS":["x000000000001x","arn:aws:iam::000000000001:role/r"]}"#, [Evaluation::NotApplicable; 5]),
            (
                r#"{"AWS":["arn:aws:iam::000000000001:role/r"]}"#,
                [
                    Evaluation::NotApplicable,
                    Evaluation::NotApplicable,
                    Evaluation::NotApplicable,
                    Evaluation::NotApplicable,
                    Evaluation::Allow,
                ],
            ),
        ] {
            let text = format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"s3:*","Resource":"*"}}"#);
            if principal.contains("x0") {
                assert!(Document::parse(&format!(r#"{{"Statement":{text}}}"#), 20_480).is_err());
                continue;
            }
            let callers = [None, Some(&anna), Some(&bert), Some(&eve), Some(&role)];
            for (caller, evaluation) in callers.into_iter().zip(evaluations) {
                assert_eq!(ask(&text, caller, "s3:GetObject", "/a"), evaluation, "{principal} {caller:?}");
            }
        }
    }

    #[test]
    fn all_but_some_are_denied() {
        let text = r#"{"Effect":"Deny","NotPrincipal":{"AWS":["000000000001","arn:aws:iam::000000000001:user/eve"]},"Action":"s3:*","Resource":"*"}"#;
        let (anna, bert, eve, carl) = (account(1), account(2), user(1, "eve"), user(1, "carl"));
        for (caller, evaluation) in [
            (None, Evaluation::Deny),
            (Some(&anna), Evaluation::NotApplicable),
            (Some(&bert), Evaluation::Deny),
            (Some(&eve), Evaluation::NotApplicable),
            (Some(&carl), Evaluation::Deny),
        ] {
            assert_eq!(ask(text, caller, "s3:GetObject", "/a"), evaluation, "{caller:?}");
        }
    }

    #[test]
    fn conditions_and_variables() {
        let home = r#"{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::photos/${aws:username}/*",
            "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"StringEquals":{"aws:PrincipalType":"User"}}}"#;
        let (anna, eve) = (account(1), user(1, "eve"));
        assert_eq!(ask(home, Some(&eve), "s3:PutObject", "/eve/a"), Evaluation::Allow);
        assert_eq!(ask(home, Some(&eve), "s3:PutObject", "/carl/a"), Evaluation::NotApplicable);
        assert_eq!(ask(home, Some(&anna), "s3:PutObject", "/eve/a"), Evaluation::NotApplicable);
        assert_eq!(ask(home, None, "s3:PutObject", "//a"), Evaluation::NotApplicable);
    }

    #[test]
    fn what_is_public() {
        let with = |principal: &str, condition: &str| {
            let condition =
                if condition.is_empty() { String::new() } else { format!(r#","Condition":{{{condition}}}"#) };
            let text =
                format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"s3:*","Resource":"*"{condition}}}"#);
            document(&text).is_public()
        };
        for (principal, condition, public) in [
            (r#""*""#, "", true),
            (r#"{"AWS":"*"}"#, "", true),
            (r#"{"AWS":["000000000001","*"]}"#, "", true),
            (r#"{"AWS":"000000000001"}"#, "", false),
            (r#""*""#, r#""IpAddress":{"aws:SourceIp":"10.0.0.0/32"}"#, false),
            (r#""*""#, r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}"#, true),
            (r#""*""#, r#""NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#, true),
            (r#""*""#, r#""StringEquals":{"aws:SourceVpc":"vpc-1"}"#, false),
            (r#""*""#, r#""StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}"#, true),
            (r#""*""#, r#""StringLike":{"aws:SourceVpc":"vpc-*"}"#, true),
            (r#""*""#, r#""StringLike":{"aws:SourceVpc":"vpc-1"}"#, false),
            (r#""*""#, r#""StringLike":{"aws:Referer":"http://www.example.com/"}"#, true),
            (r#""*""#, r#""ArnEquals":{"aws:SourceArn":"arn:aws:sns:a:1:b"}"#, false),
            (r#""*""#, r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:*:1:b"}"#, true),
            (r#""*""#, r#""StringEquals":{"aws:userid":"${aws:userid}"}"#, true),
            (r#""*""#, r#""StringEquals":{"aws:userid":"AIDAAAAAAAAAAAAAAAAA"}"#, false),
            (r#""*""#, r#""StringEquals":{"aws:userid":"anonymous"}"#, true),
            (r#""*""#, r#""StringEquals":{"aws:userid":["AIDAAAAAAAAAAAAAAAAA","anonymous"]}"#, true),
            (r#""*""#, r#""StringEqualsIgnoreCase":{"AWS:UserId":"ANONYMOUS"}"#, true),
            (r#""*""#, r#""ForAnyValue:StringLike":{"aws:userid":"anonymous"}"#, true),
            (r#""*""#, r#""StringEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"key"}"#, true),
        ] {
            assert_eq!(with(principal, condition), public, "{principal} {condition}");
        }
        assert!(!document(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#).is_public());
    }
}
