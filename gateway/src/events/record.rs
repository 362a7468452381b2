//! The documents that targets get: Amazon's event message structure, versions 2.1 and 2.3.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};

use crate::domain::{ETag, ObjectKey, Timestamp, bucket_arn};

/// What a form encodes, but for the space.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// Who asked for a change, and in which request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Who, as policies name them; the gateway itself when it is empty.
    pub principal: String,
    /// From which address.
    pub address: String,
    /// The name of the request.
    pub request: String,
    /// The process that answered it.
    pub host: String,
    /// The event of a write where it is not the usual one of its operation.
    pub event: Option<&'static str>,
}

/// The details of one event.
#[derive(Clone, Debug)]
pub struct EventDetails<'a> {
    /// The event, without `s3:`.
    pub event: &'a str,
    /// The id of the rule that matched.
    pub rule: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// The bucket's owner.
    pub owner: &'a str,
    /// The key.
    pub key: &'a ObjectKey,
    /// Bytes and tag of what was written; nothing of what was deleted, nor of what only the transaction knows.
    pub content: Option<(u64, ETag)>,
    /// The storage class a version moved to.
    pub class: Option<&'a str>,
    /// The gateway's region.
    pub region: &'a str,
    /// When.
    pub at: Timestamp,
    /// Who asked for it.
    pub origin: &'a Origin,
}

/// The record of an event, but for what only the transaction knows.
#[must_use]
pub fn record(details: &EventDetails<'_>) -> Value {
    let mut object = json!({ "key": encoded(details.key.as_bytes()) });
    if let Some((size, etag)) = details.content {
        show_content(&mut object, size, etag);
    }
    let mut record = json!({
        "eventVersion": version_of(details.event),
        "eventSource": "aws:s3",
        "awsRegion": details.region,
        "eventTime": details.at.iso(),
        "eventName": details.event,
        "userIdentity": { "principalId": details.origin.principal },
        "requestParameters": { "sourceIPAddress": details.origin.address },
        "responseElements": {
            "x-amz-request-id": details.origin.request,
            "x-amz-id-2": details.origin.host,
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": details.rule,
            "bucket": {
                "name": details.bucket,
                "ownerIdentity": { "principalId": details.owner },
                "arn": bucket_arn(details.bucket),
            },
            "object": object,
        },
    });
    if let Some(class) = details.class {
        record["lifecycleEventData"] = json!({ "transitionEventData": { "destinationStorageClass": class } });
    }
    record
}

/// The version of the record structure of an event. Later ones add to the first.
fn version_of(event: &str) -> &'static str {
    let later = ["Lifecycle", "ObjectTagging:", "ObjectAcl:"];
    if later.iter().any(|beginning| event.starts_with(beginning)) { "2.3" } else { "2.1" }
}

fn show_content(object: &mut Value, size: u64, etag: ETag) {
    object["size"] = size.into();
    object["eTag"] = etag.to_string().into();
}

/// A record, as text, of a version whose bytes and tag only the transaction knew.
#[must_use]
pub fn with_content(record: &str, size: u64, etag: ETag) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(record) else { return record.to_owned() };
    if let Some(object) = value.pointer_mut("/s3/object") {
        show_content(object, size, etag);
    }
    value.to_string()
}

/// A message with a record to which the transaction's part is added: the place of the event among those of its key, and
/// the version it is about.
#[must_use]
pub fn finished(mut record: Value, sequence: i64, version: Option<&str>) -> String {
    if let Some(object) = record.pointer_mut("/s3/object") {
        object["sequencer"] = format!("{sequence:016X}").into();
        if let Some(version) = version {
            object["versionId"] = version.into();
        }
    }
    json!({ "Records": [record] }).to_string()
}

/// The message that a target gets when a rule begins to name it.
#[must_use]
pub fn test_event(bucket: &str, at: Timestamp, origin: &Origin) -> String {
    let message = json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": at.iso(),
        "Bucket": bucket,
        "RequestId": origin.request,
        "HostId": origin.host,
    });
    message.to_string()
}

/// A key as events show it: as a form encodes it, spaces as `+`.
fn encoded(key: &[u8]) -> String {
    let parts = key.split(|byte| *byte == b' ').map(|part| percent_encode(part, FORM).to_string());
    parts.collect::<Vec<_>>().join("+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_amazons_shape() {
        let origin = Origin {
            principal: "ann".to_owned(),
            address: "10.0.0.1".to_owned(),
            request: "R1".to_owned(),
            host: "H1".to_owned(),
            event: None,
        };
        let key = ObjectKey::new("a b/é+".to_owned()).unwrap();
        let details = EventDetails {
            event: "ObjectCreated:Put",
            rule: "rule",
            bucket: "photos",
            owner: "owner",
            key: &key,
            content: Some((7, ETag::of_content([1; 16]))),
            class: None,
            region: "us-east-1",
            at: Timestamp(1_445_412_480_500_000),
            origin: &origin,
        };
        let message: Value = serde_json::from_str(&finished(record(&details), 255, Some("v1"))).unwrap();
        let record = &message["Records"][0];
        assert_eq!(record["eventTime"], "2015-10-21T07:28:00.500Z");
        assert_eq!(record["s3"]["object"]["key"], "a+b/%C3%A9%2B");
        assert_eq!(record["s3"]["object"]["sequencer"], "00000000000000FF");
        assert_eq!(record["s3"]["object"]["versionId"], "v1");
        assert_eq!(record["s3"]["object"]["eTag"], "01".repeat(16));
        assert_eq!(record["s3"]["bucket"]["arn"], "arn:aws:s3:::photos");
        assert_eq!((record["eventVersion"].as_str(), record.get("lifecycleEventData")), (Some("2.1"), None));
        let moved = EventDetails { event: "LifecycleTransition", content: None, class: Some("GLACIER"), ..details };
        let moved = with_content(&super::record(&moved).to_string(), 9, ETag::of_content([2; 16]));
        let moved: Value = serde_json::from_str(&moved).unwrap();
        assert_eq!((&moved["eventVersion"], &moved["s3"]["object"]["size"]), (&json!("2.3"), &json!(9)));
        assert_eq!(moved["s3"]["object"]["eTag"], "02".repeat(16));
        assert_eq!(moved["lifecycleEventData"]["transitionEventData"]["destinationStorageClass"], "GLACIER");
        let test: Value = serde_json::from_str(&test_event("photos", Timestamp(0), &origin)).unwrap();
        assert_eq!(test["Event"], "s3:TestEvent");
    }
}
