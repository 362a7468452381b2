//! Writing a catalog.

use super::entry::{CatalogEntry, CatalogTarget};

/// Begins every catalog.
pub(super) const MAGIC: [u8; 8] = *b"HAULCATL";
/// The version that is written and read.
pub(super) const VERSION: u16 = 1;
/// Bytes of the length that ends a catalog.
pub(super) const LENGTH_BYTES: usize = 8;

/// Bits of an entry's flags.
pub(super) const IS_PART: u8 = 1;
pub(super) const HAS_SIZE: u8 = 2;
pub(super) const HAS_ETAG: u8 = 4;
pub(super) const HAS_PARTS: u8 = 8;

/// Magic, version, number of entries, entries, and the length of all of it once more. The length stands at the end because the end of
/// a payload is authenticated: nobody can make a reader begin the catalog earlier, inside content that a user chose.
pub(super) fn write(entries: &[CatalogEntry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + 160 * entries.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    count(entries.len(), &mut out);
    for one in entries {
        entry(one, &mut out);
    }
    let len = (out.len() + LENGTH_BYTES) as u64;
    out.extend_from_slice(&len.to_be_bytes());
    out
}

fn entry(entry: &CatalogEntry, out: &mut Vec<u8>) {
    let (target, number) = match &entry.target {
        CatalogTarget::Version(version) => (version, None),
        CatalogTarget::Part { upload, number } => (upload, Some(*number)),
    };
    let parts = entry.etag.and_then(|(_, parts)| parts);
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.push(
        flag(number.is_some(), IS_PART)
            | flag(entry.object_size.is_some(), HAS_SIZE)
            | flag(entry.etag.is_some(), HAS_ETAG)
            | flag(parts.is_some(), HAS_PARTS),
    );
    text(entry.bucket.as_bytes(), out);
    text(&entry.key, out);
    out.extend_from_slice(target);
    if let Some(number) = number {
        out.extend_from_slice(&number.to_be_bytes());
    }
    varint(entry.write_counter, out);
    if let Some(size) = entry.object_size {
        varint(size, out);
    }
    if let Some((md5, _)) = &entry.etag {
        out.extend_from_slice(md5);
    }
    if let Some(parts) = parts {
        out.extend_from_slice(&parts.to_be_bytes());
    }
    out.extend_from_slice(&entry.modified_at_us.to_be_bytes());
    count(entry.attributes.len(), out);
    for (name, value) in &entry.attributes {
        text(name.as_bytes(), out);
        text(value.as_bytes(), out);
    }
    count(entry.extents.len(), out);
    for extent in &entry.extents {
        varint(extent.object_offset, out);
        varint(extent.blob_offset, out);
        varint(extent.length, out);
    }
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    count(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn count(count: usize, out: &mut Vec<u8>) {
    varint(count as u64, out);
}

/// Seven bits a byte, lowest first, the eighth bit set on all but the last.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}
