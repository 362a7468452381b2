//! Evidence of audits: how it is made, and judged again.

use backends::node::protocol::PublicKey;
use backends::{StoreError, Verdict};
use codec::{BlobLayout, ClusterId, SamplePosition};

use crate::audit::judgement::{Judgement, Shown};
use crate::audit::selection::{Draw, Draws};
use crate::metadata::{
    AuditEpoch, AuditShare, AuditedSliver, Evidence, EvidenceAnswer, EvidenceDraw, EvidenceError, EvidenceSliver,
    evidence_bytes,
};

impl Evidence {
    /// The evidence of an audit.
    #[must_use]
    pub fn new(
        (cluster, node_key): (ClusterId, Option<PublicKey>),
        (epoch, share): (&AuditEpoch, &AuditShare),
        (draw, position): (&Draw, SamplePosition),
        sliver: &AuditedSliver,
        answer: &Result<Shown, StoreError>,
    ) -> Self {
        let BlobLayout { shape, content_len, catalog_len } = sliver.blob.layout;
        Self {
            cluster: hex::encode(cluster.0),
            backend: sliver.placement.backend.to_string(),
            node_key,
            draw: EvidenceDraw {
                epoch: epoch.number,
                commitment: hex::encode(epoch.commitment),
                backend_nonce: hex::encode(share.nonce),
                backend_nonce_signature: share.nonce_signature.map(hex::encode),
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
                Ok(Shown::Other { reason }) => EvidenceAnswer::Nothing {
                    error: StoreError::Damaged { reason: reason.clone() }.kind().to_owned(),
                    reason: reason.clone(),
                },
                Err(error) => EvidenceAnswer::Nothing { error: error.kind().to_owned(), reason: error.to_string() },
            },
        }
    }

    /// Judges a proof again. None where none was shown: then there is only the word of the one who asked.
    ///
    /// # Errors
    /// [`EvidenceError`] when a part of it is malformed, or the node's signature is not that node's under this answer.
    pub fn judge(&self) -> Result<Option<Judgement>, EvidenceError> {
        self.signer()?;
        Ok(self.verify_proof()?.map(Judgement::of_proof))
    }

    /// Whether the secret of the epoch is the one that was committed to and decides this sample.
    ///
    /// # Errors
    /// [`EvidenceError`] when a part of it is malformed, or the node did not sign its part in the choice.
    pub fn is_chosen_by(&self, secret: &[u8; 32]) -> Result<bool, EvidenceError> {
        self.check_nonce_signature()?;
        let EvidenceDraw { epoch, serials, number, serial, stripe, sample, .. } = self.draw;
        let backend_nonce = evidence_bytes(&self.draw.backend_nonce, "nonce of the backend")?;
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
}
