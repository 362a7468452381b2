//! Challenges and their answers: what both sides sign, and how anybody judges it later.

use codec::{ClusterId, PossessionProof, SamplePosition};
use serde::{Deserialize, Serialize};

use super::call::cluster_text;
use super::{Failure, FailureCode, PublicKey, Signature, SigningKey, canonical};
use crate::{Challenge, SliverName};

/// Bytes of the signature at the end of an answer.
const SIGNATURE_BYTES: usize = 64;

/// Bytes of an answer, at most.
pub const ANSWER_BYTES_MAX: usize = PossessionProof::BYTES_MAX + SIGNATURE_BYTES;

/// A challenge and who is asked about what: everything that is signed, but for the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whose sliver.
    pub cluster: ClusterId,
    /// The node that is asked.
    pub node: PublicKey,
    /// Which sliver.
    pub name: SliverName,
    /// Which bytes of it, when, and the nonce.
    pub challenge: Challenge,
}

impl Question {
    /// The text that the gateway signs.
    #[must_use]
    pub fn challenge_text(&self) -> String {
        self.text("challenge", None)
    }

    /// The text that the node signs, with this proof.
    #[must_use]
    pub fn answer_text(&self, proof: &[u8]) -> String {
        self.text("answer", Some(blake3::hash(proof).to_hex().to_string()))
    }

    fn text(&self, kind: &str, proof_hash: Option<String>) -> String {
        let Challenge { position, epoch, nonce } = &self.challenge;
        let mut fields = vec![
            cluster_text(&self.cluster),
            self.node.to_string(),
            hex::encode(self.name.blob.0),
            self.name.index.to_string(),
            self.name.attempt.to_string(),
            position.stripe.to_string(),
            position.sample.to_string(),
            epoch.to_string(),
            hex::encode(nonce),
        ];
        fields.extend(proof_hash);
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        canonical::text(kind, &fields)
    }
}

/// Whether the node signed this proof as its answer to this challenge. Whether the proof proves anything is for
/// [`PossessionProof::verify`] to say: a signed proof that does not is evidence against the node.
#[must_use]
pub fn verify_answer(
    node: &PublicKey,
    cluster: &ClusterId,
    name: &SliverName,
    challenge: &Challenge,
    proof: &[u8],
    signature: &[u8; 64],
) -> bool {
    let question = Question { cluster: *cluster, node: *node, name: *name, challenge: *challenge };
    node.verifies(&question.answer_text(proof), &Signature(*signature))
}

/// Whether the gateway with this key asked this.
#[must_use]
pub fn verify_challenge(gateway: &PublicKey, question: &Question, signature: &[u8; 64]) -> bool {
    gateway.verifies(&question.challenge_text(), &Signature(*signature))
}

/// The body of `POST /v1/slivers/NAME/proof`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeRequest {
    /// The stripe.
    pub stripe: u32,
    /// Which sample of the stripe's block.
    pub sample: u32,
    /// The epoch.
    pub epoch: u64,
    /// 64 digits.
    pub nonce: String,
    /// Of [`Question::challenge_text`], by the gateway.
    pub signature: Signature,
}

impl ChallengeRequest {
    /// Signs a question.
    #[must_use]
    pub fn sign(question: &Question, key: &SigningKey) -> Self {
        let Challenge { position: SamplePosition { stripe, sample }, epoch, nonce } = question.challenge;
        let signature = key.sign(&question.challenge_text());
        Self { stripe, sample, epoch, nonce: hex::encode(nonce), signature }
    }

    /// Reads one, and the challenge in it. Whether the signature fits is for the caller to see.
    ///
    /// # Errors
    /// [`FailureCode::Malformed`].
    pub fn parse(body: &[u8]) -> Result<(Challenge, Signature), Failure> {
        let malformed = |reason: String| Failure::new(FailureCode::Malformed, reason);
        let request: Self = serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
        let mut nonce = [0; 32];
        let decoded = hex::decode_to_slice(&request.nonce, &mut nonce);
        // One nonce, one text.
        if decoded.is_err() || hex::encode(nonce) != request.nonce {
            return Err(malformed("a nonce has 64 lower-case hexadecimal digits".to_owned()));
        }
        let position = SamplePosition { stripe: request.stripe, sample: request.sample };
        Ok((Challenge { position, epoch: request.epoch, nonce }, request.signature))
    }
}

/// The bytes of an answer: the proof, then the node's signature.
#[must_use]
pub fn sign_answer(question: &Question, proof: &[u8], key: &SigningKey) -> Vec<u8> {
    [proof, &key.sign(&question.answer_text(proof)).0].concat()
}

/// The proof in the bytes of an answer, and the signature; none if they are too few or too many.
#[must_use]
pub fn split_answer(answer: &[u8]) -> Option<(&[u8], [u8; 64])> {
    let (proof, signature) = answer.split_last_chunk()?;
    (answer.len() <= ANSWER_BYTES_MAX).then_some((proof, *signature))
}

#[cfg(test)]
mod tests {
    use codec::BlobId;

    use super::*;

    fn question(key: &SigningKey) -> Question {
        let name = SliverName { blob: BlobId([2; 16]), index: 3, attempt: 4 };
        let challenge = Challenge { position: SamplePosition { stripe: 5, sample: 6 }, epoch: 7, nonce: [8; 32] };
        Question { cluster: ClusterId([1; 16]), node: key.public(), name, challenge }
    }

    #[test]
    fn an_answer_is_good_for_exactly_its_question_and_proof() {
        let key = SigningKey::from_seed(&[1; 32]);
        let asked = question(&key);
        let answer = sign_answer(&asked, b"proof", &key);
        let (proof, signature) = split_answer(&answer).unwrap();
        let is_good = |question: &Question, proof: &[u8]| {
            verify_answer(&question.node, &question.cluster, &question.name, &question.challenge, proof, &signature)
        };
        assert!(is_good(&asked, proof) && !is_good(&asked, b"prooF"));
        let (name, challenge) = (asked.name, asked.challenge);
        let with = |challenge| Question { challenge, ..asked };
        let others = [
            Question { cluster: ClusterId([9; 16]), ..asked },
            Question { node: SigningKey::from_seed(&[2; 32]).public(), ..asked },
            Question { name: SliverName { blob: BlobId([9; 16]), ..name }, ..asked },
            Question { name: SliverName { index: 9, ..name }, ..asked },
            Question { name: SliverName { attempt: 9, ..name }, ..asked },
            with(Challenge { position: SamplePosition { stripe: 9, sample: 6 }, ..challenge }),
            with(Challenge { position: SamplePosition { stripe: 5, sample: 9 }, ..challenge }),
            with(Challenge { epoch: 9, ..challenge }),
            with(Challenge { nonce: [9; 32], ..challenge }),
        ];
        let asked_signature = key.sign(&asked.challenge_text());
        assert!(verify_challenge(&key.public(), &asked, &asked_signature.0));
        for other in others {
            assert!(!is_good(&other, proof), "{other:?}");
            assert!(!verify_challenge(&key.public(), &other, &asked_signature.0), "{other:?}");
        }
        assert_eq!(split_answer(&[0; 63]), None);
        assert_eq!(split_answer(&[0; ANSWER_BYTES_MAX + 1]), None);
    }

    #[test]
    fn the_texts_are_pinned() {
        let key = SigningKey::from_seed(&[1; 32]);
        let fields =
            format!("{}\n{}\n{}\n3\n4\n5\n6\n7\n{}", "01".repeat(16), key.public(), "02".repeat(16), "08".repeat(32));
        assert_eq!(question(&key).challenge_text(), format!("haulout-node/1 challenge\n{fields}"));
        let hash = blake3::hash(b"proof").to_hex();
        assert_eq!(question(&key).answer_text(b"proof"), format!("haulout-node/1 answer\n{fields}\n{hash}"));
    }

    #[test]
    fn a_request_reads_back_and_whatever_else_is_refused() {
        let key = SigningKey::from_seed(&[1; 32]);
        let request = ChallengeRequest::sign(&question(&key), &key);
        let text = serde_json::to_string(&request).unwrap();
        let read = ChallengeRequest::parse(text.as_bytes()).unwrap();
        assert_eq!(read, (question(&key).challenge, request.signature));
        let nonce = "08".repeat(32);
        for wrong in [
            text.replace("\"epoch\"", "\"epochs\""),
            text.replace("{", "{\"more\":1,"),
            text.replace(":5,", ":4294967296,"),
            text.replace(&nonce, "08"),
            text.replace(&nonce, &"0A".repeat(32)),
            String::new(),
        ] {
            assert_eq!(ChallengeRequest::parse(wrong.as_bytes()).unwrap_err().code, FailureCode::Malformed, "{wrong}");
        }
    }
}
