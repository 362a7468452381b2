//! A sample that is read as clients read, so that its backend cannot tell: first the bytes that a GET would ask for, and only then, where
//! these do not prove themselves, what proves them. No client asks for a length.

use backends::{Answer, SliverName, SliverStore, StoreError};
use bytes::{Bytes, BytesMut};
use codec::{BlobLayout, BlobOpener, Piece, PossessionProof, Root, SamplePosition, SelfDescribed, SliverIdentity};
use futures::future::try_join;

use crate::audit::judgement::Shown;

/// What is read.
pub(super) struct Reading<'a> {
    /// The backend.
    pub(super) store: &'a dyn SliverStore,
    /// Under which name.
    pub(super) name: SliverName,
    /// Which sliver.
    pub(super) identity: &'a SliverIdentity,
    /// The root that was recorded when it was written.
    pub(super) root: &'a Root,
    /// Where in it.
    pub(super) position: SamplePosition,
    /// What opens the blob's chunks; none where its key is not known.
    pub(super) opener: Option<&'a BlobOpener>,
}

impl Reading<'_> {
    /// Reads the chunk of a data sliver as a GET of a range does; of others, and where no chunk is, the block as a GET does that
    /// reconstructs.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) async fn read(&self) -> Result<Shown, StoreError> {
        let piece = self.identity.layout.piece_at(self.identity.index, self.position);
        let (Some(piece), Some(opener)) = (piece, self.opener) else {
            return Ok(self.prove().await?.0);
        };
        let sealed = self.store.read(&self.name, piece.sliver_range.clone()).await?;
        match opener.open(&piece, sealed.clone()) {
            Ok(_) => Ok(Shown::Chunk { bytes: sealed.len() as u64 }),
            Err(_) => self.prove_what_was_read(&piece, &sealed).await,
        }
    }

    /// What becomes of a chunk that does not decrypt: it was spoiled, or what it is decrypted with is.
    async fn prove_what_was_read(&self, piece: &Piece, sealed: &[u8]) -> Result<Shown, StoreError> {
        let (shown, block) = self.prove().await?;
        let Shown::Proof(answer) = &shown else { return Ok(shown) };
        let proof = PossessionProof::parse(&answer.proof);
        if proof.is_ok_and(|proof| proof.verify(self.identity, self.root, self.position).is_ok()) {
            let start = piece.block_offset();
            if block.get(start..start + sealed.len()) != Some(sealed) {
                return Ok(Shown::Other { reason: "it gave other bytes to a read than it proves".to_owned() });
            }
            tracing::error!(blob = %self.name.blob, "a chunk does not decrypt that is as it was written");
        }
        Ok(shown)
    }

    /// What proves the sample, and the block that it is of.
    async fn prove(&self) -> Result<(Shown, BytesMut), StoreError> {
        let (store, name, layout) = (self.store, &self.name, &self.identity.layout);
        let block = store.read(name, layout.block_range(self.position.stripe)).await?;
        let header = store.read(name, 0..BlobLayout::header_len());
        let (header, footer) = try_join(header, store.read(name, layout.footer_range())).await?;
        let described = match SelfDescribed::parse(&header, &footer, layout.sliver_len()) {
            Ok(described) => described,
            Err(error) => return Ok((Shown::Other { reason: error.to_string() }, block)),
        };
        let shown = match PossessionProof::new(&described, self.position, &block) {
            Ok(proof) => Shown::Proof(Answer { proof: Bytes::from(proof.to_bytes()), signature: None }),
            Err(error) => Shown::Other { reason: error.to_string() },
        };
        Ok((shown, block))
    }
}
