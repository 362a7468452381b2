//! Bodies as clients send them, and as they break.

use std::convert::Infallible;

use bytes::Bytes;
use futures::StreamExt;
use http::Request;

use super::*;
use crate::domain::ChecksumAlgorithm;
use crate::objects::BodyError;
use crate::s3::auth::ChunkSigner;

fn head(method: &str, headers: &[(&str, &str)]) -> Parts {
    let request = headers
        .iter()
        .fold(Request::builder().method(method).uri("/b/k"), |request, (name, value)| request.header(*name, *value));
    request.body(()).expect("a valid request").into_parts().0
}

/// A body that arrives in pieces of this size.
fn pieces(bytes: &[u8], size: usize) -> Body {
    let frames: Vec<_> =
        bytes.chunks(size.max(1)).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
    Body::from_stream(futures::stream::iter(frames))
}

async fn drain(mut body: Box<dyn IncomingBody>) -> Result<(Vec<u8>, Option<(ChecksumAlgorithm, Vec<u8>)>), BodyError> {
    let mut content = Vec::new();
    while let Some(bytes) = body.next().await? {
        content.extend_from_slice(&bytes);
    }
    Ok((content, body.trailing_checksum()))
}

async fn read(
    payload: Payload,
    head: &Parts,
    body: Body,
) -> Result<(Vec<u8>, Option<(ChecksumAlgorithm, Vec<u8>)>), S3Error> {
    let (_, incoming) = open(payload, head, body, &BodyLimits::default())?;
    Ok(drain(incoming).await?)
}

/// Content in signed chunks, as a client of the example signer sends it.
fn signed(chunks: &[&[u8]], trailer: Option<&str>) -> Vec<u8> {
    let mut signer = ChunkSigner::example();
    let mut wire = Vec::new();
    for chunk in chunks.iter().copied().chain([&b""[..]]) {
        wire.extend_from_slice(
            format!("{:x};chunk-signature={}\r\n", chunk.len(), signer.sign_chunk(chunk)).as_bytes(),
        );
        if !chunk.is_empty() {
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
    }
    if let Some(line) = trailer {
        let signature = signer.sign_trailer(format!("{line}\n").as_bytes());
        wire.extend_from_slice(format!("{line}\r\nx-amz-trailer-signature:{signature}\r\n").as_bytes());
    }
    wire.extend_from_slice(b"\r\n");
    wire
}

fn signed_payload(trailer: bool) -> Payload {
    Payload::SignedChunks { context: Box::new(ChunkSigner::example()), trailer }
}

const CRC32: &str = "x-amz-checksum-crc32:DUoRhQ==";

#[tokio::test]
async fn signed_chunks_come_out_whole_however_they_arrive() {
    let wire = signed(&[b"hello ", b"world"], Some(CRC32));
    let head = head("PUT", &[("x-amz-decoded-content-length", "11"), ("x-amz-trailer", "x-amz-checksum-crc32")]);
    for size in 1..=wire.len() {
        let (content, trailer) = read(signed_payload(true), &head, pieces(&wire, size)).await.expect("decodes");
        assert_eq!(content, b"hello world", "in pieces of {size}");
        assert_eq!(trailer, Some((ChecksumAlgorithm::Crc32, vec![0x0d, 0x4a, 0x11, 0x85])));
    }
}

#[tokio::test]
async fn every_flipped_byte_of_a_signed_body_is_refused() {
    let wire = signed(&[b"hello ", b"world"], Some(CRC32));
    let head = head("PUT", &[("x-amz-decoded-content-length", "11"), ("x-amz-trailer", "x-amz-checksum-crc32")]);
    for at in 0..wire.len() - 4 {
        for flip in [0x01, 0x80] {
            let mut broken = wire.clone();
            broken[at] ^= flip;
            let outcome = read(signed_payload(true), &head, pieces(&broken, 64)).await;
            assert!(outcome.is_err(), "byte {at} ({:?})", char::from(wire[at]));
        }
    }
}

#[tokio::test]
async fn nothing_of_a_chunk_is_released_before_its_signature_is_verified() {
    let mut wire = signed(&[&[b'a'; 200_000], &[b'b'; 300_000]], None);
    let end = wire.windows(5).position(|bytes| bytes == b"b\r\n0;").expect("there");
    wire[end] = b'c';
    let head = head("PUT", &[("x-amz-decoded-content-length", "500000")]);
    let (_, mut body) =
        open(signed_payload(false), &head, pieces(&wire, 50_000), &BodyLimits::default()).expect("opens");
    let mut released = 0;
    let error = loop {
        match body.next().await {
            Ok(Some(bytes)) => {
                assert!(bytes.iter().all(|byte| *byte == b'a'));
                released += bytes.len();
            }
            Ok(None) => panic!("a clean end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, BodyError::BadChunkSignature));
    assert_eq!(released, 200_000);
}

#[tokio::test]
async fn chunks_cannot_be_reordered_repeated_dropped_or_truncated() {
    let parts = [&b"one"[..], b"two"];
    let head = head("PUT", &[("x-amz-decoded-content-length", "6")]);
    let wire = signed(&parts, None);
    let line = b"3;chunk-signature=".len() + 64 + 2 + 3 + 2;
    let (one, two, end) = (&wire[..line], &wire[line..2 * line], &wire[2 * line..]);
    for (what, broken) in [
        ("reordered", [two, one, end].concat()),
        ("repeated", [one, one, end].concat()),
        ("dropped", [one, end].concat()),
        ("no end", [one, two].concat()),
        ("in the middle", wire[..line + 10].to_vec()),
        ("extra", [one, two, end, b"x"].concat()),
        ("two bodies", [one, two, end, one].concat()),
        ("empty", Vec::new()),
    ] {
        assert!(read(signed_payload(false), &head, pieces(&broken, 32)).await.is_err(), "{what}");
    }
    assert!(read(signed_payload(false), &head, pieces(&wire, 32)).await.is_ok());
}

#[tokio::test]
async fn the_decoded_length_is_exact() {
    let wire = b"5\r\nhello\r\n0\r\n\r\n";
    for (length, code) in [
        (Some("5"), None),
        (Some("4"), Some(Code::InvalidRequest)),
        (Some("6"), Some(Code::IncompleteBody)),
        (Some("-5"), Some(Code::MissingContentLength)),
        (Some("+5"), Some(Code::MissingContentLength)),
        (None, Some(Code::MissingContentLength)),
        (Some("18446744073709551615"), Some(Code::EntityTooLarge)),
    ] {
        let headers: Vec<_> = length.map(|length| ("x-amz-decoded-content-length", length)).into_iter().collect();
        let outcome = read(Payload::UnsignedTrailer, &head("PUT", &headers), pieces(wire, 3)).await;
        assert_eq!(outcome.err().map(|error| error.code), code, "{length:?}");
    }
}

#[tokio::test]
async fn an_announced_trailer_must_come_unless_its_value_is_in_the_head() {
    let announced = [("x-amz-decoded-content-length", "11"), ("x-amz-trailer", "x-amz-checksum-crc32")];
    let bare = b"b\r\nhello world\r\n0\r\n\r\n";
    let missing = read(Payload::UnsignedTrailer, &head("PUT", &announced), pieces(bare, 7)).await.expect_err("refused");
    assert_eq!(missing.code, Code::MalformedTrailerError);

    let in_head = head("PUT", &[announced[0], announced[1], ("x-amz-checksum-crc32", "DUoRhQ==")]);
    let (promise, body) =
        open(Payload::UnsignedTrailer, &in_head, pieces(bare, 7), &BodyLimits::default()).expect("opens");
    assert!(!promise.trailer_required);
    assert_eq!(promise.checksum.expect("promised").value, [0x0d, 0x4a, 0x11, 0x85]);
    assert_eq!(drain(body).await.expect("decodes"), (b"hello world".to_vec(), None));

    let unsigned_trailer = signed(&[b"hello world"], None);
    let unsigned_trailer = [&unsigned_trailer[..unsigned_trailer.len() - 2], CRC32.as_bytes(), b"\r\n\r\n"].concat();
    let forged = read(signed_payload(true), &head("PUT", &announced), pieces(&unsigned_trailer, 9)).await;
    assert_eq!(forged.expect_err("refused").code, Code::SignatureDoesNotMatch);
}

#[tokio::test]
async fn a_signed_chunk_is_bounded_and_held_within_the_budget() {
    let limits = BodyLimits { chunk_bytes_max: 1 << 20, ..BodyLimits::default() };
    let size = (1 << 20) + 1;
    let wire = signed(&[&vec![0; size]], None);
    let head = head("PUT", &[("x-amz-decoded-content-length", &size.to_string())]);
    let (_, body) = open(signed_payload(false), &head, pieces(&wire, 65_536), &limits).expect("opens");
    assert!(matches!(drain(body).await, Err(BodyError::BadChunking(_))));

    let all = BodyLimits::default();
    let free = all.chunk_budget.free_bytes();
    let (_, body) = open(signed_payload(false), &head, pieces(&wire, 1_000), &all).expect("opens");
    assert_eq!(drain(body).await.expect("decodes").0.len(), size);
    assert_eq!(all.chunk_budget.free_bytes(), free, "everything is given back");
}

#[tokio::test(start_paused = true)]
async fn who_announces_a_large_chunk_and_sends_it_slowly_keeps_nobody_else_from_writing() {
    let limits = BodyLimits { chunk_budget: ChunkBudget::new(16 << 20), ..BodyLimits::default() };
    let size = 16 << 20;
    let wire = signed(&[&vec![0; size]], None);
    let whole = head("PUT", &[("x-amz-decoded-content-length", &size.to_string())]);
    let trickle = futures::stream::unfold(wire, |mut rest| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let next = rest.split_off(rest.len().min(10_000));
        Some((Ok::<_, Infallible>(Bytes::from(rest)), next))
    });
    let (_, slow) = open(signed_payload(false), &whole, Body::from_stream(trickle), &limits).expect("opens");
    let small = signed(&[b"hello"], None);
    let other = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let began = tokio::time::Instant::now();
        let (_, body) = open(
            signed_payload(false),
            &head("PUT", &[("x-amz-decoded-content-length", "5")]),
            pieces(&small, 65_536),
            &limits,
        )
        .expect("opens");
        (drain(body).await, began.elapsed())
    };
    let (slow, (other, waited)) = futures::join!(drain(slow), other);
    assert!(matches!(slow, Err(BodyError::TooSlow)), "{slow:?}");
    assert_eq!(other.expect("is written").0, b"hello");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn who_sent_a_chunk_quickly_is_not_ended_because_it_was_stored_slowly() {
    let limits = BodyLimits { chunk_budget: ChunkBudget::new(1 << 20), ..BodyLimits::default() };
    let wire = signed(&[&vec![0; 1 << 20], b"the end"], None);
    let rest = wire.len() - 200;
    let (first, last) = (Bytes::copy_from_slice(&wire[..rest]), Bytes::copy_from_slice(&wire[rest..]));
    let sender = futures::stream::iter([first]).chain(futures::stream::once(async {
        tokio::time::sleep(Duration::from_secs(21)).await;
        last
    }));
    let length = ((1 << 20) + 7).to_string();
    let whole = head("PUT", &[("x-amz-decoded-content-length", &length)]);
    let body = Body::from_stream(sender.map(Ok::<_, Infallible>));
    let (_, mut quick) = open(signed_payload(false), &whole, body, &limits).expect("opens");
    let mut content = quick.next().await.expect("verified").expect("the first chunk").len();
    let small = signed(&[b"hello"], None);
    let small_head = head("PUT", &[("x-amz-decoded-content-length", "5")]);
    let (_, other) = open(signed_payload(false), &small_head, pieces(&small, 65_536), &limits).expect("opens");
    let other = tokio::spawn(drain(other));
    tokio::time::sleep(Duration::from_secs(20)).await;
    while let Some(bytes) = quick.next().await.expect("nobody ends it") {
        content += bytes.len();
    }
    assert_eq!(content, (1 << 20) + 7);
    assert_eq!(other.await.expect("ends").expect("is written").0, b"hello");
}

#[tokio::test]
async fn a_plain_body_has_the_length_it_says() {
    for (headers, content, code) in [
        (&[("content-length", "5")][..], &b"hello"[..], None),
        (&[("content-length", "6")], b"hello", Some(Code::IncompleteBody)),
        (&[("content-length", "4")], b"hello", Some(Code::EntityTooLarge)),
        (&[("content-length", "0")], b"", None),
        (&[("transfer-encoding", "chunked")], b"hello", None),
        (&[], b"", Some(Code::MissingContentLength)),
        (&[("content-length", "-1")], b"", Some(Code::BadRequest)),
        (&[("content-length", "99999999999999999999")], b"", Some(Code::BadRequest)),
        (&[("content-length", "9223372036854775808")], b"", Some(Code::EntityTooLarge)),
    ] {
        let outcome = read(Payload::Unsigned, &head("PUT", headers), pieces(content, 2)).await;
        assert_eq!(outcome.as_ref().err().map(|error| error.code), code, "{headers:?}");
        if let Ok((read, _)) = outcome {
            assert_eq!(read, content);
        }
    }
    let limits = BodyLimits { object_bytes_max: 4, ..BodyLimits::default() };
    let chunked = head("PUT", &[("transfer-encoding", "chunked")]);
    let (_, body) = open(Payload::Unsigned, &chunked, pieces(b"hello", 2), &limits).expect("opens");
    assert!(matches!(drain(body).await, Err(BodyError::TooLarge)));
}

#[tokio::test]
async fn a_client_that_stops_sending_is_cut_off() {
    let limits = BodyLimits { idle: Duration::from_millis(5), ..BodyLimits::default() };
    let some = futures::stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"5\r\nhe"))]);
    for payload in [Payload::Unsigned, Payload::UnsignedTrailer] {
        let body = Body::from_stream(some.clone().chain(futures::stream::pending()));
        let head = head("PUT", &[("content-length", "50"), ("x-amz-decoded-content-length", "5")]);
        let (_, body) = open(payload, &head, body, &limits).expect("opens");
        assert!(matches!(drain(body).await, Err(BodyError::TooSlow)));
    }
}

#[test]
fn what_the_head_promises_is_collected_or_refused() {
    let promise = |headers: &[(&str, &str)]| {
        let headers = [headers, &[("content-length", "0")]].concat();
        open(Payload::Unsigned, &head("PUT", &headers), Body::empty(), &BodyLimits::default())
            .map(|(promise, _)| promise)
    };
    assert_eq!(promise(&[("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")]).expect("fine").md5.expect("promised")[0], 0xd4);
    let named = promise(&[("x-amz-sdk-checksum-algorithm", "CRC64NVME")]).expect("fine");
    assert_eq!((named.algorithm, named.checksum), (Some(ChecksumAlgorithm::Crc64nvme), None));
    let valued =
        promise(&[("x-amz-checksum-sha1", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="), ("x-amz-sdk-checksum-algorithm", "sha1")]);
    assert_eq!(valued.expect("fine").algorithm, Some(ChecksumAlgorithm::Sha1));
    for (headers, code) in [
        (&[("content-md5", "not base64")][..], Code::InvalidDigest),
        (&[("content-md5", "AAAA")], Code::InvalidDigest),
        (&[("x-amz-checksum-crc32", "bad")], Code::InvalidRequest),
        (&[("x-amz-checksum-crc32", "AAAAAAAAAAA=")], Code::InvalidRequest),
        (&[("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-crc32c", "AAAAAA==")], Code::InvalidRequest),
        (&[("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-crc32", "AAAAAA==")], Code::InvalidRequest),
        (&[("x-amz-checksum-xxhash32", "AAAAAA==")], Code::InvalidRequest),
        (&[("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-sdk-checksum-algorithm", "SHA256")], Code::InvalidRequest),
        (&[("x-amz-sdk-checksum-algorithm", "ROT13")], Code::InvalidRequest),
        (&[("x-amz-trailer", "x-amz-checksum-crc32")], Code::InvalidRequest),
        (&[("x-amz-trailer", "x-amz-meta-a")], Code::InvalidRequest),
        (&[("x-amz-trailer", "x-amz-checksum-crc32,x-amz-checksum-sha1")], Code::InvalidRequest),
    ] {
        assert_eq!(promise(headers).expect_err("refused").code, code, "{headers:?}");
    }
    assert!(
        promise(&[
            ("x-amz-checksum-mode", "ENABLED"),
            ("x-amz-checksum-algorithm", "CRC32"),
            ("x-amz-checksum-type", "COMPOSITE")
        ])
        .is_ok()
    );
}

#[tokio::test]
async fn a_small_body_is_read_whole_and_verified() {
    let sha256 = |content: &[u8]| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
        Payload::Digest(digest.as_ref().try_into().expect("32 bytes"))
    };
    let good = ("x-amz-checksum-crc32", "DUoRhQ==");
    let length = ("content-length", "11");
    for (payload, headers, integrity, code) in [
        (Payload::Unsigned, &[length][..], Integrity::Optional, None),
        (Payload::Unsigned, &[length], Integrity::Required, Some(Code::InvalidRequest)),
        (Payload::Unsigned, &[length, good], Integrity::Required, None),
        (Payload::Unsigned, &[length, ("content-md5", "XrY7u+Ae7tCTyyK7j1rNww==")], Integrity::Required, None),
        (
            Payload::Unsigned,
            &[length, ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")],
            Integrity::Required,
            Some(Code::BadDigest),
        ),
        (
            Payload::Unsigned,
            &[length, ("x-amz-checksum-crc32", "DUoRhA==")],
            Integrity::Optional,
            Some(Code::BadDigest),
        ),
        (Payload::Unsigned, &[length, ("x-amz-checksum-crc32", "DUoRhA==")], Integrity::OfObject, None),
        (Payload::Unsigned, &[length, ("x-amz-checksum-crc32", "DUoRhA==-2")], Integrity::OfObject, None),
        (sha256(b"hello world"), &[length], Integrity::Optional, None),
        (sha256(b"another"), &[length], Integrity::Optional, Some(Code::XAmzContentSHA256Mismatch)),
        (Payload::Unsigned, &[("content-length", "12")], Integrity::Optional, Some(Code::MaxMessageLengthExceeded)),
        (Payload::Unsigned, &[("transfer-encoding", "chunked")], Integrity::Optional, None),
    ] {
        let head = head("POST", headers);
        let outcome =
            read_small(payload, &head, pieces(b"hello world", 4), &BodyLimits::default(), integrity, 11).await;
        assert_eq!(outcome.as_ref().err().map(|error| error.code), code, "{headers:?} {integrity:?}");
        if let Ok(content) = outcome {
            assert_eq!(*content, *b"hello world");
        }
    }
}

#[tokio::test]
async fn a_small_body_may_be_chunked_or_missing() {
    let (limits, bare) = (BodyLimits::default(), head("POST", &[]));
    let nothing = read_small(Payload::Unsigned, &bare, Body::empty(), &limits, Integrity::Optional, 9).await;
    assert!(nothing.expect("empty").is_empty());
    let announced = [("x-amz-decoded-content-length", "11"), ("x-amz-trailer", "x-amz-checksum-crc32")];
    for (checksum, code) in [("DUoRhQ==", None), ("DUoRhA==", Some(Code::BadDigest))] {
        let wire = format!("b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n");
        let body = pieces(wire.as_bytes(), 5);
        let head = head("POST", &announced);
        let outcome =
            read_small(Payload::UnsignedTrailer, &head, body, &BodyLimits::default(), Integrity::Required, 50).await;
        assert_eq!(outcome.err().map(|error| error.code), code);
    }
    let chunked = head("POST", &[("transfer-encoding", "chunked")]);
    let endless =
        read_small(Payload::Unsigned, &chunked, pieces(&[0; 100], 10), &limits, Integrity::Optional, 50).await;
    assert_eq!(endless.expect_err("refused").code, Code::MaxMessageLengthExceeded);
}

#[tokio::test(start_paused = true)]
async fn small_bodies_share_what_they_may_hold() {
    let limits = BodyLimits { documents: ByteBudget::new(1 << 20), ..BodyLimits::default() };
    let read = async |content: &[u8]| {
        let length = content.len().to_string();
        let head = head("POST", &[("content-length", &length)]);
        read_small(Payload::Unsigned, &head, pieces(content, 8_000), &limits, Integrity::Optional, 4 << 20).await
    };
    // What is only announced holds nothing.
    let announced = [("content-length", "4000000")];
    let waiting = head("POST", &announced);
    let mut idle: Vec<_> = (0..100)
        .map(|_| {
            let body = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
            Box::pin(read_small(Payload::Unsigned, &waiting, body, &limits, Integrity::Optional, 4 << 20))
        })
        .collect();
    for reading in &mut idle {
        assert!(futures::poll!(reading).is_pending());
    }
    let first = read(&[b'x'; 200_000]).await.expect("there is room");
    let refused = read(&[b'x'; 200_000]).await.expect_err("no room for a second");
    assert!(refused.code == Code::SlowDown && refused.close, "{refused}");
    drop(first);
    let second = read(&[b'x'; 200_000]).await.expect("the first gave its room back");
    drop(second);
    // A document of many elements holds more than its bytes.
    let tags = read(&b"<a/>".repeat(2_000)).await.expect("there is room");
    let small = read(&[b'x'; 200_000]).await.expect("there is room besides");
    drop(small);
    let more = read(&b"<a/>".repeat(8_000)).await;
    assert_eq!(more.expect_err("no room for so many").code, Code::SlowDown);
    drop(tags);
}

#[test]
fn requests_that_could_be_read_in_two_ways_are_refused() {
    let outcome = |headers: &[(&str, &str)]| check_framing(&head("PUT", headers)).err().map(|error| error.code);
    let host = ("host", "h:9000");
    let many = |count| [vec![host], vec![("x-amz-meta-a", "1"); count - 1]].concat();
    assert_eq!(outcome(&many(HEADERS_MAX)), None);
    assert_eq!(outcome(&many(HEADERS_MAX + 1)), Some(Code::RequestHeaderSectionTooLarge));
    assert_eq!(outcome(&[host]), None);
    assert_eq!(outcome(&[host, ("transfer-encoding", "chunked")]), None);
    assert_eq!(outcome(&[host, ("content-length", "5")]), None);
    for headers in [
        &[host, ("content-length", "5"), ("transfer-encoding", "chunked")][..],
        &[host, ("content-length", "5"), ("content-length", "6")],
        &[host, ("content-length", "5, 5")],
        &[host, ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
    ] {
        assert_eq!(outcome(headers), Some(Code::BadRequest), "{headers:?}");
    }
    assert_eq!(outcome(&[host, ("transfer-encoding", "gzip, chunked")]), Some(Code::NotImplemented));
}

#[tokio::test]
async fn a_client_that_timed_out_was_too_slow() {
    for (kind, slow) in [(std::io::ErrorKind::TimedOut, true), (std::io::ErrorKind::ConnectionReset, false)] {
        let broken = futures::stream::iter([Ok(Bytes::from_static(b"he")), Err(std::io::Error::from(kind))]);
        let head = head("PUT", &[("content-length", "50")]);
        let (_, body) =
            open(Payload::Unsigned, &head, Body::from_stream(broken), &BodyLimits::default()).expect("opens");
        let error = drain(body).await.expect_err("it broke off");
        assert_eq!(matches!(error, BodyError::TooSlow), slow, "{error}");
    }
}
