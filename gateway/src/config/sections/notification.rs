//! `[[notification_target]]`: where notifications of buckets may go.

use std::fmt;

use serde::Deserialize;

use crate::config::environment::Environment;
use crate::config::error::Problem;

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
    /// Also post to loopback, private and link-local addresses.
    #[serde(default)]
    pub allow_private: bool,
    /// Seconds one post may take.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u32,
}

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
        if self.timeout_seconds == 0 {
            found.push(Problem::at(at("timeout_seconds"), "a post takes at least a second"));
        }
        found
    }
}
