//! What one document says about one request.

use super::document::{Document, Effect, Listed, Statement};
use super::pattern::Case;
use super::principal::Principal;
use super::value::{Lookup, Value};
use super::whom::{Reach, Whom};

/// A request as a document sees it.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Who asks; `None` is nobody known.
    pub caller: Option<&'a Principal>,
    /// What for: `s3:GetObject`.
    pub action: &'a str,
    /// On what: `arn:aws:s3:::bucket/key`.
    pub resource: &'a str,
    /// The values of the condition keys that are not about the caller.
    pub keys: Lookup<'a, 'a>,
}

/// What a document says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No, whatever others say.
    Deny,
    /// The caller may.
    Allow,
    /// The caller's account may, and so may those whom the account lets.
    AllowAccount,
    /// Nothing.
    Silent,
}

impl<'a> Question<'a> {
    /// The value of a condition key.
    fn value(&self, key: &str) -> Option<Value<'a>> {
        match self.caller {
            Some(caller) => caller.value(key).or_else(|| (self.keys)(key)),
            None if key == "aws:userid" => Some(Value::from("anonymous")),
            None if key == "aws:principaltype" => Some(Value::from("Anonymous")),
            None => (self.keys)(key),
        }
    }
}

impl Document {
    /// What it says about a request. A denial is the last word; the order of statements does not matter.
    #[must_use]
    pub fn evaluate(&self, question: &Question<'_>) -> Verdict {
        let lookup = |key: &str| question.value(key);
        let mut allowed = Reach::Not;
        for statement in &self.statements {
            // What cannot change the answer is not worked out.
            let reach = statement.whom.as_ref().map_or(Reach::Caller, |whom| whom.reach(question.caller));
            let matters = match statement.effect {
                Effect::Allow => reach > allowed,
                Effect::Deny => reach != Reach::Not,
            };
            if !matters || !statement.applies(question, &lookup) {
                continue;
            }
            match statement.effect {
                Effect::Deny => return Verdict::Deny,
                Effect::Allow => allowed = reach,
            }
        }
        match allowed {
            Reach::Caller => Verdict::Allow,
            Reach::Account => Verdict::AllowAccount,
            Reach::Not => Verdict::Silent,
        }
    }

    /// Whether it could allow a caller an action on something, under some conditions.
    #[must_use]
    pub fn might_allow(&self, caller: Option<&Principal>, action: &str) -> bool {
        self.statements.iter().any(|statement| {
            statement.effect == Effect::Allow
                && statement.whom.as_ref().is_none_or(|whom| whom.reach(caller) != Reach::Not)
                && statement.actions.has(action, Case::Ignored, &|_| None)
        })
    }

    /// Whether it lets in everybody, as Amazon counts: a statement allows something to anybody, without a condition
    /// that demands one of some fixed callers, networks or sources.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(|statement| {
            statement.effect == Effect::Allow
                && statement.whom.as_ref().is_some_and(Whom::is_open)
                && !statement.conditions.iter().any(|condition| names_somebody(condition.key()) && condition.is_fixed())
        })
    }
}

/// The condition keys that tell callers or networks apart.
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
            | "s3:x-amz-server-side-encryption-aws-kms-key-id"
    )
}

impl Statement {
    fn applies(&self, question: &Question<'_>, lookup: Lookup<'_, '_>) -> bool {
        self.actions.has(question.action, Case::Ignored, lookup)
            && self.resources.as_ref().is_none_or(|listed| listed.has(question.resource, Case::Matters, lookup))
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
    use crate::policy::PrincipalKind;

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

    fn ask(inside: &str, caller: Option<&Principal>, action: &str, key: &str) -> Verdict {
        let resource = format!("arn:aws:s3:::photos{key}");
        let keys = |key: &str| (key == "aws:sourceip").then(|| Value::from("10.1.2.3"));
        document(inside).evaluate(&Question { caller, action, resource: &resource, keys: &keys })
    }

    const ANYBODY: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:Get*","Resource":"arn:aws:s3:::photos/*"}"#;

    #[test]
    fn a_denial_is_the_last_word() {
        let deny = r#"{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/x/*"}"#;
        for both in [format!("{ANYBODY},{deny}"), format!("{deny},{ANYBODY}")] {
            assert_eq!(ask(&both, None, "s3:GetObject", "/a"), Verdict::Allow);
            assert_eq!(ask(&both, None, "s3:GetObject", "/x/a"), Verdict::Deny);
            assert_eq!(ask(&both, None, "s3:GetObjectAcl", "/x/a"), Verdict::Allow);
            assert_eq!(ask(&both, None, "s3:PutObject", "/a"), Verdict::Silent);
            assert_eq!(ask(&both, None, "s3:GetBucketAcl", ""), Verdict::Silent);
        }
    }

    #[test]
    fn whom_a_statement_reaches() {
        let (anna, bert) = (account(1), account(2));
        let (eve, role) =
            (user(1, "eve"), Principal { role_arn: Some("arn:aws:iam::000000000001:role/r".into()), ..user(1, "s") });
        let canonical = format!(r#"{{"CanonicalUser":"{}"}}"#, anna.canonical_id.0);
        for (principal, verdicts) in [
            (r#""*""#, [Verdict::Allow; 5]),
            (
                r#"{"AWS":"000000000001"}"#,
                [Verdict::Silent, Verdict::Allow, Verdict::Silent, Verdict::AllowAccount, Verdict::AllowAccount],
            ),
            (
                r#"{"AWS":"arn:aws:iam::000000000001:root"}"#,
                [Verdict::Silent, Verdict::Allow, Verdict::Silent, Verdict::AllowAccount, Verdict::AllowAccount],
            ),
            (
                &canonical,
                [Verdict::Silent, Verdict::Allow, Verdict::Silent, Verdict::AllowAccount, Verdict::AllowAccount],
            ),
            (
                r#"{"AWS":"arn:aws:iam::000000000001:user/eve"}"#,
                [Verdict::Silent, Verdict::Silent, Verdict::Silent, Verdict::Allow, Verdict::Silent],
            ),
            (r#"{"AWS":["x000000000001x","arn:aws:iam::000000000001:role/r"]}"#, [Verdict::Silent; 5]),
            (
                r#"{"AWS":["arn:aws:iam::000000000001:role/r"]}"#,
                [Verdict::Silent, Verdict::Silent, Verdict::Silent, Verdict::Silent, Verdict::Allow],
            ),
        ] {
            let text = format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"s3:*","Resource":"*"}}"#);
            if principal.contains("x0") {
                assert!(Document::parse(&format!(r#"{{"Statement":{text}}}"#), 20_480).is_err());
                continue;
            }
            let callers = [None, Some(&anna), Some(&bert), Some(&eve), Some(&role)];
            for (caller, verdict) in callers.into_iter().zip(verdicts) {
                assert_eq!(ask(&text, caller, "s3:GetObject", "/a"), verdict, "{principal} {caller:?}");
            }
        }
    }

    #[test]
    fn all_but_some_are_denied() {
        let text = r#"{"Effect":"Deny","NotPrincipal":{"AWS":["000000000001","arn:aws:iam::000000000001:user/eve"]},"Action":"s3:*","Resource":"*"}"#;
        let (anna, bert, eve, carl) = (account(1), account(2), user(1, "eve"), user(1, "carl"));
        for (caller, verdict) in [
            (None, Verdict::Deny),
            (Some(&anna), Verdict::Silent),
            (Some(&bert), Verdict::Deny),
            (Some(&eve), Verdict::Silent),
            (Some(&carl), Verdict::Deny),
        ] {
            assert_eq!(ask(text, caller, "s3:GetObject", "/a"), verdict, "{caller:?}");
        }
    }

    #[test]
    fn conditions_and_variables() {
        let home = r#"{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::photos/${aws:username}/*",
            "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"StringEquals":{"aws:PrincipalType":"User"}}}"#;
        let (anna, eve) = (account(1), user(1, "eve"));
        assert_eq!(ask(home, Some(&eve), "s3:PutObject", "/eve/a"), Verdict::Allow);
        assert_eq!(ask(home, Some(&eve), "s3:PutObject", "/carl/a"), Verdict::Silent);
        assert_eq!(ask(home, Some(&anna), "s3:PutObject", "/eve/a"), Verdict::Silent);
        assert_eq!(ask(home, None, "s3:PutObject", "//a"), Verdict::Silent);
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
        ] {
            assert_eq!(with(principal, condition), public, "{principal} {condition}");
        }
        assert!(!document(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#).is_public());
    }
}
