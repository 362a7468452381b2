//! The bytes of one extent, coded again into a blob of their own.

use bytes::Bytes;
use codec::{Catalog, StripeShape};

use crate::domain::Extent;
use crate::metadata::NewBlob;
use crate::objects::error::ObjectsError;
use crate::objects::id_generator::NewBlobIdentity;
use crate::objects::read::fetch::fetch_range;
use crate::objects::schemes::BlobTerms;
use crate::objects::state::Inner;
use crate::objects::write::frames::Frames;
use crate::objects::write::sink::BlobSink;
use crate::objects::write::uncommitted::UncommittedSlivers;

/// Stripes' worth of memory that coding takes: one being read, one being coded, one being written, and parity.
const STRIPES_HELD: u64 = 4;

/// Writes an extent's bytes to a new blob, from its beginning. Its rows are not committed yet.
///
/// # Errors
/// `Unavailable` when too few backends answer; nothing is left.
pub(crate) async fn recode(
    inner: &Inner,
    identity: NewBlobIdentity,
    from: Extent,
    terms: &BlobTerms,
    catalog: &Catalog,
) -> Result<(NewBlob, UncommittedSlivers), ObjectsError> {
    let stripe = StripeShape::streaming(terms.scheme).stripe_bytes() as u64;
    let _reservation = inner.budget.take(STRIPES_HELD * stripe).await?;
    let opened = inner.opened(&from.blob).await?;
    let mut sink = BlobSink::open(inner, identity, terms).await?;
    let Extent { offset, length, .. } = from;
    let whole = length.saturating_sub(1) / stripe * stripe;
    let mut at = 0;
    while at < whole {
        let read = fetch_range(inner, &opened, offset + at..offset + at + stripe).await?;
        sink.write_stripes(Frames::from(Bytes::from(read)), false).await?;
        at += stripe;
    }
    let mut payload = Frames::from(Bytes::from(fetch_range(inner, &opened, offset + at..offset + length).await?));
    let catalog = catalog.encode();
    let catalog_len = u32::try_from(catalog.len()).map_err(|_| ObjectsError::TooLarge)?;
    payload.push(Bytes::from(catalog));
    sink.write_stripes(payload, true).await?;
    sink.seal(inner, length, catalog_len).await
}
