//! What conditions of policies may ask about a request. Every value comes from what was verified, from what the listener
//! saw, or from the typed input that the handler acts on; none from a header as it was sent. Nothing is worked out before
//! a condition asks for it.

use std::borrow::Cow;

use crate::domain::{Bucket, ObjectKey, RetentionMode, Version};
use crate::policy::{ARN_PREFIX, Value, account_number};
use crate::s3::auth::{Payload, Signature, SignaturePlace, SignatureVersion};
use crate::s3::authz::{acl, request_context};
use crate::s3::headers::copy_source::CopySource;
use crate::s3::headers::{conditions, object_lock, sse, versions};
use crate::s3::pipeline::connection_info::ConnectionInfo;
use crate::s3::pipeline::operation_input::Directive;
use crate::s3::pipeline::request::S3Request;

/// The resource an authorization is about.
#[derive(Clone, Copy)]
pub(crate) struct AccessTarget<'a> {
    pub(crate) bucket: Option<&'a Bucket>,
    /// The name of the bucket, which need not exist.
    pub(crate) name: Option<&'a str>,
    pub(crate) key: Option<&'a ObjectKey>,
    /// The version that is asked for.
    pub(crate) version: Option<&'a str>,
    /// The existing version, when the decision needs it.
    pub(crate) existing: Option<&'a Version>,
    /// Tags that will be set and that the request does not bring: those of the source of a copy.
    pub(crate) tags: Option<&'a [(String, String)]>,
    /// Stands for the prefix of a listing, when checking whether this key could be listed.
    pub(crate) listed: Option<&'a ObjectKey>,
}

impl<'a> AccessTarget<'a> {
    /// A bucket, or a key of it.
    pub(crate) fn of(bucket: &'a Bucket, key: Option<&'a ObjectKey>) -> Self {
        let name = Some(bucket.name.as_str());
        Self { bucket: Some(bucket), name, key, version: None, existing: None, tags: None, listed: None }
    }

    /// The name of what is touched, as policies name it.
    pub(crate) fn resource(&self) -> String {
        match (self.name, self.key) {
            // As on AWS for requests about no one bucket, so that policies for all buckets match it too.
            (None, _) => format!("{ARN_PREFIX}*"),
            (Some(bucket), None) => format!("{ARN_PREFIX}{bucket}"),
            (Some(bucket), Some(key)) => format!("{ARN_PREFIX}{bucket}/{key}"),
        }
    }
}

impl S3Request {
    /// The value of a condition key; keys come in lower case.
    pub(crate) fn condition_value<'a>(&'a self, target: &AccessTarget<'a>, key: &str) -> Option<Value<'a>> {
        match key.split_once(':')? {
            ("aws" | "s3", "resourceaccount") => target.bucket.map(|bucket| Value::from(account_number(bucket.owner))),
            ("aws", name) => self.tag_change(name).or_else(|| request_context::value(&self.state, &self.head, name)),
            ("s3", name) => self
                .tag_condition_value(target, name)
                .or_else(|| self.signature_fact(name))
                .or_else(|| self.listing_fact(target, name))
                .or_else(|| self.input_fact(target, name)),
            _ => None,
        }
    }

    /// What was proven about the request, and the connection it came over.
    fn signature_fact(&self, name: &str) -> Option<Value<'_>> {
        match name {
            "tlsversion" => ConnectionInfo::of(&self.head).tls_version.map(Value::from),
            "signatureversion" => self.signature.map(|signature| Value::from(version_name(signature.version))),
            "authtype" => self.signature.map(|signature| Value::from(place_name(signature.location))),
            "signatureage" => {
                let age = self.signature.and_then(|signature| age_ms(signature, self.state.verifier.now().seconds()));
                age.map(|age| Value::from(age.to_string()))
            }
            "x-amz-content-sha256" => Some(payload_name(&self.payload, self.signature)),
            _ => None,
        }
    }

    /// What a listing lists, as it will be listed.
    fn listing_fact<'a>(&'a self, target: &AccessTarget<'a>, name: &str) -> Option<Value<'a>> {
        if let Some(key) = target.listed {
            return (name == "prefix").then(|| Value::from(key.as_str()));
        }
        let listing = self.input.listing.as_ref()?;
        match name {
            "prefix" => Some(Value::from(listing.prefix.as_str())),
            "delimiter" => Some(listing.delimiter.as_str()).filter(|text| !text.is_empty()).map(Value::from),
            "max-keys" => listing.max_keys.map(|most| Value::from(most.to_string())),
            _ => None,
        }
    }

    /// What the handler will act on.
    fn input_fact<'a>(&'a self, target: &AccessTarget<'a>, name: &str) -> Option<Value<'a>> {
        let input = &self.input;
        let retention = input.lock.retention;
        match name {
            "versionid" => target.version.map(version_id),
            "if-match" => conditions::if_match(&input.condition),
            "if-none-match" => conditions::if_none_match(&input.condition),
            "objectcreationoperation" => target.key.map(|_| Value::from(if input.creates { "true" } else { "false" })),
            "object-lock-mode" => {
                retention.map(|kept| kept.mode).or(self.default_mode()).map(|mode| Value::from(mode.name()))
            }
            "object-lock-retain-until-date" => retention.map(|kept| Value::from(object_lock::end(kept.until))),
            "object-lock-remaining-retention-days" => self.remaining_days().map(|days| Value::from(days.to_string())),
            "object-lock-legal-hold" => input.lock.legal_hold.map(|on| Value::from(object_lock::hold_word(on))),
            "inventoryaccessibleoptionalfields" if !input.inventory_fields.is_empty() => {
                Some(Value::Many(input.inventory_fields.iter().map(|field| Cow::Borrowed(field.name())).collect()))
            }
            "locationconstraint" => input.location.as_deref().map(Value::from),
            "x-amz-object-ownership" => input.ownership.map(|ownership| Value::from(ownership.name())),
            "x-amz-copy-source" => input.copy_source.as_ref().map(source_name),
            "x-amz-metadata-directive" => input.metadata_directive.map(Directive::name).map(Value::from),
            "x-amz-storage-class" => input.storage_class.as_deref().map(Value::from),
            "x-amz-website-redirect-location" => input.attributes.website_redirect.as_deref().map(Value::from),
            "x-amz-server-side-encryption-customer-algorithm" if input.customer_key.is_some() => {
                Some(Value::from("AES256"))
            }
            _ => acl::condition_value(&input.acl, name).or_else(|| sse::condition_value(&input.encryption, name)),
        }
    }

    /// Tags: those that are there, and those that will be set.
    fn tag_condition_value<'a>(&'a self, target: &AccessTarget<'a>, name: &str) -> Option<Value<'a>> {
        let find = |tags: &'a [(String, String)], tag: &str| {
            tags.iter().find(|(key, _)| key == tag).map(|(_, value)| Value::from(value.as_str()))
        };
        if let Some(tag) = name.strip_prefix("existingobjecttag/") {
            return find(target.existing.map(|version| version.attributes.tags.as_slice()).unwrap_or_default(), tag);
        }
        let brought = || target.tags.or(self.input.tags.as_ref().map(crate::domain::TagSet::pairs));
        if let Some(tag) = name.strip_prefix("requestobjecttag/") {
            return find(brought()?, tag);
        }
        if name == "requestobjecttagkeys" {
            return Some(Value::Many(brought()?.iter().map(|(key, _)| Cow::Borrowed(key.as_str())).collect()));
        }
        None
    }

    /// Tags of a bucket, as they will be set or removed.
    fn tag_change(&self, name: &str) -> Option<Value<'_>> {
        let changes = &self.input.tag_changes;
        if let Some(tag) = name.strip_prefix("requesttag/") {
            return changes.iter().find(|change| change.key == tag)?.value.as_deref().map(Value::from);
        }
        if name == "tagkeys" && !changes.is_empty() {
            return Some(Value::Many(changes.iter().map(|change| Cow::Borrowed(change.key.as_str())).collect()));
        }
        None
    }

    /// The mode of a default retention that is being configured.
    fn default_mode(&self) -> Option<RetentionMode> {
        self.input.default_retention.map(|default| default.mode)
    }

    /// Whole days for which the object is to be locked, or new objects of the bucket from now on.
    fn remaining_days(&self) -> Option<i64> {
        const DAY: i64 = 86_400_000_000;
        let wanted = self.input.lock.retention.map(|kept| kept.until.0.saturating_sub(self.state.verifier.now().0));
        let default = || self.input.default_retention.map(|default| default.period.micros());
        wanted.or_else(default).map(|length| length.max(0) / DAY)
    }
}

fn version_name(version: SignatureVersion) -> &'static str {
    match version {
        SignatureVersion::V2 => "AWS",
        SignatureVersion::V4 => "AWS4-HMAC-SHA256",
    }
}

fn place_name(location: SignaturePlace) -> &'static str {
    match location {
        SignaturePlace::Header => "REST-HEADER",
        SignaturePlace::Query => "REST-QUERY-STRING",
        SignaturePlace::Form => "POST",
    }
}

/// How long ago a request was signed that was signed to be sent later, in milliseconds.
fn age_ms(signature: Signature, now: i64) -> Option<i64> {
    let signed_at = signature.signed_at.filter(|_| signature.location != SignaturePlace::Header)?;
    Some(now.saturating_sub(signed_at).max(0).saturating_mul(1_000))
}

/// What the signature vouches for about the body. What it does not cover anybody could have added.
fn payload_name(payload: &Payload, signature: Option<Signature>) -> Value<'static> {
    let covered = signature.is_some_and(|signature| signature.covers_payload);
    match payload {
        Payload::Digest(digest) if covered => Value::from(hex::encode(digest)),
        Payload::UnsignedTrailer if covered => Value::from("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        Payload::SignedChunks { trailer: false, .. } => Value::from("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        Payload::SignedChunks { trailer: true, .. } => Value::from("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
        Payload::Unsigned | Payload::Digest(_) | Payload::UnsignedTrailer => Value::from("UNSIGNED-PAYLOAD"),
    }
}

/// An id in the one way it is written; text that names no version is refused after the decision.
fn version_id(text: &str) -> Value<'_> {
    let name = versions::selector(Some(text)).ok().and_then(crate::domain::VersionSelector::name);
    name.map_or_else(|| Value::from(text), |name| Value::from(name.to_string()))
}

fn source_name(source: &CopySource) -> Value<'static> {
    Value::from(format!("{}/{}", source.bucket, source.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(location: SignaturePlace, signed_at: Option<i64>, covers_payload: bool) -> Signature {
        Signature { version: SignatureVersion::V4, location, signed_at, covers_payload }
    }

    #[test]
    fn only_what_is_signed_to_be_sent_later_has_an_age() {
        for (location, signed_at, age) in [
            (SignaturePlace::Query, Some(100), Some(60_000)),
            (SignaturePlace::Query, Some(200), Some(0)),
            (SignaturePlace::Query, None, None),
            (SignaturePlace::Form, Some(100), Some(60_000)),
            (SignaturePlace::Header, Some(100), None),
        ] {
            assert_eq!(age_ms(signature(location, signed_at, false), 160), age, "{location:?} {signed_at:?}");
        }
    }

    #[test]
    fn a_digest_counts_when_the_signature_covers_it() {
        let digest = Payload::Digest([0xab; 32]);
        let covered = Some(signature(SignaturePlace::Header, None, true));
        let added = Some(signature(SignaturePlace::Query, None, false));
        assert_eq!(payload_name(&digest, covered), Value::from("ab".repeat(32)));
        for (payload, signature) in
            [(&digest, added), (&digest, None), (&Payload::Unsigned, covered), (&Payload::UnsignedTrailer, None)]
        {
            assert_eq!(payload_name(payload, signature), Value::from("UNSIGNED-PAYLOAD"), "{payload:?}");
        }
    }

    #[test]
    fn a_version_has_one_name() {
        let id = "00aabbccddeeff00112233445566778f";
        assert_eq!(version_id(&id.to_uppercase()), Value::from(id));
        assert_eq!(version_id("null"), Value::from("null"));
        assert_eq!(version_id("nonsense"), Value::from("nonsense"));
    }
}
