//! How content is encrypted below its digests, when its key is the client's or a key service's.
//!
//! Every blob is encrypted with a key of its own, wrapped by the cluster's, whatever this says. This comes on top.

use codec::ContentSalt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The encryption of one version, kept with it. Holds no key, only what proves or unwraps one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentEncryption {
    /// Whose key it is.
    pub key: ContentKey,
    /// The runs of content that were enciphered one by one, in order: one for each part, or one. An upload has none yet.
    #[serde(default)]
    pub runs: ContentRuns,
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKey {
    /// The client's, which it sends with every request (SSE-C).
    Customer(KeyCheck),
    /// A data key that a key service has wrapped (SSE-KMS).
    Kms(KmsKey),
}

/// Distinguishes a client's key from others without knowing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCheck {
    /// Random.
    #[serde(with = "hex")]
    pub salt: [u8; 16],
    /// HMAC-SHA-256 of the salt under the key.
    #[serde(with = "hex")]
    pub digest: [u8; 32],
}

/// A data key, wrapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KmsKey {
    /// The name of the service's key.
    pub id: String,
    /// What the service made of the data key.
    #[serde(with = "hex")]
    pub wrapped: Vec<u8>,
    /// The encryption context, which the wrapping is bound to: Base64 of JSON. It names the object; in keys of earlier releases it
    /// is what the client sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// What the client sent as the context, empty for nothing; none in keys of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// The client or its bucket requested a bucket key; echoed and without effect, since keys are local.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bucket_key: bool,
}

impl KmsKey {
    /// The encryption context as the client sent it.
    #[must_use]
    pub fn client_context(&self) -> Option<&str> {
        self.sent.as_deref().map_or(self.context.as_deref(), |sent| Some(sent).filter(|sent| !sent.is_empty()))
    }
}

/// One run of content with a key stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRun {
    /// Bytes; `None` for all that follows.
    pub length: Option<u64>,
    /// What makes its key stream its own.
    pub salt: ContentSalt,
}

/// Runs, as text: `LENGTH:SALT` or `SALT`, joined by commas, because there may be ten thousand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentRuns(pub Vec<ContentRun>);

impl Serialize for ContentRuns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let run = |run: &ContentRun| match run.length {
            Some(length) => format!("{length}:{}", hex::encode(run.salt)),
            None => hex::encode(run.salt),
        };
        serializer.serialize_str(&self.0.iter().map(run).collect::<Vec<_>>().join(","))
    }
}

impl<'de> Deserialize<'de> for ContentRuns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let run = |text: &str| {
            let (length, salt) = match text.split_once(':') {
                Some((length, salt)) => (Some(length.parse().map_err(de::Error::custom)?), salt),
                None => (None, text),
            };
            let mut bytes = ContentSalt::default();
            hex::decode_to_slice(salt, &mut bytes).map_err(de::Error::custom)?;
            Ok(ContentRun { length, salt: bytes })
        };
        text.split(',').filter(|run| !run.is_empty()).map(run).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let runs = |runs: &[(Option<u64>, u8)]| {
            ContentRuns(runs.iter().map(|(length, salt)| ContentRun { length: *length, salt: [*salt; 16] }).collect())
        };
        let kms =
            KmsKey { id: "k".into(), wrapped: vec![1, 2], context: Some("e30=".into()), sent: None, bucket_key: true };
        for (key, runs) in [
            (ContentKey::Customer(KeyCheck { salt: [1; 16], digest: [2; 32] }), runs(&[])),
            (ContentKey::Kms(KmsKey { context: None, bucket_key: false, ..kms.clone() }), runs(&[(None, 3)])),
            (ContentKey::Kms(KmsKey { sent: Some(String::new()), ..kms.clone() }), runs(&[])),
            (ContentKey::Kms(kms), runs(&[(Some(5), 4), (Some(u64::MAX), 5), (None, 6)])),
        ] {
            let encryption = ContentEncryption { key, runs };
            let text = serde_json::to_string(&encryption).unwrap();
            assert_eq!(serde_json::from_str::<ContentEncryption>(&text).unwrap(), encryption, "{text}");
        }
        let kept =
            KmsKey { id: "k".into(), wrapped: vec![], context: Some("e30=".into()), sent: None, bucket_key: false };
        assert_eq!(kept.client_context(), Some("e30="), "of an earlier release");
        assert_eq!(KmsKey { sent: Some(String::new()), ..kept.clone() }.client_context(), None);
        assert_eq!(KmsKey { sent: Some("e31=".into()), ..kept }.client_context(), Some("e31="));
        for damaged in ["x", "5:", "-1:00", ":00", "00112233445566778899aabbccddee"] {
            assert!(serde_json::from_value::<ContentRuns>(damaged.into()).is_err(), "{damaged}");
        }
    }
}
