//! Proving that a sliver is at hand, by reading its header, its footer and one block.

use std::ops::Range;

use bytes::Bytes;
use codec::{FOOTER_TAIL_BYTES, FooterTail, HEADER_BYTES, PossessionProof, SamplePosition, SelfDescribed};

use crate::challenge::{Answer, Challenge};
use crate::error::StoreError;
use crate::name::SliverName;
use crate::store::SliverStore;

/// A sliver of which one block is about to be read for a proof.
pub(crate) struct Prover {
    name: SliverName,
    described: SelfDescribed,
    position: SamplePosition,
    block: Range<u64>,
}

/// Proves a position for a store that cannot do it itself. Takes the memory of one block and the footer.
///
/// # Errors
/// Those of reading; [`StoreError::Damaged`] where the sliver has no such position, is not the one of this name, or its block is not
/// the one that its footer names.
pub async fn prove_by_reading(
    store: &dyn SliverStore,
    name: &SliverName,
    challenge: &Challenge,
) -> Result<Answer, StoreError> {
    let prover = Prover::look(store, name, challenge.position).await?;
    Ok(Answer { proof: prover.prove(store).await?, signature: None })
}

impl Prover {
    /// Reads what the sliver says of itself, and finds the block.
    ///
    /// # Errors
    /// As [`prove_by_reading`].
    pub(crate) async fn look(
        store: &dyn SliverStore,
        name: &SliverName,
        position: SamplePosition,
    ) -> Result<Self, StoreError> {
        let len = store.len(name).await?;
        let (head_len, tail_len) = (HEADER_BYTES as u64, FOOTER_TAIL_BYTES as u64);
        if len < head_len + tail_len {
            return Err(StoreError::damaged("it is shorter than any sliver"));
        }
        let header = store.read(name, 0..head_len).await?;
        let tail = store.read(name, len - tail_len..len).await?;
        let footer_len = FooterTail::parse(&tail).map_err(StoreError::damaged)?.footer_len();
        // A tail that was spoiled must not make anybody read more than a footer can have.
        let footer_start = len.checked_sub(footer_len).filter(|start| *start >= head_len);
        let footer_start = footer_start.ok_or_else(|| StoreError::damaged("its footer is longer than the sliver"))?;
        let footer = store.read(name, footer_start..len).await?;
        let described = SelfDescribed::parse(&header, &footer, len).map_err(StoreError::damaged)?;
        let identity = &described.identity;
        if (identity.blob, identity.index) != (name.blob, name.index) {
            return Err(StoreError::damaged("it is another sliver than its name says"));
        }
        if position.stripe >= identity.layout.stripes() {
            return Err(StoreError::damaged(format!("it has no {}", place(position))));
        }
        let block = identity.layout.block_range(position.stripe);
        Ok(Self { name: *name, described, position, block })
    }

    /// Bytes of the block, and so the memory that a proof takes.
    pub(crate) fn block_len(&self) -> u64 {
        self.block.end - self.block.start
    }

    /// Reads the block and proves the position, on a thread that may compute: every byte of the block is hashed.
    ///
    /// # Errors
    /// As [`prove_by_reading`].
    pub(crate) async fn prove(self, store: &dyn SliverStore) -> Result<Bytes, StoreError> {
        let Self { name, described, position, block } = self;
        let block = store.read(&name, block).await?;
        let work = move || {
            let proof = PossessionProof::new(&described, position, &block)
                .map_err(|error| StoreError::damaged(format!("{error}: {}", place(position))))?;
            // What was spoiled on the disk is said to be, and nobody signs a wrong proof of it unawares.
            proof.verify(&described.identity, &described.root, position).map_err(StoreError::damaged)?;
            Ok(Bytes::from(proof.to_bytes()))
        };
        tokio::task::spawn_blocking(work).await.map_err(StoreError::unavailable)?
    }
}

fn place(SamplePosition { stripe, sample }: SamplePosition) -> String {
    format!("stripe {stripe}, sample {sample}")
}
