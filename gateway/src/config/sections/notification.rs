//! `[[notification_target]]`: where notifications of buckets may go.

use std::fmt;

use serde::Deserialize;

use crate::config::environment::Environment;
use crate::config::error::Problem;
use crate::domain::UserId;

/// One webhook. Buckets name it by `arn:haulout:sqs:REGION:1:NAME`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationTargetConfig {
    /// The name: 1 to 64 of letters, digits, `-` and `_`.
    pub name: String,
    /// Where messages are posted: `https://...` or `http://...`.
    pub url: String,
    /// The `Authorization` header of each post. `${NAME}` is replaced by that environment variable.
    pub authorization: Option<String>,
    /// The accounts whose buckets may use it, each by its twelve digits, or `*` for every account: what they cause is sent with this target's
    /// `Authorization`, so an operator has to say it: none for a target of alerts alone.
    pub accounts: Option<Vec<String>>,
    /// Also post to loopback, private and link-local addresses.
    #[serde(default)]
    pub allow_private: bool,
    /// Seconds one post may take.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u32,
}

/// Among a target's accounts: it is for all of them.
const EVERY_ACCOUNT: &str = "*";

fn timeout_seconds() -> u32 {
    10
}

/// The header is a secret, and URLs may carry one.
impl fmt::Debug for NotificationTargetConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationTargetConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

impl NotificationTargetConfig {
    /// Whether buckets of an account may use it; the account is unknown when its bucket is gone, and was not kept.
    #[must_use]
    pub fn allows(&self, account: Option<UserId>) -> bool {
        let Some(accounts) = &self.accounts else { return false };
        let named = |account: UserId| accounts.contains(&account.account_number());
        accounts.iter().any(|one| one == EVERY_ACCOUNT) || account.is_some_and(named)
    }

    /// Puts environment variables in.
    pub(crate) fn expand(&mut self, index: usize, environment: &Environment) -> Vec<Problem> {
        let mut found = Vec::new();
        let at = |key: &str| format!("notification_target.{index}.{key}");
        for (key, text) in [("url", Some(&mut self.url)), ("authorization", self.authorization.as_mut())] {
            let Some(text) = text else { continue };
            match environment.expand(text) {
                Ok(expanded) => *text = expanded,
                Err(name) => {
                    found.push(Problem::at(at(key), format!("the environment variable {name} is not set")));
                }
            }
        }
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(letters) {
            found.push(Problem::at(at("name"), "a target's name is 1 to 64 of letters, digits, '-' and '_'"));
        }
        if !self.url.starts_with("https://") && !self.url.starts_with("http://") {
            found.push(Problem::at(at("url"), "a target is a URL that begins with https:// or http://"));
        }
        let digits = |number: &String| number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_account = |one: &String| one == EVERY_ACCOUNT || digits(one);
        if !self.accounts.as_ref().is_some_and(|accounts| accounts.iter().all(is_account)) {
            let how = "list the accounts whose buckets may use it by their twelve digits, see `haulout user list`, or \"*\" for every account";
            found.push(Problem::at(at("accounts"), how));
        }
        if self.timeout_seconds == 0 {
            found.push(Problem::at(at("timeout_seconds"), "a post takes at least a second"));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(accounts: &str) -> NotificationTargetConfig {
        toml::from_str(&format!("name = \"hook\"\nurl = \"https://example.com\"\n{accounts}")).expect("a target")
    }

    #[test]
    fn a_target_is_for_the_accounts_it_names() {
        let (anna, bert) = (Some(UserId(1)), Some(UserId(2)));
        for (accounts, allowed) in [
            ("accounts = [\"*\"]", [true, true, true]),
            ("accounts = [\"000000000001\"]", [true, false, false]),
            ("accounts = [\"000000000001\", \"000000000002\"]", [true, true, false]),
            ("accounts = []", [false, false, false]),
            ("", [false, false, false]),
        ] {
            let target = target(accounts);
            assert_eq!([anna, bert, None].map(|account| target.allows(account)), allowed, "{accounts}");
        }
    }

    #[test]
    fn accounts_are_numbers() {
        for (accounts, problems) in [
            ("accounts = [\"000000000001\"]", 0),
            ("accounts = [\"*\"]", 0),
            ("accounts = []", 0),
            ("", 1),
            ("accounts = [\"1\"]", 1),
            ("accounts = [\"anna\"]", 1),
            ("accounts = [\"arn:aws:iam::000000000001:root\"]", 1),
        ] {
            assert_eq!(target(accounts).expand(0, &Environment::default()).len(), problems, "{accounts}");
        }
    }
}
