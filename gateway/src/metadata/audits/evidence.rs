//! What an audit's judgement rests on, so that anybody can repeat it: the sample, what it is held against, what was answered, and who signed that.

use backends::node::protocol::{Epoch, PublicKey, verify_answer, verify_epoch_nonce};
use backends::{Challenge, EpochNonce, SliverName};
use codec::{
    BlobId, BlobLayout, ClusterId, PossessionError, PossessionProof, Root, SamplePosition, SliverIdentity, StripeShape,
    WrappedKey,
};
use serde::{Deserialize, Serialize};

/// The evidence of one audit, as JSON. Bytes are hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The cluster.
    pub cluster: String,
    /// Who was asked.
    pub backend: String,
    /// The key of the node that was asked; none of what signs nothing, and in evidence of before keys were noted.
    #[serde(default)]
    pub node_key: Option<PublicKey>,
    /// By which draw, and what decided it beside the epoch's secret.
    pub draw: EvidenceDraw,
    /// About which sliver: what its bytes are held against.
    pub sliver: EvidenceSliver,
    /// What it answered.
    pub answer: EvidenceAnswer,
}

/// How the sample was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceDraw {
    /// The epoch.
    pub epoch: u64,
    /// The hash of the epoch's secret.
    pub commitment: String,
    /// The backend's part in the choice.
    pub backend_nonce: String,
    /// The node's signature under epoch, commitment and its part; none where it gave none.
    #[serde(default)]
    pub backend_nonce_signature: Option<String>,
    /// The highest number of a blob when the epoch began.
    pub serials: u64,
    /// Which draw.
    pub number: u64,
    /// The number of the blob that it named.
    pub serial: u64,
    /// What made the challenge differ from every other.
    pub nonce: String,
    /// The stripe.
    pub stripe: u32,
    /// The sample in its block.
    pub sample: u32,
}

/// The sliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceSliver {
    /// The blob.
    pub blob: String,
    /// Which sliver of it.
    pub index: u8,
    /// Under which attempt.
    pub attempt: u32,
    /// How the blob was encoded.
    pub scheme: String,
    /// Its chunks' bytes.
    pub chunk_bytes: u32,
    /// Its chunks in a full block.
    pub chunks_per_block: u16,
    /// Its content's bytes.
    pub content_len: u64,
    /// Its catalog's bytes.
    pub catalog_len: u32,
    /// Its wrapped key, which the sliver's root covers.
    pub wrapped_key: String,
    /// The root that was recorded when the sliver was written.
    pub root: String,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceAnswer {
    /// It showed something.
    Proof {
        /// The proof.
        proof: String,
        /// A node's signature under challenge and proof; none of what signs nothing.
        signature: Option<String>,
    },
    /// It gave a chunk that decrypts: only who has the blob's key can tell, and the backend could not tell it from a client's read.
    Chunk {
        /// Its sealed bytes.
        bytes: u64,
    },
    /// It showed nothing: the word of the one who asked.
    Nothing {
        /// The kind of error.
        error: String,
        /// What was seen.
        reason: String,
    },
}

/// Why evidence cannot be judged.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the evidence has no valid {0}")]
pub struct EvidenceError(pub &'static str);

impl Evidence {
    /// Whether the proof that was shown leads to the root, and if not, why; none where none was shown.
    ///
    /// # Errors
    /// [`EvidenceError`] when a part of it is malformed.
    pub fn verify_proof(&self) -> Result<Option<Result<(), PossessionError>>, EvidenceError> {
        let EvidenceAnswer::Proof { proof, .. } = &self.answer else { return Ok(None) };
        let proof = hex::decode(proof).map_err(|_| EvidenceError("proof"))?;
        let (identity, root) = self.identity()?;
        let position = SamplePosition { stripe: self.draw.stripe, sample: self.draw.sample };
        Ok(Some(PossessionProof::parse(&proof).and_then(|proof| proof.verify(&identity, &root, position))))
    }

    /// The node that signed the answer; none where nobody did, or nobody noted who: then there is only the word of the one who asked.
    ///
    /// # Errors
    /// [`EvidenceError`] for a signature that is not that node's under this answer, and when a part of the evidence is malformed.
    pub fn signer(&self) -> Result<Option<PublicKey>, EvidenceError> {
        let EvidenceAnswer::Proof { proof, signature: Some(signature) } = &self.answer else { return Ok(None) };
        let Some(node) = self.node_key else { return Ok(None) };
        let proof = hex::decode(proof).map_err(|_| EvidenceError("proof"))?;
        let signature = array(signature, "signature")?;
        let cluster = ClusterId(array(&self.cluster, "cluster")?);
        let blob = BlobId(array(&self.sliver.blob, "blob")?);
        let name = SliverName { blob, index: self.sliver.index, attempt: self.sliver.attempt };
        let position = SamplePosition { stripe: self.draw.stripe, sample: self.draw.sample };
        let challenge = Challenge { position, epoch: self.draw.epoch, nonce: array(&self.draw.nonce, "nonce")? };
        let is_its = verify_answer(&node, &cluster, &name, &challenge, &proof, &signature);
        if is_its { Ok(Some(node)) } else { Err(EvidenceError("signature")) }
    }

    /// Whether anybody can see by it alone that a node answered wrongly: it signed a proof that does not lead to the root. `registered` is the
    /// node's key where it is known otherwise than by this evidence.
    #[must_use]
    pub fn proves_a_wrong_answer(&self, registered: Option<PublicKey>) -> bool {
        let signer = self.signer().ok().flatten();
        signer.is_some_and(|signer| registered.is_none_or(|registered| registered == signer))
            && matches!(self.verify_proof(), Ok(Some(Err(_))))
    }

    /// Refuses a part in the choice that the node did not sign, where it is said to have.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn check_nonce_signature(&self) -> Result<(), EvidenceError> {
        let (Some(node), Some(signature)) = (self.node_key, &self.draw.backend_nonce_signature) else { return Ok(()) };
        let cluster = ClusterId(array(&self.cluster, "cluster")?);
        let commitment = array(&self.draw.commitment, "commitment")?;
        let nonce = array(&self.draw.backend_nonce, "nonce of the backend")?;
        let signature = array(signature, "signature of the backend's nonce")?;
        let epoch = Epoch { cluster, node, number: self.draw.epoch, commitment };
        let is_its = verify_epoch_nonce(&epoch, &EpochNonce { nonce, signature });
        if is_its { Ok(()) } else { Err(EvidenceError("signature of the backend's nonce")) }
    }

    /// Which sliver was asked for, and its root.
    ///
    /// # Errors
    /// [`EvidenceError`] when a part of it is malformed.
    pub fn identity(&self) -> Result<(SliverIdentity, Root), EvidenceError> {
        let sliver = &self.sliver;
        let scheme = sliver.scheme.parse().map_err(|_| EvidenceError("scheme"))?;
        let shape = StripeShape::new(scheme, sliver.chunk_bytes, sliver.chunks_per_block);
        let shape = shape.map_err(|_| EvidenceError("shape"))?;
        let layout = BlobLayout { shape, content_len: sliver.content_len, catalog_len: sliver.catalog_len };
        let identity = SliverIdentity {
            cluster: ClusterId(array(&self.cluster, "cluster")?),
            blob: BlobId(array(&sliver.blob, "blob")?),
            index: sliver.index,
            layout,
            wrapped_key: WrappedKey(array(&sliver.wrapped_key, "wrapped key")?),
        };
        Ok((identity, Root(array(&sliver.root, "root")?)))
    }
}

/// The bytes of hexadecimal digits.
///
/// # Errors
/// [`EvidenceError`] with the name of what they are.
pub(crate) fn array<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], EvidenceError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| EvidenceError(what))?;
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use backends::node::protocol::{Question, SigningKey};

    /// Evidence that the node with the key of this seed signed a proof which proves nothing.
    pub(crate) fn signed_wrong_answer(seed: u8) -> Evidence {
        let key = SigningKey::from_seed(&[seed; 32]);
        let proof = b"no proof";
        let name = SliverName { blob: BlobId([2; 16]), index: 3, attempt: 4 };
        let challenge = Challenge { position: SamplePosition { stripe: 0, sample: 1 }, epoch: 5, nonce: [6; 32] };
        let question = Question { cluster: ClusterId([1; 16]), node: key.public(), name, challenge };
        let epoch = Epoch { cluster: question.cluster, node: key.public(), number: 5, commitment: [7; 32] };
        Evidence {
            cluster: hex::encode(question.cluster.0),
            backend: "n1".to_owned(),
            node_key: Some(key.public()),
            draw: EvidenceDraw {
                epoch: 5,
                commitment: hex::encode([7; 32]),
                backend_nonce: hex::encode([8; 32]),
                backend_nonce_signature: Some(hex::encode(key.sign(&epoch.text(&[8; 32])).0)),
                serials: 9,
                number: 0,
                serial: 1,
                nonce: hex::encode(challenge.nonce),
                stripe: 0,
                sample: 1,
            },
            sliver: EvidenceSliver {
                blob: hex::encode(name.blob.0),
                index: name.index,
                attempt: name.attempt,
                scheme: "rs-4-2".to_owned(),
                chunk_bytes: 4_096,
                chunks_per_block: 4,
                content_len: 10_000,
                catalog_len: 0,
                wrapped_key: hex::encode([9; 64]),
                root: hex::encode([10; 32]),
            },
            answer: EvidenceAnswer::Proof {
                proof: hex::encode(proof),
                signature: Some(hex::encode(key.sign(&question.answer_text(proof)).0)),
            },
        }
    }

    fn with_signature(evidence: &Evidence, signature: Option<String>) -> Evidence {
        let EvidenceAnswer::Proof { proof, .. } = evidence.answer.clone() else { panic!("it has a proof") };
        Evidence { answer: EvidenceAnswer::Proof { proof, signature }, ..evidence.clone() }
    }

    #[test]
    fn only_what_its_node_has_signed_proves_anything() {
        let evidence = signed_wrong_answer(1);
        let (key, other) = (evidence.node_key, SigningKey::from_seed(&[2; 32]).public());
        assert_eq!(evidence.signer(), Ok(key));
        assert!(evidence.proves_a_wrong_answer(None) && evidence.proves_a_wrong_answer(key));
        assert!(!evidence.proves_a_wrong_answer(Some(other)), "another provider's node has signed it");

        let forged = with_signature(&evidence, Some("00".repeat(64)));
        assert_eq!(forged.signer(), Err(EvidenceError("signature")));
        let of_other = Evidence { node_key: Some(other), ..evidence.clone() };
        assert!(of_other.signer().is_err());
        let mut of_other_sample = evidence.clone();
        of_other_sample.draw.sample += 1;
        assert!(of_other_sample.signer().is_err(), "it is no answer to this challenge");
        let unsigned = with_signature(&evidence, None);
        let unknown = Evidence { node_key: None, ..evidence.clone() };
        assert_eq!((unsigned.signer(), unknown.signer()), (Ok(None), Ok(None)));
        for evidence in [forged, of_other, of_other_sample, unsigned, unknown] {
            assert!(!evidence.proves_a_wrong_answer(None), "{evidence:?}");
        }
    }

    #[test]
    fn a_nodes_part_in_the_choice_is_held_against_its_signature() {
        let evidence = signed_wrong_answer(1);
        assert_eq!(evidence.check_nonce_signature(), Ok(()));
        let mut changed = evidence.clone();
        changed.draw.backend_nonce = hex::encode([0; 32]);
        assert!(changed.check_nonce_signature().is_err());
        changed.draw.backend_nonce_signature = None;
        assert_eq!(changed.check_nonce_signature(), Ok(()), "it gave none");
    }

    #[test]
    fn evidence_of_before_keys_were_noted_is_read() {
        let mut value = serde_json::to_value(signed_wrong_answer(1)).unwrap();
        value.as_object_mut().unwrap().remove("node_key");
        value["draw"].as_object_mut().unwrap().remove("backend_nonce_signature");
        assert_eq!(serde_json::from_value::<Evidence>(value).unwrap().signer(), Ok(None));
    }
}
