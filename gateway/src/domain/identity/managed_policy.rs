//! Managed policies, which can be attached to many identities: an account's own, and the built-in ones.

use serde::{Deserialize, Serialize};

use crate::domain::identity::iam_identity::{IamName, IamPath};
use crate::domain::identity::user::UserId;
use crate::domain::timestamp::Timestamp;

/// What a managed policy carries besides its name and texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ManagedPolicyDetails {
    /// What people say about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its tags, in the order of their keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
}

/// A managed policy without its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// The account it belongs to; none for those that come with the program.
    pub account: Option<UserId>,
    /// `ANPA...`: names it for ever.
    pub unique_id: String,
    /// Its Amazon resource name, by which it is attached.
    pub arn: String,
    /// Its name.
    pub name: IamName,
    /// Its path.
    pub path: IamPath,
    /// What else it carries.
    pub details: ManagedPolicyDetails,
    /// The number of the default version.
    pub default_version: u32,
    /// How many identities it is attached to.
    pub attachments: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its default version last changed.
    pub updated_at: Timestamp,
}

/// One text of a managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPolicyVersion {
    /// Its number: `v1` is 1.
    pub number: u32,
    /// Whether it is the one that counts.
    pub is_default: bool,
    /// The policy document.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A managed policy that comes with the program, under the ARN that Amazon gives its own of this meaning.
#[derive(Debug, PartialEq, Eq)]
pub struct BuiltInPolicy {
    /// Its name; the ARN is `arn:aws:iam::aws:policy/` and this.
    pub name: &'static str,
    /// Names it for ever.
    pub unique_id: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The policy document.
    pub document: &'static str,
}

/// How the ARNs of built-in policies begin.
const BUILT_IN: &str = "arn:aws:iam::aws:policy/";

impl BuiltInPolicy {
    /// All of them, by name.
    pub const ALL: &[Self] = &[
        Self {
            name: "AdministratorAccess",
            unique_id: "ANPAHAULOUTADMINISTRA",
            description: "Everything in the account",
            document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
        },
        Self {
            name: "AmazonS3FullAccess",
            unique_id: "ANPAHAULOUTS3FULLACCE",
            description: "Every operation on every bucket and object of the account",
            document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]}"#,
        },
        Self {
            name: "AmazonS3ReadOnlyAccess",
            unique_id: "ANPAHAULOUTS3READONLY",
            description: "Reading and listing every bucket and object of the account",
            document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}"#,
        },
        Self {
            name: "IAMFullAccess",
            unique_id: "ANPAHAULOUTIAMFULLACC",
            description: "Every operation on users, groups, roles and policies of the account",
            document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*"],"Resource":"*"}]}"#,
        },
        Self {
            name: "IAMReadOnlyAccess",
            unique_id: "ANPAHAULOUTIAMREADONL",
            description: "Reading and listing users, groups, roles and policies of the account",
            document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"}]}"#,
        },
    ];

    /// The built-in policy of this ARN.
    #[must_use]
    pub fn of_arn(arn: &str) -> Option<&'static Self> {
        let name = arn.strip_prefix(BUILT_IN)?;
        Self::ALL.iter().find(|policy| policy.name == name)
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("{BUILT_IN}{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_policies_are_found_by_arn() {
        for policy in BuiltInPolicy::ALL {
            assert_eq!(BuiltInPolicy::of_arn(&policy.arn()), Some(policy));
            serde_json::from_str::<serde_json::Value>(policy.document).expect(policy.name);
            assert_eq!(policy.unique_id.len(), 21, "{}", policy.name);
            policy.name.parse::<IamName>().expect(policy.name);
        }
        assert_eq!(BuiltInPolicy::of_arn("arn:aws:iam::000000000001:policy/AmazonS3FullAccess"), None);
        assert!(BuiltInPolicy::ALL.is_sorted_by_key(|policy| policy.name));
    }
}
