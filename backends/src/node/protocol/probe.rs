//! Every parser of what the other side sends, for the fuzz targets of `tests/fuzz`: whatever is read must be written the same.

#![expect(clippy::missing_panics_doc, reason = "panics are what the fuzzer looks for")]

use bytes::{BufMut as _, Bytes, BytesMut};
use http::Method;

use super::{
    Acceptance, Authorization, BatchReply, Call, ChallengeRequest, EpochReply, EpochRequest, Failure, FormatRequest,
    GatewayName, Invitation, LengthReply, PageReply, PulseReply, Record, SealReply, SecretRequest, SessionReply,
    SessionRequest, SignedPriceFloor, SpaceReply, SweepReply, TRAILER_BYTES, Trailer, VerdictRecord, VerdictsRequest,
    parse_records, split_answer, write_head,
};

/// The first byte picks a method, the rest is a target.
pub fn calls(bytes: &[u8]) {
    let Some((method, target)) = bytes.split_first() else { return };
    let Ok(target) = std::str::from_utf8(target) else { return };
    let methods = [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::HEAD];
    let method = &methods[usize::from(*method) % methods.len()];
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    if let Ok(call) = Call::parse(method, path, query) {
        assert_eq!((call.method(), call.path()), (method.clone(), path.to_owned()));
        assert_eq!(call.query(), query.unwrap_or_default());
    }
}

/// Headers, names of gateways, and bodies in JSON.
pub fn texts(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(authorization) = text.parse::<Authorization>() {
            assert_eq!(authorization.to_string(), text);
        }
        if let Ok(name) = text.parse::<GatewayName>() {
            assert_eq!(name.to_string(), text);
        }
    }
    if let Ok(request) = SessionRequest::parse(bytes) {
        assert!(!request.text().is_empty());
    }
    if let Ok((challenge, signature)) = ChallengeRequest::parse(bytes) {
        let again = ChallengeRequest {
            stripe: challenge.position.stripe,
            sample: challenge.position.sample,
            epoch: challenge.epoch,
            nonce: hex::encode(challenge.nonce),
            signature,
        };
        assert_eq!(serde_json::from_slice::<ChallengeRequest>(bytes).ok(), Some(again));
    }
    if let Some((proof, signature)) = split_answer(bytes) {
        assert_eq!([proof, &signature].concat(), bytes);
    }
    if let Ok(reports) = VerdictsRequest::parse(bytes) {
        let verdicts = reports.iter().map(VerdictRecord::from).collect();
        assert_eq!(serde_json::from_slice::<VerdictsRequest>(bytes).ok(), Some(VerdictsRequest { verdicts }));
    }
    drop(serde_json::from_slice::<EpochRequest>(bytes).map(|request| request.commitment.bytes()));
    drop(serde_json::from_slice::<EpochReply>(bytes).map(|reply| reply.nonce.bytes()));
    drop(serde_json::from_slice::<SecretRequest>(bytes).map(|request| request.secret.bytes()));
    drop(serde_json::from_slice::<FormatRequest>(bytes));
    drop(serde_json::from_slice::<BatchReply>(bytes));
    drop(serde_json::from_slice::<PageReply>(bytes));
    drop(serde_json::from_slice::<SpaceReply>(bytes));
    drop(serde_json::from_slice::<PulseReply>(bytes));
    drop(serde_json::from_slice::<SealReply>(bytes));
    drop(serde_json::from_slice::<LengthReply>(bytes));
    drop(serde_json::from_slice::<SweepReply>(bytes));
    drop(serde_json::from_slice::<SessionReply>(bytes).map(|reply| reply.id()));
    if let Ok(failure) = serde_json::from_slice::<Failure>(bytes) {
        assert!(failure.code.status() >= 400);
        drop(failure.into_store_error());
    }
}

/// Invitations, their acceptances and price floors, which operators hand each other.
pub fn invitations(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(invitation) = text.parse::<Invitation>() {
        assert_eq!(invitation.to_string(), text);
    }
    if let Ok(acceptance) = text.parse::<Acceptance>() {
        assert_eq!(acceptance.to_string(), text);
        assert!(format!("https://{}", acceptance.address).parse::<http::Uri>().is_ok_and(|uri| uri.path() == "/"));
    }
    if let Ok(floor) = text.parse::<SignedPriceFloor>() {
        assert_eq!(floor.to_string(), text);
    }
}

/// Batches and trailers.
pub fn records(bytes: &[u8]) {
    if let Ok(records) = parse_records(Bytes::copy_from_slice(bytes)) {
        let mut written = BytesMut::new();
        for Record { name, root, bytes } in &records {
            write_head(&mut written, name, root, bytes.len() as u64);
            written.put_slice(bytes);
        }
        assert_eq!(written, bytes);
    }
    if let Some(trailer) = bytes.first_chunk::<TRAILER_BYTES>() {
        assert_eq!(&Trailer::from_bytes(trailer).to_bytes(), trailer);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Every seed and every input that once did harm passes its probe.
    #[test]
    fn the_corpus_does_no_harm() {
        type Probe = fn(&[u8]);
        let probes: [(&str, Probe); 4] = [
            ("node_calls", super::calls),
            ("node_texts", super::texts),
            ("node_records", super::records),
            ("node_invitations", super::invitations),
        ];
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus");
        for (name, probe) in probes {
            let mut inputs = 0;
            for file in std::fs::read_dir(corpus.join(name)).unwrap() {
                let seed = std::fs::read(file.unwrap().path()).unwrap();
                (0..=seed.len()).for_each(|cut| probe(&seed[..cut]));
                inputs += 1;
            }
            assert!(inputs > 0, "{name} is empty");
        }
    }
}
