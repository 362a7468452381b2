//! The policy of a bucket, as a setting: the text as it was sent, and what it says.

use serde::{Deserialize, Serialize};

use crate::domain::{PinnedPrincipals, Setting};
use crate::policy::document::policy_document::{BUCKET_POLICY_BYTES_MAX, Document};
use crate::policy::error::PolicyError;

/// The policy of a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct BucketPolicy {
    text: String,
    document: Document,
    public: bool,
    binds_owner: bool,
    principals: PinnedPrincipals,
}

/// What the database keeps of it.
#[derive(Default, Serialize, Deserialize)]
struct Stored {
    text: String,
    #[serde(default)]
    binds_owner: bool,
    #[serde(default, skip_serializing_if = "PinnedPrincipals::is_empty")]
    principals: PinnedPrincipals,
}

impl Setting for BucketPolicy {
    const KIND: &'static str = "policy";
}

impl BucketPolicy {
    /// Reads and checks a policy for a bucket. `binds_owner` gives up what the bucket's owner has otherwise, whatever a
    /// policy says: to read, replace and delete the policy.
    ///
    /// # Errors
    /// What Amazon says about it.
    pub fn parse(text: &str, bucket: &str, binds_owner: bool) -> Result<Self, PolicyError> {
        let policy = Self::read(Stored { text: text.to_owned(), binds_owner, ..Stored::default() })?;
        policy.document.check_bucket(bucket)?;
        Ok(policy)
    }

    fn read(stored: Stored) -> Result<Self, PolicyError> {
        let Stored { text, binds_owner, principals } = stored;
        let document = Document::parse(&text, BUCKET_POLICY_BYTES_MAX)?.pinned(&principals);
        let public = document.is_public();
        Ok(Self { text, document, public, binds_owner, principals })
    }

    /// The same policy with these unique ids in the place of its ARNs.
    #[must_use]
    pub fn pinned(mut self, principals: PinnedPrincipals) -> Self {
        self.document = self.document.pinned(&principals);
        self.principals = principals;
        self
    }

    /// The unique ids of its principals.
    #[must_use]
    pub fn principals(&self) -> &PinnedPrincipals {
        &self.principals
    }

    /// The text, as it was sent.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Whether it is public.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// Whether it can deny even the owner access to the policy itself.
    #[must_use]
    pub fn binds_owner(&self) -> bool {
        self.binds_owner
    }
}

impl TryFrom<Stored> for BucketPolicy {
    type Error = PolicyError;

    fn try_from(stored: Stored) -> Result<Self, PolicyError> {
        Self::read(stored)
    }
}

impl From<BucketPolicy> for Stored {
    fn from(policy: BucketPolicy) -> Self {
        Self { text: policy.text, binds_owner: policy.binds_owner, principals: policy.principals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_comes_back_from_the_database_as_it_was() {
        let text = r#"{ "Statement": {"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*"} }"#;
        let policy = BucketPolicy::parse(text, "photos", true).expect("a policy");
        let kept = serde_json::to_string(&policy).expect("JSON");
        let again: BucketPolicy = serde_json::from_str(&kept).expect("the same");
        assert_eq!(again, policy);
        assert_eq!(again.text(), text);
        assert!(again.is_public() && again.binds_owner());
        assert!(BucketPolicy::parse(text, "photo", false).is_err());
        let mut principals = PinnedPrincipals::default();
        principals.insert("arn:aws:iam::000000000001:user/bob".to_owned(), "AIDABOB".to_owned());
        let pinned = policy.pinned(principals);
        let kept = serde_json::to_string(&pinned).expect("JSON");
        assert_eq!(serde_json::from_str::<BucketPolicy>(&kept).expect("the same"), pinned);
        assert!(serde_json::from_str::<BucketPolicy>(r#"{"text":"{}"}"#).is_err(), "damage is no absence");
    }
}
