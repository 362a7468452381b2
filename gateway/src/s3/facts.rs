//! What conditions of policies may ask about a request. Nothing is worked out before a condition asks for it.

use std::borrow::Cow;

use http::header;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::arrival::Arrival;
use super::auth::parse_date;
use super::call::Call;
use super::copy_source;
use super::encoding::xml_time;
use super::uri::Query;
use crate::domain::{Bucket, ObjectKey, Version};
use crate::policy::{ARN_PREFIX, Value, account_number};

/// What a decision is about, besides the request it is made for.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) bucket: Option<&'a Bucket>,
    /// The name of the bucket, which need not exist.
    pub(super) name: Option<&'a str>,
    pub(super) key: Option<&'a ObjectKey>,
    /// The version that is asked for.
    pub(super) version: Option<&'a str>,
    /// What is there already, when the decision needs it.
    pub(super) existing: Option<&'a Version>,
    /// The tags that the request brings in its body.
    pub(super) tags: Option<&'a [(String, String)]>,
    /// Stands for the prefix of a listing, when the question is whether this key could be listed.
    pub(super) listed: Option<&'a ObjectKey>,
}

impl<'a> Subject<'a> {
    /// A bucket, or a key of it.
    pub(super) fn of(bucket: &'a Bucket, key: Option<&'a ObjectKey>) -> Self {
        let name = Some(bucket.name.as_str());
        Self { bucket: Some(bucket), name, key, version: None, existing: None, tags: None, listed: None }
    }

    /// The name of what is touched, as policies name it.
    pub(super) fn resource(&self) -> String {
        match (self.name, self.key) {
            // As Amazon names what is about no one bucket, so that policies for all buckets speak of it too.
            (None, _) => format!("{ARN_PREFIX}*"),
            (Some(bucket), None) => format!("{ARN_PREFIX}{bucket}"),
            (Some(bucket), Some(key)) => format!("{ARN_PREFIX}{bucket}/{key}"),
        }
    }
}

impl Call {
    /// The value of a condition key; keys come in lower case.
    pub(super) fn fact<'a>(&'a self, subject: &Subject<'a>, key: &str) -> Option<Value<'a>> {
        let (service, name) = key.split_once(':')?;
        match service {
            "aws" => self.global_fact(subject, name),
            "s3" => self.tag_fact(subject, name).or_else(|| self.s3_fact(subject, name)),
            _ => None,
        }
    }

    fn global_fact<'a>(&'a self, subject: &Subject<'a>, name: &str) -> Option<Value<'a>> {
        match name {
            "sourceip" => Arrival::of(&self.head).peer.map(|address| Value::from(address.to_canonical().to_string())),
            "securetransport" => Some(Value::from(if Arrival::of(&self.head).encrypted { "true" } else { "false" })),
            "currenttime" => Some(Value::from(xml_time(self.door.verifier.now()))),
            "epochtime" => Some(Value::from(self.door.verifier.now().seconds().to_string())),
            "useragent" => self.header("user-agent").map(Value::from),
            "referer" => self.header("referer").map(Value::from),
            "requestedregion" => Some(Value::from(self.door.settings.region.as_str())),
            "resourceaccount" => subject.bucket.map(|bucket| Value::from(account_number(bucket.owner))),
            _ => None,
        }
    }

    fn s3_fact<'a>(&'a self, subject: &Subject<'a>, name: &str) -> Option<Value<'a>> {
        match name {
            "prefix" => match subject.listed {
                Some(key) => Some(Value::from(key.as_str())),
                None if subject.key.is_none() => Some(Value::from(self.query.get("prefix").unwrap_or_default())),
                None => None,
            },
            "delimiter" | "max-keys" => self.query.get(name).map(Value::from),
            "tlsversion" => Arrival::of(&self.head).tls_version.map(Value::from),
            "versionid" => subject.version.map(Value::from),
            "resourceaccount" => subject.bucket.map(|bucket| Value::from(account_number(bucket.owner))),
            "if-match" | "if-none-match" => self.whole_header(name),
            "object-lock-mode" | "object-lock-retain-until-date" | "object-lock-legal-hold" => {
                self.whole_header(&format!("x-amz-{name}"))
            }
            "object-lock-remaining-retention-days" => self.remaining_days().map(|days| Value::from(days.to_string())),
            "x-amz-copy-source" => self.copy_source(),
            "signatureversion" => self.signature().map(|(version, _)| Value::from(version)),
            "authtype" => self.signature().map(|(_, place)| Value::from(place)),
            "signatureage" => self.signature_age().map(|age| Value::from(age.to_string())),
            _ => name.starts_with("x-amz-").then(|| self.whole_header(name))?,
        }
    }

    /// Tags: those that are there, and those that the request brings in a header.
    fn tag_fact<'a>(&'a self, subject: &Subject<'a>, name: &str) -> Option<Value<'a>> {
        if let Some(tag) = name.strip_prefix("existingobjecttag/") {
            let tags = subject.existing.map(|version| version.attributes.tags.as_slice()).unwrap_or_default();
            return tags.iter().find(|(key, _)| key == tag).map(|(_, value)| Value::from(value.as_str()));
        }
        if let Some(tag) = name.strip_prefix("requestobjecttag/") {
            let brought = self.brought_tags(subject)?;
            return brought.into_iter().find(|(key, _)| key == tag).map(|(_, value)| Value::from(value));
        }
        if name == "requestobjecttagkeys" {
            let keys = self.brought_tags(subject)?.into_iter().map(|(key, _)| Cow::Owned(key));
            return Some(Value::Many(keys.collect()));
        }
        None
    }

    /// The tags that the request brings, in its body or in a header.
    fn brought_tags(&self, subject: &Subject<'_>) -> Option<Vec<(String, String)>> {
        if let Some(tags) = subject.tags {
            return Some(tags.to_vec());
        }
        let query = Query::parse(self.header("x-amz-tagging")?).ok()?;
        Some(query.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    /// A header; all its values, should it come more than once, so that none escapes a condition.
    fn whole_header(&self, name: &str) -> Option<Value<'_>> {
        let mut values = self.head.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        let first = values.next()?;
        let others: String = values.map(|value| format!(",{value}")).collect();
        Some(if others.is_empty() { Value::from(first) } else { Value::from(format!("{first}{others}")) })
    }

    /// The source of a copy as it is understood, however it was written: a condition must not be passed by escaping.
    fn copy_source(&self) -> Option<Value<'_>> {
        let source = copy_source::read(self.header("x-amz-copy-source")?).ok()?;
        Some(Value::from(format!("{}/{}", source.bucket, source.key)))
    }

    /// The version of the signature, and where it stands.
    fn signature(&self) -> Option<(&'static str, &'static str)> {
        let authorization = self.header(header::AUTHORIZATION.as_str());
        if authorization.is_some_and(|text| text.starts_with("AWS4-")) {
            Some(("AWS4-HMAC-SHA256", "REST-HEADER"))
        } else if authorization.is_some_and(|text| text.starts_with("AWS ")) {
            Some(("AWS", "REST-HEADER"))
        } else if self.in_query("x-amz-signature").is_some() {
            Some(("AWS4-HMAC-SHA256", "REST-QUERY-STRING"))
        } else if self.query.get("Signature").is_some() {
            Some(("AWS", "REST-QUERY-STRING"))
        } else {
            None
        }
    }

    fn in_query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// How long ago a presigned request was signed, in milliseconds.
    fn signature_age(&self) -> Option<i64> {
        let signed = parse_date(self.in_query("x-amz-date")?)?;
        Some((self.door.verifier.now().seconds() - signed).max(0) * 1_000)
    }

    /// Whole days for which the request wants the object locked.
    fn remaining_days(&self) -> Option<i64> {
        let until = OffsetDateTime::parse(self.header("x-amz-object-lock-retain-until-date")?, &Rfc3339).ok()?;
        Some((until.unix_timestamp() - self.door.verifier.now().seconds()).max(0) / 86_400)
    }
}
