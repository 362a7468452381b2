//! Server-side encryption headers: the key of a request, what a write asks for, and the headers of responses.
//!
//! Everything is encrypted with the gateway's own keys anyway, which is what `AES256` asks for. A client's key (SSE-C) or
//! one of the key service (SSE-KMS) comes on top.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest as _, Md5};
use zeroize::{Zeroize as _, Zeroizing};

use crate::domain::{ContentEncryption, ContentKey};
use crate::objects::DataKey;
use crate::policy::Value;
use crate::s3::error::{Code, S3Error};

const SSE: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");
const KMS_KEY: HeaderName = HeaderName::from_static("x-amz-server-side-encryption-aws-kms-key-id");
const KMS_CONTEXT: HeaderName = HeaderName::from_static("x-amz-server-side-encryption-context");
const BUCKET_KEY: HeaderName = HeaderName::from_static("x-amz-server-side-encryption-bucket-key-enabled");
const ALGORITHM: HeaderName = HeaderName::from_static("x-amz-server-side-encryption-customer-algorithm");
const KEY_MD5: HeaderName = HeaderName::from_static("x-amz-server-side-encryption-customer-key-md5");

/// The longest encryption context, in bytes of JSON.
const CONTEXT_BYTES_MAX: usize = 8_192;

/// Where in a request a client's key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyRole {
    /// The key of what is written or read.
    Own,
    /// The key of what is copied.
    Source,
}

/// What a write asks for.
#[derive(Clone, Debug, Default)]
pub enum Encryption {
    /// Nothing: the bucket's default.
    #[default]
    Nothing,
    /// The gateway's own keys and no other.
    Gateway,
    /// The client's key.
    Customer(DataKey),
    /// A key of the key service.
    Kms {
        /// Its name; `None` for the default one.
        key: Option<String>,
        /// The encryption context: Base64 of JSON.
        context: Option<String>,
        /// Whether a bucket key is wanted, where that was said.
        bucket_key: Option<bool>,
    },
}

/// The value of a condition key about encryption, without `s3:`. Like Amazon's, it is what the write asks for: policies
/// are asked before the bucket's default is looked at.
#[must_use]
pub fn condition_value<'a>(requested: &'a Encryption, name: &str) -> Option<Value<'a>> {
    match (name, requested) {
        ("x-amz-server-side-encryption", Encryption::Gateway) => Some(Value::from("AES256")),
        ("x-amz-server-side-encryption", Encryption::Kms { .. }) => Some(Value::from("aws:kms")),
        ("x-amz-server-side-encryption-aws-kms-key-id", Encryption::Kms { key, .. }) => key.as_deref().map(Value::from),
        ("x-amz-server-side-encryption-customer-algorithm", Encryption::Customer(_)) => Some(Value::from("AES256")),
        _ => None,
    }
}

/// The key a client sent to write a part with.
///
/// # Errors
/// Amazon's words for a key that is none.
pub fn customer_key(headers: &HeaderMap) -> Result<Option<DataKey>, S3Error> {
    customer_key_of(headers, KeyRole::Own)
}

/// The key a client sent for what is to be copied. Whether it may come in the clear is [`demand_tls`]'s to say.
///
/// # Errors
/// Amazon's words for a key that is none.
pub fn source_key(headers: &HeaderMap) -> Result<Option<DataKey>, S3Error> {
    customer_key_of(headers, KeyRole::Source)
}

/// The key a client sent to read with. Headers that only a write may have are refused.
///
/// # Errors
/// Amazon's words for a key that is none, and for headers that mean nothing here.
pub fn key_to_read(headers: &HeaderMap) -> Result<Option<DataKey>, S3Error> {
    for name in [SSE, KMS_KEY, KMS_CONTEXT, BUCKET_KEY] {
        if let Some(value) = headers.get(&name) {
            let message = format!("{name} header is not supported for this operation.");
            return Err(S3Error::argument(message, name.as_str(), value.to_str().unwrap_or_default()));
        }
    }
    customer_key(headers)
}

/// Adds the headers about encryption. `request` are the headers of the request: a client's key is echoed by its MD5 alone,
/// which is not kept.
pub fn show(encryption: Option<&ContentEncryption>, request: &HeaderMap, reply: &mut HeaderMap) {
    match encryption.map(|encryption| &encryption.key) {
        None => {
            reply.insert(SSE, const { HeaderValue::from_static("AES256") });
        }
        Some(ContentKey::Customer(_)) => {
            reply.insert(ALGORITHM, const { HeaderValue::from_static("AES256") });
            if let Some(md5) = request.get(&KEY_MD5) {
                reply.insert(KEY_MD5, md5.clone());
            }
        }
        Some(ContentKey::Kms(key)) => {
            reply.insert(SSE, const { HeaderValue::from_static("aws:kms") });
            if let Ok(id) = HeaderValue::from_str(&key.id) {
                reply.insert(KMS_KEY, id);
            }
            if key.bucket_key {
                reply.insert(BUCKET_KEY, const { HeaderValue::from_static("true") });
            }
        }
    }
}

/// Refuses a client's key over plain HTTP, if configured.
///
/// # Errors
/// `InvalidRequest` for a key that came `in_the_clear`.
pub fn demand_tls(headers: &HeaderMap, in_the_clear: bool) -> Result<(), S3Error> {
    let brings_key = headers.keys().any(|name| name.as_str().contains("server-side-encryption-customer-"));
    if in_the_clear && brings_key {
        let message = "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure \
                       connection.";
        return Err(S3Error::with(Code::InvalidRequest, message));
    }
    Ok(())
}

/// Reads what a write asks for.
///
/// # Errors
/// Amazon's words for headers that contradict themselves.
pub fn encryption(headers: &HeaderMap) -> Result<Encryption, S3Error> {
    let method = text(headers, &SSE);
    // Before the key is looked at: which of the two is meant is not known.
    if headers.contains_key(ALGORITHM) && (method.is_some() || headers.contains_key(KMS_KEY)) {
        let message = "Server Side Encryption with Customer provided key is incompatible with the encryption method \
                       specified";
        return Err(S3Error::argument(message, SSE.as_str(), method.unwrap_or_default()));
    }
    let customer = customer_key_of(headers, KeyRole::Own)?;
    if method != Some("aws:kms")
        && let Some(name) = [KMS_KEY, KMS_CONTEXT].into_iter().find(|name| headers.contains_key(name))
    {
        let message = "Server Side Encryption with AWS KMS managed key requires HTTP header \
                       x-amz-server-side-encryption : aws:kms";
        return Err(S3Error::argument(message, name.as_str(), text(headers, &name).unwrap_or_default()));
    }
    match (method, customer) {
        (_, Some(key)) => Ok(Encryption::Customer(key)),
        (None, None) => Ok(Encryption::Nothing),
        (Some("AES256"), None) => Ok(Encryption::Gateway),
        (Some("aws:kms"), None) => {
            let key = text(headers, &KMS_KEY).filter(|id| !id.is_empty()).map(str::to_owned);
            let bucket_key = text(headers, &BUCKET_KEY).map(|word| word.eq_ignore_ascii_case("true"));
            Ok(Encryption::Kms { key, context: context(headers)?, bucket_key })
        }
        (Some("aws:kms:dsse" | "aws:fsx"), None) => Err(Code::NotImplemented.into()),
        (Some(word), None) => {
            Err(S3Error::argument("The encryption method specified is not supported", SSE.as_str(), word))
        }
    }
}

/// The encryption context: Base64 of a JSON object of strings.
fn context(headers: &HeaderMap) -> Result<Option<String>, S3Error> {
    let Some(sent) = text(headers, &KMS_CONTEXT) else { return Ok(None) };
    let decoded = STANDARD.decode(sent).ok().filter(|json| json.len() <= CONTEXT_BYTES_MAX);
    let pairs =
        decoded.and_then(|json| serde_json::from_slice::<std::collections::BTreeMap<String, String>>(&json).ok());
    let refused = || S3Error::argument("The header is not a valid encryption context.", KMS_CONTEXT.as_str(), sent);
    pairs.map(|_| Some(sent.to_owned())).ok_or_else(refused)
}

fn customer_key_of(headers: &HeaderMap, key_role: KeyRole) -> Result<Option<DataKey>, S3Error> {
    let start = match key_role {
        KeyRole::Own => "x-amz-server-side-encryption-customer-",
        KeyRole::Source => "x-amz-copy-source-server-side-encryption-customer-",
    };
    let header = |end: &str| headers.get(format!("{start}{end}")).map(|value| value.to_str().unwrap_or_default());
    let (algorithm, key, md5) = (header("algorithm"), header("key"), header("key-md5"));
    if algorithm.is_none() && key.is_none() && md5.is_none() {
        return Ok(None);
    }
    // The values are secrets or prove one: no error repeats them.
    let refused =
        |message: &'static str| Err(S3Error::with(Code::InvalidArgument, message).field("ArgumentName", SSE.as_str()));
    match algorithm {
        Some("AES256") => {}
        None | Some("") => {
            let message = "Requests specifying Server Side Encryption with Customer provided keys must provide a valid \
                           encryption algorithm.";
            return refused(message);
        }
        Some(word) => {
            let word: String = word.chars().take(80).collect();
            let error = S3Error::new(Code::InvalidEncryptionAlgorithmError).field("ArgumentName", SSE.as_str());
            return Err(error.field("ArgumentValue", word));
        }
    }
    let Some(key) = key else {
        let message = "Requests specifying Server Side Encryption with Customer provided keys must provide an \
                       appropriate secret key.";
        return refused(message);
    };
    let Some(md5) = md5 else {
        let message = "Requests specifying Server Side Encryption with Customer provided keys must provide the client \
                       calculated MD5 of the secret key.";
        return refused(message);
    };
    let decoded = Zeroizing::new(STANDARD.decode(key).unwrap_or_default());
    let Ok(mut bytes) = <[u8; 32]>::try_from(decoded.as_slice()) else {
        return refused("The secret key was invalid for the specified algorithm.");
    };
    if STANDARD.decode(md5).ok().as_deref() != Some(Md5::digest(decoded.as_slice()).as_slice()) {
        return refused("The calculated MD5 hash of the key did not match the hash that was provided.");
    }
    let key = DataKey::new(bytes);
    bytes.zeroize();
    Ok(Some(key))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=";
    const MD5: &str = "DWygnHRtgiJ77HCm+1rvHw==";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let long = |name: &str| HeaderName::try_from(format!("x-amz-server-side-encryption{name}")).unwrap();
        pairs.iter().map(|(name, value)| (long(name), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn each_set_of_headers_has_its_answer() {
        let (algorithm, key, md5) = ("-customer-algorithm", "-customer-key", "-customer-key-md5");
        let whole = [(algorithm, "AES256"), (key, KEY), (md5, MD5)];
        assert!(matches!(encryption(&headers(&[])), Ok(Encryption::Nothing)));
        assert!(matches!(encryption(&headers(&[("", "AES256")])), Ok(Encryption::Gateway)));
        assert!(matches!(encryption(&headers(&whole)), Ok(Encryption::Customer(_))));
        let kms = [("", "aws:kms"), ("-aws-kms-key-id", "k"), ("-context", "eyJhIjoiYiJ9")];
        let Ok(Encryption::Kms { key: Some(id), context: Some(_), bucket_key: None }) = encryption(&headers(&kms))
        else {
            panic!("a key of the service")
        };
        assert_eq!(id, "k");
        let table: &[(&[(&'static str, &str)], Code)] = &[
            (&[("", "aes:kms")], Code::InvalidArgument),
            (&[("", "aws:kms:dsse")], Code::NotImplemented),
            (&[("-aws-kms-key-id", "k")], Code::InvalidArgument),
            (&[("", "AES256"), ("-aws-kms-key-id", "k")], Code::InvalidArgument),
            (&[("", "aws:kms"), ("-context", "no json")], Code::InvalidArgument),
            (&[("", "aws:kms"), ("-context", "W10=")], Code::InvalidArgument),
            (&[(key, KEY), (md5, MD5)], Code::InvalidArgument),
            (&[(algorithm, "AES192"), (key, KEY), (md5, MD5)], Code::InvalidEncryptionAlgorithmError),
            (&[(algorithm, "AES256"), (md5, MD5)], Code::InvalidArgument),
            (&[(algorithm, "AES256"), (key, KEY)], Code::InvalidArgument),
            (&[(algorithm, "AES256"), (key, "c2hvcnQ="), (md5, MD5)], Code::InvalidArgument),
            (&[(algorithm, "AES256"), (key, KEY), (md5, "AAAAAAAAAAAAAAAAAAAAAA==")], Code::InvalidArgument),
            (&[("", "AES256"), whole[0], whole[1], whole[2]], Code::InvalidArgument),
            (&[("", "aws:kms"), whole[0], whole[1], whole[2]], Code::InvalidArgument),
        ];
        for (pairs, code) in table {
            let error = encryption(&headers(pairs)).expect_err("refused");
            assert_eq!(error.code, *code, "{pairs:?}");
            assert!(!format!("{error:?}").contains(KEY), "a key is never repeated");
        }
    }
}
