//! Validation of policy documents, by where they are used.

use crate::policy::actions;
use crate::policy::document::condition_keys;
use crate::policy::document::policy_document::{Document, Effect, Listed, Statement};
use crate::policy::error::PolicyError;

/// What the names of buckets and objects begin with.
pub const ARN_PREFIX: &str = "arn:aws:s3:::";

impl Document {
    /// Checks a document that is to be the policy of this bucket.
    ///
    /// # Errors
    /// What Amazon says: a statement that names nobody, an action or a condition key that S3 does not have, a resource outside
    /// the bucket, a denial that would deny nothing.
    pub fn check_bucket(&self, bucket: &str) -> Result<(), PolicyError> {
        let own = format!("{ARN_PREFIX}{bucket}");
        self.statements.iter().try_for_each(|statement| statement.check_bucket(&own))
    }

    /// Checks an identity policy: what a user, a group or a role may do.
    ///
    /// # Errors
    /// What Amazon says: a principal, or no resource.
    pub fn check_identity(&self) -> Result<(), PolicyError> {
        self.check_ids()?;
        for statement in &self.statements {
            if statement.principal_element.is_some() {
                return Err(PolicyError::NOT_FOR_IDENTITIES);
            }
            if statement.resources.is_none() {
                return Err(PolicyError::missing("Resource"));
            }
        }
        Ok(())
    }

    /// Checks a trust policy: who may assume a role.
    ///
    /// # Errors
    /// What Amazon says: no principal, or a resource.
    pub fn check_trust(&self) -> Result<(), PolicyError> {
        for statement in &self.statements {
            let Some(principal_element) = &statement.principal_element else {
                return Err(PolicyError::missing("Principal"));
            };
            if principal_element.others && statement.effect == Effect::Allow {
                return Err(PolicyError::ALLOW_NOT_PRINCIPAL);
            }
            if statement.resources.is_some() {
                return Err(PolicyError::NOT_FOR_TRUST);
            }
        }
        Ok(())
    }
}

impl Statement {
    fn check_bucket(&self, own: &str) -> Result<(), PolicyError> {
        let Some(principal_element) = &self.principal_element else { return Err(PolicyError::missing("Principal")) };
        if principal_element.others && self.effect == Effect::Allow {
            return Err(PolicyError::ALLOW_NOT_PRINCIPAL);
        }
        // A denial under a misspelt key would deny nothing.
        if !self.conditions.iter().all(|condition| condition_keys::is_known(condition.key())) {
            return Err(PolicyError::condition_key());
        }
        let Some(resources) = &self.resources else { return Err(PolicyError::missing("Resource")) };
        let acts = self.actions.acts_on()?;
        let reached = resources.reached(own)?;
        // A permission that reaches nothing is harmless, and some tools write it on their way to another; a
        // denial that reaches nothing leaves open what its writer believes shut.
        if self.effect == Effect::Deny && !(acts.0 && reached.0 || acts.1 && reached.1) {
            return Err(PolicyError::NOT_APPLICABLE);
        }
        Ok(())
    }
}

impl Listed {
    /// Whether, as a list of actions, it has some about buckets, and some about objects.
    fn acts_on(&self) -> Result<(bool, bool), PolicyError> {
        let mut all = (false, false);
        for pattern in &self.patterns {
            let (buckets, objects) = actions::described(pattern);
            if !buckets && !objects {
                return Err(PolicyError::ACTION);
            }
            all = (all.0 | buckets, all.1 | objects);
        }
        Ok(if self.others { (true, true) } else { all })
    }

    /// Whether, as a list of resources, it has the bucket itself in it, and objects of the bucket.
    fn reached(&self, own: &str) -> Result<(bool, bool), PolicyError> {
        let mut all = (false, false);
        for pattern in &self.patterns {
            let (bucket, objects) = pattern.reaches(own);
            if !bucket && !objects {
                return Err(PolicyError::RESOURCE);
            }
            all = (all.0 | bucket, all.1 | objects);
        }
        Ok(if self.others { (true, true) } else { all })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::document::policy_document::BUCKET_POLICY_BYTES_MAX;

    fn check(text: &str) -> Result<(), PolicyError> {
        Document::parse(text, BUCKET_POLICY_BYTES_MAX)?.check_bucket("photos")
    }

    fn statement(inside: &str) -> Result<(), PolicyError> {
        check(&format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{{{inside}}}]}}"))
    }

    const ALLOW: &str = r#""Effect":"Allow","Principal":"*""#;
    const GET: &str = r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*""#;

    #[test]
    fn policies_of_real_buckets_are_taken() {
        for inside in [
            format!("{ALLOW},{GET}"),
            format!(r#""Sid":"Some words","Effect":"Deny","Principal":{{"AWS":["000000000001","*"]}},{GET}"#),
            format!(r#""Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::000000000002:user/a/b"}},{GET}"#),
            format!(r#""Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::s3tenant1:root"}},{GET}"#),
            format!(r#""Effect":"Allow","Principal":{{"CanonicalUser":"{}"}},{GET}"#, "a".repeat(64)),
            format!(r#""Effect":"Allow","Principal":{{"Service":"logging.s3.amazonaws.com"}},{GET}"#),
            format!(r#""Effect":"Deny","NotPrincipal":{{"AWS":"000000000001"}},{GET}"#),
            format!(
                r#"{ALLOW},"Action":["s3:Get*","s3:ListBucket"],"Resource":["arn:aws:s3:::photos","arn:aws:s3:::*"]"#
            ),
            format!(r#"{ALLOW},"Action":"*","Resource":"*""#),
            format!(r#"{ALLOW},"NotAction":"s3:Put*","NotResource":"arn:aws:s3:::photos/private/*""#),
            format!(
                r#"{ALLOW},{GET},"Condition":{{"Bool":{{"aws:SecureTransport":false}},"IpAddress":{{"aws:SourceIp":["10.0.0.0/8"]}}}}"#
            ),
            format!(r#"{ALLOW},"Action":"s3:PutObject","Resource":"arn:aws:s3:::photos""#),
        ] {
            assert_eq!(statement(&inside), Ok(()), "{inside}");
        }
        assert!(check(&format!(r#"{{"Id":"x","Statement":{{{ALLOW},{GET}}}}}"#)).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (inside, error) in [
            (format!(r#""Principal":"*",{GET}"#), "Missing required field Effect"),
            (format!(r#""Effect":"allow","Principal":"*",{GET}"#), "Invalid effect: allow"),
            (format!(r#""Effect":"Allow",{GET}"#), "Missing required field Principal"),
            (format!(r#"{ALLOW},"Resource":"*""#), "Missing required field Action"),
            (format!(r#"{ALLOW},"Action":"s3:GetObject""#), "Missing required field Resource"),
            (format!(r#"{ALLOW},"Action":"s3:Fly","Resource":"*""#), "Policy has invalid action"),
            (format!(r#"{ALLOW},"Action":"ec2:*","Resource":"*""#), "Policy has invalid action"),
            (format!(r#"{ALLOW},"Action":[],"Resource":"*""#), "Policy has invalid action"),
            (format!(r#"{ALLOW},"Action":"s3:*","Resource":[]"#), "Policy has invalid resource"),
            (format!(r#"{ALLOW},"Action":"s3:*","Resource":"arn:aws:s3:::other/*""#), "Policy has invalid resource"),
            (format!(r#"{ALLOW},"Action":"s3:*","Resource":"arn:aws:s3:::photo""#), "Policy has invalid resource"),
            (format!(r#"{ALLOW},{GET},"Colour":"red""#), "Unknown field Colour"),
            (format!(r#""Effect":"Allow","Principal":{{"AWS":[]}},{GET}"#), "Invalid principal in policy"),
            (format!(r#""Effect":"Allow","Principal":{{"AWS":"anna"}},{GET}"#), "Invalid principal in policy"),
            (
                format!(r#""Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::1:user/*"}},{GET}"#),
                "Invalid principal in policy",
            ),
            (format!(r#""Effect":"Allow","Principal":{{"Animal":"*"}},{GET}"#), "Invalid principal in policy"),
            (format!(r#""Effect":"Allow","Principal":"anna",{GET}"#), "Invalid principal in policy"),
            (format!(r#""Effect":"Allow","NotPrincipal":"*",{GET}"#), "Allow with NotPrincipal is not allowed."),
            (format!(r#"{ALLOW},"NotPrincipal":"*",{GET}"#), "Invalid policy syntax."),
            (
                format!(r#"{ALLOW},{GET},"Condition":{{"StringIs":{{"aws:Referer":"x"}}}}"#),
                "Invalid Condition type : StringIs",
            ),
            (
                format!(r#"{ALLOW},{GET},"Condition":{{"StringLike":{{"Referer":"x"}}}}"#),
                "Policy has an invalid condition key",
            ),
            (
                format!(r#"{ALLOW},{GET},"Condition":{{"StringEquals":{{"s3:prefixes":"x"}}}}"#),
                "Policy has an invalid condition key",
            ),
            (
                format!(r#"{ALLOW},{GET},"Condition":{{"StringEquals":{{"ec2:Vpc":"x"}}}}"#),
                "Policy has an invalid condition key",
            ),
            (format!(r#"{ALLOW},{GET},"Condition":{{"IpAddress":{{"aws:SourceIp":"x"}}}}"#), "Invalid policy syntax."),
            (
                r#""Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::photos""#
                    .to_owned(),
                "Action does not apply to any resource(s) in statement",
            ),
        ] {
            assert_eq!(statement(&inside).expect_err(&inside).message(), error, "{inside}");
        }
    }

    #[test]
    fn documents_that_are_none() {
        let long = format!("{{\"Id\":\"{}\"}}", "x".repeat(BUCKET_POLICY_BYTES_MAX));
        for (text, error) in [
            ("", "This policy contains invalid Json"),
            ("[]", "This policy contains invalid Json"),
            ("{\"Version\":\"2012-10-17\",\"Version\":\"2012-10-17\"}", "This policy contains invalid Json"),
            ("{}", "Missing required field Statement"),
            ("{\"Statement\":[]}", "Missing required field Statement"),
            ("{\"Version\":\"2013-01-01\",\"Statement\":[]}", "The policy must contain a valid version string"),
            ("{\"Version\":2,\"Statement\":[]}", "The policy must contain a valid version string"),
            ("{\"Statement\":[1]}", "Invalid policy syntax."),
            ("{\"Statements\":[]}", "Unknown field Statements"),
            (&long, "Policy exceeds the maximum allowed document size."),
        ] {
            assert_eq!(check(text).expect_err(text).message(), error);
        }
        let twice = format!(r#"{{"Statement":[{{"Sid":"a",{ALLOW},{GET}}},{{"Sid":"a",{ALLOW},{GET}}}]}}"#);
        assert_eq!(check(&twice), Ok(()));
        let unknown = r#"{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Null":{"s3:prefixes":"true"}}}}"#;
        let identity = Document::parse(unknown, 2_048).expect("reads");
        assert_eq!(identity.check_identity(), Ok(()), "Amazon asks it of bucket policies alone");
        let once = r#"{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
        let identity = Document::parse(&format!(r#"{{"Statement":[{once},{once}]}}"#), 2_048).expect("reads");
        assert_eq!(identity.check_identity(), Err(PolicyError::SAME_SID));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in r#"(\{|\}|\[|\]|,|:|"(Statement|Effect|Allow|Principal|Action|Resource|Condition|s3:\*|\$\{a\}|x)"|1|null){0,40}"#) {
            let _ = check(&text);
        }

        #[test]
        fn no_value_makes_it_panic(action in ".{0,20}", resource in ".{0,30}", key in ".{0,20}", value in ".{0,20}") {
            let quoted = |text: &str| serde_json::to_string(text).expect("text");
            for operator in ["StringLike", "ArnLike", "NumericEquals", "DateEquals", "IpAddress", "BinaryEquals"] {
                let _ = statement(&format!(
                    r#"{ALLOW},"Action":{},"Resource":{},"Condition":{{"{operator}":{{{}:{}}}}}"#,
                    quoted(&action), quoted(&resource), quoted(&key), quoted(&value)
                ));
            }
        }
    }

    #[test]
    fn documents_of_identities_and_roles() {
        let parse = |text: &str| Document::parse(text, 2_048).expect(text);
        let identity = parse(r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#);
        assert_eq!(identity.check_identity(), Ok(()));
        assert!(identity.check_trust().is_err());
        assert!(identity.check_bucket("photos").is_err());
        let trust = parse(r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"}}}"#);
        assert_eq!(trust.check_trust(), Ok(()));
        assert!(trust.check_identity().is_err());
    }
}
