//! Reading a catalog: strict, so that one catalog has one spelling, and bounded, since it may be garbage.

use super::entry::{CatalogEntry, CatalogExtent, CatalogTarget};
use super::writing::{HAS_ETAG, HAS_PARTS, HAS_SIZE, IS_PART, LENGTH_BYTES, MAGIC, VERSION};

/// Why bytes are not a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Something else.
    #[error("not a catalog")]
    NotACatalog,
    /// Written by a later version of Haulout.
    #[error("catalog version {0}, this version reads {VERSION}")]
    Version(u16),
    /// Cut off, or with impossible contents.
    #[error("damaged catalog: {0}")]
    Damaged(&'static str),
}

pub(super) fn read(bytes: &[u8]) -> Result<Vec<CatalogEntry>, CatalogError> {
    let mut reader = Reader(bytes.strip_prefix(&MAGIC).ok_or(CatalogError::NotACatalog)?);
    let version = u16::from_be_bytes(reader.array()?);
    if version != VERSION {
        return Err(CatalogError::Version(version));
    }
    let (body, len) = reader.0.split_last_chunk::<LENGTH_BYTES>().ok_or(CUT_OFF)?;
    if u64::from_be_bytes(*len) != bytes.len() as u64 {
        return Err(CatalogError::Damaged("length"));
    }
    reader.0 = body;
    let entries = reader.list(Reader::entry)?;
    if reader.0.is_empty() { Ok(entries) } else { Err(CatalogError::Damaged("bytes after the last entry")) }
}

const CUT_OFF: CatalogError = CatalogError::Damaged("cut off");

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn entry(&mut self) -> Result<CatalogEntry, CatalogError> {
        let [flags] = self.array()?;
        if flags & !(IS_PART | HAS_SIZE | HAS_ETAG | HAS_PARTS) != 0 || flags & (HAS_ETAG | HAS_PARTS) == HAS_PARTS {
            return Err(CatalogError::Damaged("flags"));
        }
        let has = |bit: u8| flags & bit != 0;
        let bucket = self.string()?;
        let key = self.text()?.to_vec();
        let id = self.array()?;
        let target = if has(IS_PART) {
            CatalogTarget::Part { upload: id, number: u16::from_be_bytes(self.array()?) }
        } else {
            CatalogTarget::Version(id)
        };
        let write_counter = self.varint()?;
        let object_size = if has(HAS_SIZE) { Some(self.varint()?) } else { None };
        let md5 = if has(HAS_ETAG) { Some(self.array()?) } else { None };
        let parts = if has(HAS_PARTS) { Some(u16::from_be_bytes(self.array()?)) } else { None };
        Ok(CatalogEntry {
            bucket,
            key,
            target,
            write_counter,
            object_size,
            etag: md5.map(|md5| (md5, parts)),
            modified_at_us: i64::from_be_bytes(self.array()?),
            attributes: self.list(|reader| Ok((reader.string()?, reader.string()?)))?,
            extents: self.list(Self::extent)?,
        })
    }

    fn extent(&mut self) -> Result<CatalogExtent, CatalogError> {
        Ok(CatalogExtent { object_offset: self.varint()?, blob_offset: self.varint()?, length: self.varint()? })
    }

    /// A count, then as many items. Memory is never allocated for a count alone: each item has at least one byte to show
    /// for itself.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, CatalogError>) -> Result<Vec<T>, CatalogError> {
        let count = self.count()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn string(&mut self) -> Result<String, CatalogError> {
        let text = std::str::from_utf8(self.text()?).map_err(|_| CatalogError::Damaged("text that is not UTF-8"))?;
        Ok(text.to_owned())
    }

    fn text(&mut self) -> Result<&'a [u8], CatalogError> {
        let len = self.count()?;
        let (text, rest) = self.0.split_at_checked(len).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(text)
    }

    /// A number of things, each of which takes at least one of the bytes that are left.
    fn count(&mut self) -> Result<usize, CatalogError> {
        let count = usize::try_from(self.varint()?).map_err(|_| CUT_OFF)?;
        if count > self.0.len() { Err(CUT_OFF) } else { Ok(count) }
    }

    fn varint(&mut self) -> Result<u64, CatalogError> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(CatalogError::Damaged("number too large"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                // A final zero would be a second spelling of the same number.
                return if byte == 0 && shift > 0 { Err(CatalogError::Damaged("number")) } else { Ok(value) };
            }
        }
        Err(CatalogError::Damaged("number too large"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CatalogError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(*array)
    }
}
