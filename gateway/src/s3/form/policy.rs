//! The policy document of a form: what its signer allows to be uploaded.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::Timestamp;
use crate::s3::error::{Code, S3Error};

/// A policy, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// Seconds since the epoch after which it allows nothing.
    expiration: i64,
    conditions: Vec<Condition>,
    /// Bytes of content it allows.
    pub(super) length: Option<(u64, u64)>,
}

/// What one field must be. Names are in lower case and without the `$`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Equals { field: String, value: String },
    StartsWith { field: String, prefix: String },
}

impl Policy {
    /// Reads the JSON text.
    pub(super) fn parse(text: &[u8]) -> Result<Self, S3Error> {
        let Ok(Value::Object(document)) = serde_json::from_slice(text) else {
            return Err(invalid("Invalid JSON."));
        };
        if let Some(unknown) = document.keys().find(|key| *key != "expiration" && *key != "conditions") {
            return Err(invalid(&format!("Unexpected: '{}'.", unknown.chars().take(40).collect::<String>())));
        }
        let expiration = document.get("expiration").and_then(Value::as_str);
        let expiration = expiration.ok_or_else(|| invalid("Policy missing expiration."))?;
        let expiration = instant(expiration).ok_or_else(|| invalid("Invalid 'expiration' value."))?;
        let conditions = document.get("conditions").and_then(Value::as_array);
        let conditions = conditions.ok_or_else(|| invalid("Policy missing conditions."))?;
        let mut policy = Self { expiration, conditions: Vec::with_capacity(conditions.len()), length: None };
        for condition in conditions {
            policy.take(condition)?;
        }
        Ok(policy)
    }

    fn take(&mut self, condition: &Value) -> Result<(), S3Error> {
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(invalid("A condition's value is not text.")),
        };
        if let Value::Object(simple) = condition {
            let mut pairs = simple.iter();
            let (Some((name, value)), None) = (pairs.next(), pairs.next()) else {
                return Err(invalid("Simple-Conditions must have exactly one property specified."));
            };
            self.conditions.push(Condition::Equals { field: name.to_lowercase(), value: text(value)? });
            return Ok(());
        }
        let parts = condition.as_array().map(Vec::as_slice);
        let Some([operator, first, second]) = parts else {
            return Err(invalid("A condition must be an object or a list of three."));
        };
        let field = || {
            let name = first.as_str().and_then(|name| name.strip_prefix('$'));
            name.map(str::to_lowercase).ok_or_else(|| invalid("A condition's field does not begin with '$'."))
        };
        match operator.as_str().map(str::to_lowercase).as_deref() {
            Some("eq") => self.conditions.push(Condition::Equals { field: field()?, value: text(second)? }),
            Some("starts-with") => {
                self.conditions.push(Condition::StartsWith { field: field()?, prefix: text(second)? })
            }
            Some("content-length-range") => {
                let number =
                    |value: &Value| value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
                let (Some(min), Some(max)) = (number(first), number(second)) else {
                    return Err(invalid("A content-length-range is not two numbers."));
                };
                let (low, high) = self.length.unwrap_or((0, u64::MAX));
                self.length = Some((min.max(low), max.min(high)));
            }
            _ => return Err(invalid("A condition's operator is unknown.")),
        }
        Ok(())
    }

    /// Checks a form: it is in time, every condition holds, and every field is covered by one. `fields` has the
    /// names in lower case, and `bucket` and `key` among them.
    pub(super) fn check(&self, now: Timestamp, fields: &[(&str, &str)]) -> Result<(), S3Error> {
        if now.seconds() >= self.expiration {
            return Err(denied("Policy expired."));
        }
        let value = |name: &str| fields.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        for condition in &self.conditions {
            let (holds, shown) = match condition {
                Condition::Equals { field, value: wanted } => (value(field) == wanted, ["eq", field, wanted]),
                Condition::StartsWith { field, prefix } => {
                    (starts_with(field, value(field), prefix), ["starts-with", field, prefix])
                }
            };
            if !holds {
                let [operator, field, wanted] = shown;
                return Err(denied(&format!("Policy Condition failed: [\"{operator}\", \"${field}\", \"{wanted}\"]")));
            }
        }
        let covered = |name: &str| {
            self.conditions.iter().any(|condition| match condition {
                Condition::Equals { field, .. } | Condition::StartsWith { field, .. } => field == name,
            })
        };
        let free = |name: &str| {
            name.starts_with("x-ignore-")
                // They say what the file is, not where it goes: SDKs add them on their own.
                || name.starts_with("x-amz-checksum-")
                || name == "x-amz-sdk-checksum-algorithm"
                || matches!(name, "policy" | "signature" | "awsaccesskeyid" | "x-amz-signature" | "file")
        };
        match fields.iter().find(|(name, _)| !free(name) && !covered(name)) {
            None => Ok(()),
            Some((name, _)) => Err(denied(&format!("Extra input fields: {name}"))),
        }
    }
}

/// Whether a field begins as it must. Of a `Content-Type` with commas each piece must, as Amazon documents: a browser would
/// take the last of `image/png, text/html`.
fn starts_with(field: &str, value: &str, prefix: &str) -> bool {
    let begins = |value: &str| value.starts_with(prefix);
    begins(value) && (field != "content-type" || value.split(',').map(str::trim_start).all(begins))
}

/// Seconds since the epoch of `2007-12-01T12:00:00.000Z`; no other way to write a time is taken.
fn instant(text: &str) -> Option<i64> {
    let strict = text.as_bytes().get(10) == Some(&b'T') && text.ends_with('Z');
    let time = OffsetDateTime::parse(text, &Rfc3339).ok().filter(|_| strict)?;
    Some(time.unix_timestamp())
}

fn invalid(why: &str) -> S3Error {
    S3Error::with(Code::InvalidPolicyDocument, format!("Invalid Policy: {why}"))
}

fn denied(why: &str) -> S3Error {
    S3Error::with(Code::AccessDenied, format!("Invalid according to Policy: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_369_353_600_000_000);

    fn check(conditions: &str, fields: &[(&str, &str)]) -> Result<(), S3Error> {
        let text = format!("{{\"expiration\":\"2013-05-24T00:00:01.000Z\",\"conditions\":[{conditions}]}}");
        Policy::parse(text.as_bytes())?.check(NOW, fields)
    }

    #[test]
    fn conditions_hold_or_not() {
        let key = ("key", "user/a.txt");
        for (conditions, fields, fine) in [
            (r#"["eq","$key","user/a.txt"]"#, &[key][..], true),
            (r#"{"key":"user/a.txt"}"#, &[key], true),
            (r#"{"KeY":"user/a.txt"}"#, &[key], true),
            (r#"["StArTs-WiTh","$kEy","user/"]"#, &[key], true),
            (r#"["starts-with","$key",""]"#, &[key], true),
            (r#"["starts-with","$key","User/"]"#, &[key], false),
            (r#"["starts-with","$key","users"]"#, &[key], false),
            (r#"{"key":"user/A.txt"}"#, &[key], false),
            ("", &[key], false),
            (r#"["starts-with","$key",""]"#, &[key, ("acl", "public-read")], false),
            (r#"["starts-with","$key",""],{"acl":"private"}"#, &[key, ("acl", "public-read")], false),
            (r#"["starts-with","$key",""],{"acl":"private"}"#, &[key, ("acl", "private")], true),
            (r#"["starts-with","$key",""],{"acl":"private"}"#, &[key], false),
            (r#"["starts-with","$key",""],["starts-with","$x-amz-meta-a",""]"#, &[key], true),
            (r#"["starts-with","$key",""]"#, &[key, ("x-ignore-a", "b"), ("policy", "p"), ("signature", "s")], true),
            (r#"["starts-with","$key",""]"#, &[key, ("x-amz-credential", "c")], false),
            (r#"["starts-with","$key",""]"#, &[key, ("x-amz-checksum-sha256", "c")], true),
            (r#"["starts-with","$key",""]"#, &[key, ("x-amz-checksum", "c")], false),
        ] {
            let outcome = check(conditions, fields);
            assert_eq!(outcome.is_ok(), fine, "{conditions} {fields:?}");
            assert!(outcome.is_ok() || outcome.expect_err("refused").code == Code::AccessDenied);
        }
    }

    #[test]
    fn each_type_of_a_list_must_begin_so() {
        let starts = r#"["starts-with","$Content-Type","image/"]"#;
        for (value, fine) in [
            ("image/png", true),
            ("image/png,image/jpeg", true),
            ("image/png, image/jpeg", true),
            ("image/png,text/html", false),
            ("image/png, text/html", false),
            ("image/png;a=\"b,c\"", false),
            ("image/png,", false),
            (",image/png", false),
            (" image/png", false),
            ("text/html", false),
        ] {
            assert_eq!(check(starts, &[("content-type", value)]).is_ok(), fine, "{value}");
        }
        let any = r#"["starts-with","$Content-Type",""]"#;
        assert!(check(any, &[("content-type", "image/png,text/html")]).is_ok());
        let other = r#"["starts-with","$x-amz-meta-a","b"]"#;
        assert!(check(other, &[("x-amz-meta-a", "b,c")]).is_ok(), "a comma is a letter like any other elsewhere");
    }

    #[test]
    fn a_policy_expires() {
        let policy = Policy::parse(br#"{"expiration":"2013-05-24T00:00:00Z","conditions":[]}"#).expect("parses");
        assert!(policy.check(Timestamp(NOW.0 - 1_000_000), &[]).is_ok());
        let late = policy.check(NOW, &[]).expect_err("refused");
        assert_eq!(late.message, "Invalid according to Policy: Policy expired.");
    }

    #[test]
    fn lengths_narrow() {
        let range = |conditions: &str| {
            let text = format!("{{\"expiration\":\"2013-05-24T00:00:00Z\",\"conditions\":[{conditions}]}}");
            Policy::parse(text.as_bytes()).map(|policy| policy.length)
        };
        assert_eq!(range(r#"["content-length-range",1,"1024"]"#).expect("parses"), Some((1, 1_024)));
        let both = range(r#"["content-length-range",0,10],["content-length-range",5,20]"#);
        assert_eq!(both.expect("parses"), Some((5, 10)));
        for bad in
            [r#"["content-length-range",0]"#, r#"["content-length-range",-1,0]"#, r#"["content-length-range","a","b"]"#]
        {
            assert_eq!(range(bad).expect_err("refused").code, Code::InvalidPolicyDocument, "{bad}");
        }
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"conditions":[]}"#,
            r#"{"expiration":"2013-05-24T00:00:00Z"}"#,
            r#"{"expiration":"tomorrow","conditions":[]}"#,
            r#"{"EXPIRATION":"2013-05-24T00:00:00Z","conditions":[]}"#,
            r#"{"expiration":"2013-05-24T00:00:00Z","CONDITIONS":[]}"#,
            r#"{"expiration":"2013-05-24T00:00:00Z","conditions":[{}]}"#,
            r#"{"expiration":"2013-05-24T00:00:00Z","conditions":[{"a":"b","c":"d"}]}"#,
            r#"{"expiration":"2013-05-24T00:00:00Z","conditions":["a"]}"#,
            r#"{"expiration":"2013-05-24T00:00:00Z","conditions":[["ne","$key","a"]]}"#,
            r#"{"expiration":"2013-05-24T00:00:00Z","conditions":[["eq","key","a"]]}"#,
            r#"{"expiration":"2013-05-24T00:00:00Z","conditions":[["eq","$key",{}]]}"#,
        ] {
            assert_eq!(Policy::parse(text.as_bytes()).expect_err(text).code, Code::InvalidPolicyDocument, "{text}");
        }
    }
}
