//! What an audit's judgement rests on, so that anybody can repeat it.

use backends::{StoreError, Verdict};
use codec::{BlobId, BlobLayout, ClusterId, Root, SamplePosition, SliverIdentity, StripeShape, WrappedKey};
use serde::{Deserialize, Serialize};

use crate::audit::judgement::{Judgement, Shown, judge_proof};
use crate::audit::selection::{Draw, Draws};
use crate::metadata::{AuditEpoch, AuditedSliver};

/// The evidence of one audit, as JSON. Bytes are hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The cluster.
    pub cluster: String,
    /// Who was asked.
    pub backend: String,
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
pub struct EvidenceError(&'static str);

impl Evidence {
    /// The evidence of an audit.
    #[must_use]
    pub fn new(
        cluster: ClusterId,
        (epoch, backend_nonce): (&AuditEpoch, &[u8; 32]),
        (draw, position): (&Draw, SamplePosition),
        sliver: &AuditedSliver,
        answer: &Result<Shown, StoreError>,
    ) -> Self {
        let BlobLayout { shape, content_len, catalog_len } = sliver.blob.layout;
        Self {
            cluster: hex::encode(cluster.0),
            backend: sliver.placement.backend.to_string(),
            draw: EvidenceDraw {
                epoch: epoch.number,
                commitment: hex::encode(epoch.commitment),
                backend_nonce: hex::encode(backend_nonce),
                serials: epoch.serials,
                number: draw.number,
                serial: sliver.serial,
                nonce: hex::encode(draw.nonce),
                stripe: position.stripe,
                sample: position.sample,
            },
            sliver: EvidenceSliver {
                blob: hex::encode(sliver.blob.id.0),
                index: sliver.placement.index,
                attempt: sliver.placement.attempt,
                scheme: shape.scheme.to_string(),
                chunk_bytes: shape.chunk_bytes,
                chunks_per_block: shape.chunks_per_block,
                content_len,
                catalog_len,
                wrapped_key: hex::encode(sliver.blob.wrapped_key.0),
                root: hex::encode(sliver.placement.root.0),
            },
            answer: match answer {
                Ok(Shown::Chunk { bytes }) => EvidenceAnswer::Chunk { bytes: *bytes },
                Ok(Shown::Proof(answer)) => EvidenceAnswer::Proof {
                    proof: hex::encode(&answer.proof),
                    signature: answer.signature.map(hex::encode),
                },
                Err(error) => EvidenceAnswer::Nothing { error: error.kind().to_owned(), reason: error.to_string() },
            },
        }
    }

    /// Judges a proof again. None where none was shown: then there is only the word of the one who asked.
    ///
    /// # Errors
    /// [`EvidenceError`] when a part of it is malformed.
    pub fn judge(&self) -> Result<Option<Judgement>, EvidenceError> {
        let EvidenceAnswer::Proof { proof, .. } = &self.answer else { return Ok(None) };
        let proof = hex::decode(proof).map_err(|_| EvidenceError("proof"))?;
        let (identity, root) = self.identity()?;
        let position = SamplePosition { stripe: self.draw.stripe, sample: self.draw.sample };
        Ok(Some(judge_proof(&identity, &root, position, &proof)))
    }

    /// Whether the secret of the epoch is the one that was committed to and decides this sample.
    ///
    /// # Errors
    /// [`EvidenceError`] when a part of it is malformed.
    pub fn is_chosen_by(&self, secret: &[u8; 32]) -> Result<bool, EvidenceError> {
        let EvidenceDraw { epoch, serials, number, serial, stripe, sample, .. } = self.draw;
        let backend_nonce = array(&self.draw.backend_nonce, "nonce of the backend")?;
        let (identity, _) = self.identity()?;
        let draws = Draws::new(secret, epoch, &backend_nonce, &self.backend, serials);
        let chosen = draws.draw(number).is_some_and(|draw| {
            draw.serial == serial
                && hex::encode(draw.nonce) == self.draw.nonce
                && draw.position(&identity.layout) == Some(SamplePosition { stripe, sample })
        });
        Ok(chosen && hex::encode(blake3::hash(secret).as_bytes()) == self.draw.commitment)
    }

    /// Whether judging it again comes to the same verdict, by the same choice.
    ///
    /// # Errors
    /// [`EvidenceError`] when a part of it is malformed.
    pub fn confirms(&self, verdict: Verdict, secret: &[u8; 32]) -> Result<bool, EvidenceError> {
        let same = self.judge()?.is_none_or(|judgement| judgement.verdict == verdict || verdict == Verdict::Void);
        Ok(same && self.is_chosen_by(secret)?)
    }

    fn identity(&self) -> Result<(SliverIdentity, Root), EvidenceError> {
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

fn array<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], EvidenceError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| EvidenceError(what))?;
    Ok(bytes)
}
