//! The encryption context of SSE-KMS: what a wrapped data key is bound to, and what a key service may decide and log by.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use crate::domain::{BucketName, ObjectKey};

/// The pair that names the object, as with Amazon.
const ARN: &str = "aws:s3:arn";

/// The name of an object in a context.
pub(crate) fn resource(bucket: &BucketName, key: &ObjectKey) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

/// What the client sent, Base64 of a JSON object of strings, with the name of the object in it. A pair of that name that the client
/// sent does not count.
pub(crate) fn bound(client: Option<&str>, resource: &str) -> String {
    let sent = client.and_then(|text| BASE64_STANDARD.decode(text).ok());
    let mut pairs: Map<String, Value> = sent.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    pairs.insert(ARN.to_owned(), Value::from(resource));
    BASE64_STANDARD.encode(Value::Object(pairs).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(context: &str) -> Value {
        serde_json::from_slice(&BASE64_STANDARD.decode(context).expect("Base64")).expect("JSON")
    }

    #[test]
    fn a_context_names_the_object_besides_what_the_client_sent() {
        let name = "arn:aws:s3:::photos/a b/c";
        let key = ObjectKey::new("a b/c".to_owned()).expect("a key");
        assert_eq!(resource(&"photos".parse().expect("a name"), &key), name);
        assert_eq!(opened(&bound(None, name)), serde_json::json!({ "aws:s3:arn": name }));
        let sent = BASE64_STANDARD.encode(r#"{"team":"x","aws:s3:arn":"arn:aws:s3:::other/k"}"#);
        assert_eq!(opened(&bound(Some(&sent), name)), serde_json::json!({ "team": "x", "aws:s3:arn": name }));
    }
}
