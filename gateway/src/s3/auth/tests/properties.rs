//! What holds for every request.

use futures::FutureExt;
use proptest::prelude::*;

use super::*;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing here waits")
}

/// Text as it may stand in a header: some of it beyond ASCII, with spaces inside and around.
fn value() -> impl Strategy<Value = String> {
    "[ -~é ]{0,24}"
}

fn query() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(("[a-zA-Z0-9 +/%=é~._-]{1,8}", "[a-zA-Z0-9 +/%&=é~._*-]{0,12}"), 0..5)
}

/// A path in Amazon's encoding, and the same as another client may write it.
fn paths(bytes: &[u8], raw: u64) -> (String, String) {
    let (mut encoded, mut wire) = ("/".to_owned(), "/".to_owned());
    uri::encode_path(bytes, &mut encoded);
    for (index, byte) in bytes.iter().enumerate() {
        let loose = byte.is_ascii_graphic() && !b"%?#\"<>\\^`{|}".contains(byte) && raw >> (index % 64) & 1 == 1;
        let always = byte.is_ascii_alphanumeric() && raw >> ((index + 7) % 64) & 1 == 0;
        if loose || always {
            wire.push(char::from(*byte));
        } else {
            wire.push_str(&format!("%{byte:02x}"));
        }
    }
    (encoded, wire)
}

fn targets(path: &[u8], query: &[(String, String)], raw: u64) -> (String, String) {
    let (mut encoded, mut wire) = paths(path, raw);
    for (index, (name, value)) in query.iter().enumerate() {
        let mark = if index == 0 { '?' } else { '&' };
        for target in [&mut encoded, &mut wire] {
            target.push(mark);
            uri::encode_query(name.as_bytes(), target);
            target.push('=');
            uri::encode_query(value.as_bytes(), target);
        }
        if raw >> 63 == 1 {
            wire = wire.replace("%20", "+");
        }
    }
    (encoded, wire)
}

proptest! {
    #[test]
    fn what_a_client_signs_is_verified_however_the_target_is_written(
        path in prop::collection::vec(any::<u8>(), 0..24), query in query(), meta in value(), raw: u64,
    ) {
        let (encoded, wire) = targets(&path, &query, raw & !(1 << 63));
        let signed = Client::default().sign("PUT", &encoded, &[("host", "h"), ("x-amz-meta-a", &meta)], NOTHING);
        let signed: Vec<_> = signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let head = head("PUT", "/", &signed);
        let verified = block_on(verifier().verify(&head, &wire_target(&head, &wire).expect("a target")));
        prop_assert!(verified.is_ok(), "{wire} {:#?}", verified.expect_err("failed").fields);
    }

    #[test]
    fn one_changed_byte_of_the_target_is_refused(
        path in prop::collection::vec(any::<u8>(), 1..24), at: prop::sample::Index, flip in 1u8..=255,
    ) {
        let (encoded, _) = paths(&path, 0);
        let mut other = path.clone();
        *at.get_mut(&mut other) ^= flip;
        let head = Client::default().request("GET", &encoded, &[("host", "h")], NOTHING);
        let refused = block_on(verifier().verify(&head, &wire_target(&head, &paths(&other, 0).0).expect("a target"))).expect_err("refused");
        prop_assert_eq!(refused.code, Code::SignatureDoesNotMatch);
    }

    #[test]
    fn the_engine_and_our_own_canonical_request_agree(
        path in prop::collection::vec(any::<u8>(), 0..24), query in query(), one in value(), two in value(), payload in "[A-Z-]{1,20}",
    ) {
        let query = Query::parse(targets(&[], &query, 0).0.split_once('?').unwrap_or_default().1).expect("parses");
        let signable = canonical::Signable {
            method: "POST",
            path: paths(&path, 0).0,
            query: canonical::Signable::encode_query(&query),
            headers: vec![
                ("x-amz-meta-b".into(), one.as_str().into()),
                ("host".into(), "h:1".into()),
                ("x-amz-meta-b".into(), two.as_str().into()),
                ("content-type".into(), "a/b".into()),
            ],
            payload: payload.as_str().into(),
        };
        let engine = engine::signature(&signable, MIDNIGHT, ("eu-1", Service::S3), SECRET).expect("signs");
        let to_sign = canonical::string_to_sign(MIDNIGHT, ("eu-1", Service::S3), &signable.canonical());
        let key = v4::generate_signing_key(SECRET, time::system(MIDNIGHT), "eu-1", "s3");
        prop_assert_eq!(hex::encode(engine), v4::calculate_signature(key, to_sign.as_bytes()), "{}", signable.canonical());
    }

    #[test]
    fn garbage_is_refused_and_never_panics(
        target in "[ -~é]{0,60}", authorization in "(AWS4-HMAC-SHA256 |AWS )?[ -~]{0,80}", names in "[a-z;-]{0,20}", date in "[0-9TZ]{0,17}",
    ) {
        let full = format!(
            "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders={names},Signature={}", "0".repeat(64)
        );
        for authorization in [authorization, full] {
            let head = head("GET", "/", &[("host", "h"), ("x-amz-date", &date), ("authorization", &authorization)]);
            for target in [&target, &format!("/{target}"), &format!("/?X-Amz-Credential={KEY}&{target}")] {
                let Ok(target) = wire_target(&head, target) else { continue };
                prop_assert!(block_on(verifier().verify(&head, &target)).is_err());
            }
        }
    }

    #[test]
    fn text_sent_as_latin_1_is_the_text_that_was_signed(text in "[a-zé]{1,12}") {
        let mut head = Client::default().request("PUT", "/b/k", &[("host", "h"), ("x-amz-meta-a", &text)], NOTHING);
        let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
        head.headers.insert("x-amz-meta-a", HeaderValue::from_bytes(&latin).expect("valid"));
        prop_assert!(block_on(verifier().verify(&head, &wire_target(&head, "/b/k").expect("a target"))).is_ok());
    }
}
