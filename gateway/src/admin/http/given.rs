//! What a request gives, checked by the table.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::Refusal;
use super::parameter::{Kind, Parameter, Place};

/// The longest value of a parameter, in bytes.
const VALUE_BYTES_MAX: usize = 1_024;

/// Parameters and body.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Given {
    values: BTreeMap<&'static str, String>,
    body: Value,
}

impl Given {
    /// Checks what a request gives, by what it may.
    pub(super) fn check(
        (parameters, takes_body): (&'static [Parameter], bool),
        path: BTreeMap<String, String>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Self, Refusal> {
        let malformed = |text: String| Refusal::Malformed(text);
        let mut texts: BTreeMap<String, String> = path;
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is_known = parameters.iter().any(|known| known.place == Place::Query && known.name == name);
            let value =
                percent_decoded(value).ok_or_else(|| malformed(format!("{name} is not percent-encoded UTF-8")))?;
            if !is_known || texts.insert(name.to_owned(), value).is_some() {
                let shown: String = name.chars().take(80).collect();
                return Err(malformed(format!("the parameter {shown:?} is not known here, or is there twice")));
            }
        }
        let mut values = BTreeMap::new();
        for parameter in parameters {
            let Some(value) = texts.remove(parameter.name) else {
                if parameter.is_required {
                    return Err(malformed(format!("the parameter {} is missing", parameter.name)));
                }
                continue;
            };
            let is_right = match parameter.kind {
                Kind::Text => (1..=VALUE_BYTES_MAX).contains(&value.len()),
                Kind::Integer => value.parse::<u64>().is_ok_and(|number| number.to_string() == value),
                Kind::Truth => ["true", "false"].contains(&value.as_str()),
            };
            if !is_right {
                return Err(malformed(format!("the parameter {} has a wrong value", parameter.name)));
            }
            values.insert(parameter.name, value);
        }
        let body = match (takes_body, body) {
            (false, []) => Value::Null,
            (false, _) => return Err(malformed("this takes no body".to_owned())),
            (true, bytes) => serde_json::from_slice(bytes).map_err(|error| malformed(format!("the body: {error}")))?,
        };
        Ok(Self { values, body })
    }

    /// A parameter, if it is there.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// A parameter that the table says is there.
    pub(super) fn required(&self, name: &str) -> Result<String, Refusal> {
        self.text(name).ok_or_else(|| Refusal::Malformed(format!("the parameter {name} is missing")))
    }

    /// A number, if it is there.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.values.get(name).and_then(|value| value.parse().ok())
    }

    /// The body.
    pub(super) fn body<T: DeserializeOwned>(self) -> Result<T, Refusal> {
        serde_json::from_value(self.body).map_err(|error| Refusal::Malformed(format!("the body: {error}")))
    }
}

/// The text that a value of a query stands for, if it is one.
fn percent_decoded(value: &str) -> Option<String> {
    let is_right = value
        .split('%')
        .skip(1)
        .all(|rest| rest.get(..2).is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit())));
    let decoded = percent_decode_str(value).decode_utf8().ok();
    decoded.filter(|_| is_right).map(std::borrow::Cow::into_owned)
}
