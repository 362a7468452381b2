//! Reads a blob of which only slivers are known: they say what they are, and its cipher says which of them are to be believed
//! (codec/FORMAT.md, 6.4).

use bytes::BytesMut;
use codec::{
    BlobId, BlobLayout, BlobOpener, Catalog, ClusterId, ClusterKey, FOOTER_TAIL_BYTES, FooterTail, HEADER_BYTES,
    SelfDescribed, SliverVerifier, WrappedKey,
};

use crate::domain::{Placement, StoredBlob};
use crate::recover::sliver_source::{FoundSliver, SliverSource, read_whole};

/// Choices of k slivers that are tried before a blob is given up: with few that lie, few are needed.
const CHOICES_MAX: usize = 200;

/// A blob that was read.
pub(super) struct ReadBlob {
    /// What a database knows of it, with the slivers that were read and are sound.
    pub(super) blob: StoredBlob,
    /// Its content.
    pub(super) content: Vec<u8>,
    /// What its content consists of.
    pub(super) catalog: Catalog,
}

/// A sliver that is sound in itself.
struct Whole {
    placement: Placement,
    bytes: Vec<u8>,
}

/// Slivers that say the same of their blob.
struct Alike {
    layout: BlobLayout,
    wrapped_key: WrappedKey,
    slivers: Vec<Whole>,
}

/// Reads a blob. With `all`, every sliver is read, so that all that are sound are known; else no more than it takes.
///
/// # Errors
/// Why it cannot be read.
pub(super) async fn read_blob(
    sources: &[SliverSource],
    cluster: ClusterId,
    key: &ClusterKey,
    id: BlobId,
    found: &[FoundSliver],
    all: bool,
) -> Result<ReadBlob, String> {
    let mut groups: Vec<Alike> = Vec::new();
    let mut last = format!("{} slivers were found, which is too few", found.len());
    for (at, sliver) in found.iter().enumerate() {
        match whole(sources, cluster, id, sliver).await {
            Ok((layout, wrapped_key, whole)) => {
                let is_like = |group: &&mut Alike| group.layout == layout && group.wrapped_key == wrapped_key;
                match groups.iter_mut().find(is_like) {
                    Some(group) => group.slivers.push(whole),
                    None => groups.push(Alike { layout, wrapped_key, slivers: vec![whole] }),
                }
            }
            Err(reason) => last = reason,
        }
        if all && at + 1 < found.len() {
            continue;
        }
        for group in &groups {
            match open(id, key, group) {
                Ok(Some(read)) => return Ok(read),
                Ok(None) => {}
                Err(reason) => last = reason,
            }
        }
    }
    Err(last)
}

/// Reads a sliver, which must be the one its name says and sound in itself.
async fn whole(
    sources: &[SliverSource],
    cluster: ClusterId,
    id: BlobId,
    sliver: &FoundSliver,
) -> Result<(BlobLayout, WrappedKey, Whole), String> {
    let source = sources.get(sliver.source).ok_or("there is no such backend")?;
    let wrong = |reason: String| format!("sliver {} on {}: {reason}", sliver.name, source.id);
    let bytes = read_whole(sources, sliver).await.map_err(|error| wrong(error.to_string()))?;
    let tail = bytes.last_chunk::<FOOTER_TAIL_BYTES>().ok_or_else(|| wrong("it is too short".to_owned()))?;
    let tail = FooterTail::parse(tail).map_err(|error| wrong(error.to_string()))?;
    let footer_len = usize::try_from(tail.footer_len()).unwrap_or(usize::MAX);
    let footer = bytes.len().checked_sub(footer_len).and_then(|start| bytes.get(start..));
    let (Some(header), Some(footer)) = (bytes.get(..HEADER_BYTES), footer) else {
        return Err(wrong("it is too short".to_owned()));
    };
    let described =
        SelfDescribed::parse(header, footer, bytes.len() as u64).map_err(|error| wrong(error.to_string()))?;
    let identity = described.identity;
    if identity.cluster != cluster || identity.blob != id || identity.index != sliver.name.index {
        return Err(wrong("it is another sliver than its name says".to_owned()));
    }
    let mut verifier = SliverVerifier::new(identity, described.root);
    verifier.push(&bytes);
    verifier.finish().map_err(|error| wrong(error.to_string()))?;
    let (index, backend, attempt) = (sliver.name.index, source.id.clone(), sliver.name.attempt);
    let placement = Placement { index, backend, attempt, root: described.root };
    Ok((identity.layout, identity.wrapped_key, Whole { placement, bytes }))
}

/// Deciphers a blob from k of its slivers; none where there are fewer.
fn open(id: BlobId, key: &ClusterKey, group: &Alike) -> Result<Option<ReadBlob>, String> {
    let k = group.layout.shape.scheme.k();
    let mut of_index: Vec<&Whole> = Vec::new();
    for whole in &group.slivers {
        if of_index.iter().all(|other| other.placement.index != whole.placement.index) {
            of_index.push(whole);
        }
    }
    if of_index.len() < k {
        return Ok(None);
    }
    let blob_key = key.unwrap_key(&id, &group.wrapped_key).map_err(|error| format!("blob {id}: {error}"))?;
    let opener = BlobOpener::new(id, &blob_key, group.layout);
    let mut reason = String::new();
    for choice in choices(of_index.len(), k).take(CHOICES_MAX) {
        let chosen: Vec<&Whole> = choice.iter().map(|at| of_index[*at]).collect();
        match decipher(&opener, &group.layout, &chosen) {
            Ok(payload) => return read(id, group, &of_index, payload).map(Some),
            Err(error) => reason = format!("blob {id}: {error}"),
        }
    }
    Err(reason)
}

fn read(id: BlobId, group: &Alike, of_index: &[&Whole], mut payload: Vec<u8>) -> Result<ReadBlob, String> {
    let layout = group.layout;
    let content_len = usize::try_from(layout.content_len).map_err(|error| error.to_string())?;
    let catalog = payload.split_off(content_len.min(payload.len()));
    let catalog = if catalog.is_empty() { Ok(Catalog::default()) } else { Catalog::decode(&catalog) };
    let catalog = catalog.map_err(|error| format!("the catalog of blob {id}: {error}"))?;
    let placements = of_index.iter().map(|whole| whole.placement.clone()).collect();
    let blob = StoredBlob { id, layout, wrapped_key: group.wrapped_key, rewrapped_key: None, placements };
    Ok(ReadBlob { blob, content: payload, catalog })
}

/// The payload, from k slivers of different indices.
fn decipher(opener: &BlobOpener, layout: &BlobLayout, chosen: &[&Whole]) -> Result<Vec<u8>, String> {
    let blocks = layout.blocks_range(0..layout.stripes());
    let start = usize::try_from(blocks.start).map_err(|error| error.to_string())?;
    let end = usize::try_from(blocks.end).map_err(|error| error.to_string())?;
    let have: Vec<(u8, &[u8])> =
        chosen.iter().map(|whole| (whole.placement.index, whole.bytes.get(start..end).unwrap_or_default())).collect();
    let data = 0..u8::try_from(layout.shape.scheme.k()).unwrap_or(u8::MAX);
    let missing: Vec<u8> = data.filter(|index| have.iter().all(|(other, _)| other != index)).collect();
    let made = codec::reconstruct(layout.shape.scheme, &have, &missing).map_err(|error| error.to_string())?;
    let mut payload = Vec::with_capacity(usize::try_from(layout.payload_len()).unwrap_or(0));
    for piece in layout.pieces(0..layout.payload_len()) {
        let given = have.iter().find(|(index, _)| *index == piece.index).map(|(_, bytes)| *bytes);
        let made = made.iter().find(|(index, _)| *index == piece.index).map(|(_, bytes)| &bytes[..]);
        let region = given.or(made).ok_or("a block is missing")?;
        let from = usize::try_from(piece.sliver_range.start).map_err(|error| error.to_string())? - start;
        let sealed = region.get(from..from + piece.sealed_len()).ok_or("a block is too short")?;
        for part in opener.open(&piece, BytesMut::from(sealed)).map_err(|error| error.to_string())? {
            payload.extend_from_slice(&part);
        }
    }
    Ok(payload)
}

/// All choices of k places among n, in order.
fn choices(n: usize, k: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut next = (k <= n).then(|| (0..k).collect::<Vec<_>>());
    std::iter::from_fn(move || {
        let current = next.take()?;
        let mut following = current.clone();
        let movable = (0..k).rev().find(|at| following[*at] < n - k + at);
        if let Some(at) = movable {
            following[at] += 1;
            for later in at + 1..k {
                following[later] = following[later - 1] + 1;
            }
            next = Some(following);
        }
        Some(current)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_comes_once() {
        let all: Vec<_> = choices(5, 3).collect();
        assert_eq!(all.len(), 10);
        assert!(all.is_sorted() && all.iter().all(|choice| choice.is_sorted()));
        assert_eq!(choices(2, 2).collect::<Vec<_>>(), [vec![0, 1]]);
        assert_eq!(choices(1, 2).count(), 0);
    }
}
