//! Entry points of the fuzz targets in `tests/fuzz`: each parser of untrusted input as one function of bytes.
//!
//! Compiled only for tests and with the feature `fuzzing`: no request passes here. A probe panics when a parser does, and
//! when something that must always hold does not.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use crate::clock::{Ambient, Clock, SystemEntropy, random};
use crate::config::S3Config;
use crate::domain::{AccessKey, CanonicalId, Timestamp, User, UserId};
use crate::policy::{AuthorizationRequest, Document};
use crate::s3::auth::{Caller, Identity, KeyError, KeySource, NewKey, NewSession, Payload, TemporaryKey, Verifier};
use crate::s3::body::{self, BodyLimits};
use crate::s3::documents::xml;
use crate::s3::headers::range::{self, Wanted};
use crate::s3::headers::{copy_source, object_headers};
use crate::s3::pipeline::request_target::RequestTarget;
use crate::s3::{form, iam, uri};

/// The longest document a probe reads, in bytes: what matters happens early.
const BYTES_MAX: usize = 64 << 10;
/// 24 May 2013, midnight: the date of the seeds.
const MIDNIGHT: i64 = 1_369_353_600;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime without I/O needs nothing")
});

/// A key source in which every key exists, with an unknown secret.
#[derive(Debug)]
struct AnyKeySource(Zeroizing<String>);

#[async_trait]
impl KeySource for AnyKeySource {
    async fn access_key(&self, id: &str) -> Result<Option<Arc<Caller>>, KeyError> {
        let user = User {
            id: UserId(1),
            name: "stranger".to_owned(),
            canonical_id: CanonicalId("ab".repeat(32)),
            root: false,
            created_at: Timestamp(0),
        };
        let (id, secret) = (id.to_owned(), self.0.clone());
        let caller = Caller::new(AccessKey {
            id,
            secret,
            user,
            principal_policies: None,
            session: None,
            account_policies: Vec::new(),
        });
        caller.map(|caller| Some(Arc::new(caller))).map_err(|error| KeyError::Damaged(error.to_string()))
    }

    async fn temporary_key(&self, id: &str, _token: &str) -> Result<Option<Arc<Caller>>, KeyError> {
        self.access_key(id).await
    }

    fn used(&self, key: &AccessKey, _service: &'static str, _region: &str) {
        panic_now(&format!("a forged signature was accepted: {key:?}"));
    }

    fn draw(&self) -> NewKey {
        NewKey { id: String::new(), secret: Zeroizing::default(), sealed_secret: Vec::new() }
    }

    fn draw_temporary(&self, _caller: &AccessKey, _session: &NewSession) -> TemporaryKey {
        let (id, token) = (String::new(), String::new());
        TemporaryKey { id, secret: Zeroizing::default(), token, expires_at: 0 }
    }
}

#[derive(Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::default().plus_seconds(MIDNIGHT)
    }
}

fn panic_now(what: &str) {
    assert!(what.is_empty(), "{what}");
}

fn verifier() -> Verifier {
    let entropy = Arc::new(SystemEntropy);
    let secret = Zeroizing::new(hex::encode(random::<20>(entropy.as_ref())));
    Verifier::new(Arc::new(AnyKeySource(secret)), S3Config::default(), Ambient { clock: Arc::new(FixedClock), entropy })
}

static VERIFIER: LazyLock<Verifier> = LazyLock::new(verifier);

/// `METHOD TARGET`, then lines of `name: value`, as far as HTTP would accept it.
fn head(text: &str) -> Option<Parts> {
    let mut lines = text.split('\n');
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(target).body(()).ok()?;
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        let (name, value) = (HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
        request.headers_mut().append(name, value);
    }
    Some(request.into_parts().0)
}

/// The signature of a request, in its header or its query, of version 4 or 2. Nobody can have signed it.
pub fn signature(bytes: &[u8]) {
    let Some(head) = std::str::from_utf8(bytes).ok().and_then(head) else { return };
    let Ok(target) = RequestTarget::read(&head, &["s3.example.com".to_owned()]) else { return };
    let verified = RUNTIME.block_on(VERIFIER.verify(&head, &target));
    let anonymous = verified.map_or(true, |verified| matches!(verified.identity, Identity::Anonymous));
    assert!(anonymous, "somebody was known");
    let _ = RUNTIME.block_on(VERIFIER.verify_action(&head, &target, std::future::ready(Ok(bytes))));
}

/// A body in chunks. The first byte says how long the content is to be; no more may come out.
pub fn chunks(bytes: &[u8]) {
    let Some((first, content)) = bytes.split_first() else { return };
    let mut request = Request::new(());
    let headers = request.headers_mut();
    headers.insert("x-amz-decoded-content-length", HeaderValue::from(u64::from(*first)));
    headers.insert("x-amz-trailer", HeaderValue::from_static("x-amz-checksum-crc32"));
    let head = request.into_parts().0;
    let (limits, content) = (BodyLimits::default(), Bytes::copy_from_slice(content));
    RUNTIME.block_on(async {
        let Ok((_, mut incoming)) = body::open(Payload::UnsignedTrailer, &head, Body::from(content), &limits) else {
            return;
        };
        let mut came = 0;
        while let Ok(Some(piece)) = incoming.next().await {
            came += piece.len();
        }
        assert!(came <= usize::from(*first), "{came} bytes where {first} were announced");
    });
}

/// The XML of a request.
pub fn document(bytes: &[u8]) {
    for root in ["Delete", "CompleteMultipartUpload", "Tagging", "CORSConfiguration", "LifecycleConfiguration"] {
        let _ = xml::parse(bytes, root);
    }
}

/// A policy document, wherever it may be put.
pub fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(document) = Document::parse(text, BYTES_MAX) else { return };
    let _ = (document.check_bucket("photos"), document.check_identity(), document.check_trust());
    let keys = |key: &str| (key == "aws:sourceip").then(|| crate::policy::Value::from("10.0.0.1"));
    let resource = "arn:aws:s3:::photos/some/key";
    for action in ["s3:GetObject", "iam:CreateUser", "sts:AssumeRole"] {
        let question = AuthorizationRequest { caller: None, action, resource, keys: &keys };
        let _ = document.evaluate(&question);
    }
    let _ = document.is_public();
}

/// A `Range` header after eight bytes of size. What is wanted lies inside.
pub fn ranges(bytes: &[u8]) {
    let Some((size, header)) = bytes.split_first_chunk::<8>() else { return };
    let (size, Ok(header)) = (u64::from_le_bytes(*size), std::str::from_utf8(header)) else { return };
    if let Wanted::Part(part) = range::resolve(header, size) {
        assert!(part.start < part.end && part.end <= size, "{part:?} of {size}");
    }
    if let Ok(part) = range::exact(header, size) {
        assert!(part.start < part.end && part.end <= size, "{part:?} of {size}");
    }
}

/// A form from a browser, with the boundary `b`. Nobody can have signed it.
pub fn forms(bytes: &[u8]) {
    let mut request = Request::new(());
    request.headers_mut().insert("content-type", HeaderValue::from_static("multipart/form-data; boundary=b"));
    let (head, limits) = (request.into_parts().0, BodyLimits::default());
    let body = Body::from(Bytes::copy_from_slice(bytes));
    RUNTIME.block_on(async {
        let Ok(mut form) = form::parse(&VERIFIER, "photos", &head, body, &limits).await else { return };
        assert!(matches!(form.identity, Identity::Anonymous), "somebody was known");
        let mut came = 0;
        while let Ok(Some(piece)) = form.body.next().await {
            came += piece.len();
        }
        assert!(came <= bytes.len(), "{came} bytes out of {}", bytes.len());
    });
}

/// `x-amz-copy-source`. What is read can be written and read again.
pub fn copy_sources(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(source) = copy_source::read(text) else { return };
    let mut again = format!("{}/", source.bucket);
    uri::encode_path(source.key.as_str().as_bytes(), &mut again);
    let read = copy_source::read(&again).expect("what was read can be read again");
    assert_eq!((read.bucket, read.key), (source.bucket, source.key));
}

/// A host and, after a line break, a target. Whatever is read has a valid name.
pub fn hosts(bytes: &[u8]) {
    let Some((host, raw)) = std::str::from_utf8(bytes).ok().and_then(|text| text.split_once('\n')) else { return };
    let Ok(target) = RequestTarget::parse(host, raw, &["s3.example.com".to_owned()]) else { return };
    let _ = (target.resource(), target.refuse_repeated(|_| true));
}

/// The form of an action of IAM or STS.
pub fn actions(bytes: &[u8]) {
    iam::probe(bytes);
}

/// The headers of an object: lines of `name: value`. What is kept can be written.
pub fn metadata(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some(head) = head(&format!("PUT /b/k\n{text}")) else { return };
    let Ok(attributes) = object_headers::read(&head.headers) else { return };
    let mut headers = http::HeaderMap::new();
    object_headers::write(&attributes, &mut headers);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Every seed and every input that once did harm passes its probe.
    #[test]
    fn the_corpus_does_no_harm() {
        type Probe = fn(&[u8]);
        let probes: [(&str, Probe); 10] = [
            ("signature", super::signature),
            ("chunks", super::chunks),
            ("document", super::document),
            ("policy", super::policy),
            ("ranges", super::ranges),
            ("forms", super::forms),
            ("copy_sources", super::copy_sources),
            ("hosts", super::hosts),
            ("actions", super::actions),
            ("metadata", super::metadata),
        ];
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus");
        for (name, probe) in probes {
            let folder = corpus.join(name);
            let mut inputs = 0;
            for file in std::fs::read_dir(&folder).expect("a folder of seeds") {
                probe(&std::fs::read(file.expect("a file").path()).expect("a seed"));
                inputs += 1;
            }
            assert!(inputs > 0, "{} is empty", folder.display());
            for input in [&b""[..], b"\0", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff", &[b'a'; 5_000]] {
                probe(input);
            }
        }
    }
}
