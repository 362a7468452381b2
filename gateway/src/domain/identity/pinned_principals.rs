//! The unique ids of the users and roles that a policy names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The users and roles that a policy of a bucket or role names: for each ARN that was somebody's when the policy was set, the
/// unique id behind it; for that of a session `ROLEID:session-name`. The policy is about these ids, as with Amazon: a user that
/// is renamed stays meant, and one who gets the name of a deleted user is not. An ARN that was nobody's is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PinnedPrincipals(BTreeMap<String, String>);

impl PinnedPrincipals {
    /// Keeps the unique id behind an ARN.
    pub fn insert(&mut self, arn: String, unique_id: String) {
        self.0.insert(arn, unique_id);
    }

    /// The unique id behind an ARN.
    #[must_use]
    pub fn get(&self, arn: &str) -> Option<&str> {
        self.0.get(arn).map(String::as_str)
    }

    /// Each ARN and the unique id behind it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(arn, id)| (arn.as_str(), id.as_str()))
    }

    /// Nobody is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
