//! Tiles: 256 hashes or entries of the tree in one file, as in C2SP tlog-tiles.

use std::fmt;
use std::str::FromStr;

use super::hash::Hash;

/// How many hashes or entries a full tile has.
pub const TILE_WIDTH: u16 = 256;
/// The longest entry that a bundle can hold.
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// The highest level that a path may name.
const LEVEL_MAX: u8 = 63;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of subtrees of 256^level leaves.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// The name of a tile. Its text form is the path of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// What it holds.
    pub kind: TileKind,
    /// Its number within the level.
    pub index: u64,
    /// How many hashes or entries it has, 1 to [`TILE_WIDTH`].
    pub width: u16,
}

/// Why a tile or its name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// The path is none of a tile.
    #[error("this is no path of a tile")]
    Path,
    /// The file does not have the length of its width.
    #[error("{actual} bytes, where {width} hashes of 32 bytes belong")]
    Length {
        /// How many bytes it has.
        actual: usize,
        /// How many hashes it should have.
        width: u16,
    },
    /// The bundle ends within an entry, or has more bytes than its entries.
    #[error("entry {0} does not end where its length says")]
    Entry(usize),
    /// An entry is too long for a bundle.
    #[error("an entry of {0} bytes, at most {ENTRY_BYTES_MAX} fit")]
    EntryTooLong(usize),
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let (mut groups, mut rest) = (vec![self.index % 1000], self.index / 1000);
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(text: &str) -> Result<Self, TileError> {
        // The longest path has seven groups of digits.
        let parts = text.strip_prefix("tile/").filter(|_| text.len() <= 64).and_then(|rest| rest.split_once('/'));
        let (kind, rest) = parts.ok_or(TileError::Path)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(level.parse().map_err(|_| TileError::Path)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().map_err(|_| TileError::Path)?),
            None => (rest, TILE_WIDTH),
        };
        let mut number: u64 = 0;
        for group in index.split('/') {
            let digits: u64 = group.trim_start_matches('x').parse().map_err(|_| TileError::Path)?;
            let shifted = number.checked_mul(1000).and_then(|number| number.checked_add(digits));
            number = shifted.ok_or(TileError::Path)?;
        }
        let path = Self { kind, index: number, width };
        let is_level = !matches!(kind, TileKind::Hashes(level) if level > LEVEL_MAX);
        // One text for each path: whatever is written in another way is refused.
        if is_level && (1..=TILE_WIDTH).contains(&width) && path.to_string() == text {
            Ok(path)
        } else {
            Err(TileError::Path)
        }
    }
}

/// How many hashes the level of a tree has: only complete subtrees count.
fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

fn tiles_at(kind: TileKind, hashes: u64) -> impl Iterator<Item = TilePath> {
    let width = u64::from(TILE_WIDTH);
    let rest = u16::try_from(hashes % width).expect("a remainder of 256 fits");
    let full = (0..hashes / width).map(move |index| TilePath { kind, index, width: TILE_WIDTH });
    full.chain((rest > 0).then_some(TilePath { kind, index: hashes / width, width: rest }))
}

/// The tiles of hashes of a tree of this size, lowest level first.
pub fn tiles_of(size: u64) -> impl Iterator<Item = TilePath> {
    (0..8).flat_map(move |level| tiles_at(TileKind::Hashes(level), hashes_at(level, size)))
}

/// The bundles of entries of a tree of this size.
pub fn bundles_of(size: u64) -> impl Iterator<Item = TilePath> {
    tiles_at(TileKind::Entries, size)
}

/// The file of a tile of hashes.
#[must_use]
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes of a tile of this width.
///
/// # Errors
/// [`TileError::Length`].
pub fn decode_hashes(bytes: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if hashes.len() != usize::from(width) || !rest.is_empty() {
        return Err(TileError::Length { actual: bytes.len(), width });
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// The file of a bundle: each entry after its length in two bytes, big-endian.
///
/// # Errors
/// [`TileError::EntryTooLong`].
pub fn encode_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, TileError> {
    let mut bytes = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLong(entry.len()))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle of this width.
///
/// # Errors
/// [`TileError::Entry`], with the number of the entry from 1.
pub fn decode_bundle(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    match split_bundle(bytes, width) {
        (entries, None) => Ok(entries),
        (_, Some(error)) => Err(error),
    }
}

/// As [`decode_bundle`], with the entries before the one that is wrong.
#[must_use]
pub fn split_bundle(bytes: &[u8], width: u16) -> (Vec<&[u8]>, Option<TileError>) {
    let (mut entries, mut rest) = (Vec::new(), bytes);
    for number in 1..=usize::from(width) {
        let next = rest
            .split_first_chunk::<2>()
            .and_then(|(length, after)| after.split_at_checked(usize::from(u16::from_be_bytes(*length))));
        let Some((entry, after)) = next else { return (entries, Some(TileError::Entry(number))) };
        entries.push(entry);
        rest = after;
    }
    let error = (!rest.is_empty()).then_some(TileError::Entry(usize::from(width)));
    (entries, error)
}
