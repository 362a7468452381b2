//! Making one sliver again from the others.

use std::sync::Arc;

use backends::SliverName;
use bytes::Bytes;

use super::ObjectsError;
use super::committee::Member;
use super::gather::gather_blocks;
use super::state::Inner;
use crate::domain::StoredBlob;

/// Stripes reconstructed in one step: a decode call has a fixed cost of about 130 us, so it should carry megabytes.
const STRIPES_PER_STEP: u32 = 4;

/// Writes sliver `name.index` of a sealed blob to `target`, its blocks reconstructed from the slivers that exist.
///
/// `ends` are its header and footer, which do not depend on the other slivers' bytes being read.
///
/// # Errors
/// When fewer than k slivers can be read, or the target fails.
pub(crate) async fn sliver(
    inner: &Inner,
    blob: &StoredBlob,
    target: &Arc<Member>,
    name: SliverName,
    ends: (Bytes, Bytes),
) -> Result<(), ObjectsError> {
    let refused = |error: backends::StoreError| {
        target.write_failed(&error);
        ObjectsError::Unavailable(format!("backend {}: {error}", target.id))
    };
    let mut writer = target.store.create(&name).await.map_err(refused)?;
    let outcome = async {
        writer.write(ends.0).await.map_err(refused)?;
        let mut first = 0;
        while first < blob.layout.stripes() {
            let stripes = first..(first + STRIPES_PER_STEP).min(blob.layout.stripes());
            first = stripes.end;
            writer.write(blocks(inner, blob, name.index, stripes).await?).await.map_err(refused)?;
        }
        writer.write(ends.1).await.map_err(refused)
    };
    match outcome.await {
        Ok(()) => writer.seal().await.map_err(refused),
        Err(error) => {
            writer.abort().await;
            Err(error)
        }
    }
}

/// The blocks of one sliver for a run of stripes.
async fn blocks(
    inner: &Inner,
    blob: &StoredBlob,
    index: u8,
    stripes: std::ops::Range<u32>,
) -> Result<Bytes, ObjectsError> {
    let have = gather_blocks(inner, blob, stripes, &[index]).await?;
    let scheme = blob.layout.shape.scheme;
    let make = move || {
        let have: Vec<(u8, &[u8])> = have.iter().map(|(at, bytes)| (*at, &bytes[..])).collect();
        codec::reconstruct(scheme, &have, &[index])
    };
    let mut made = inner.compute.run(make).await?.map_err(|error| ObjectsError::Internal(error.to_string()))?;
    made.pop().map(|(_, bytes)| Bytes::from(bytes)).ok_or_else(|| ObjectsError::Internal("nothing made".to_owned()))
}
