//! What a blob holds, written into the blob itself so that objects can be found again without a database.

mod entry;
mod reading;
mod writing;

pub use entry::{CatalogEntry, CatalogExtent, CatalogTarget};
pub use reading::CatalogError;

/// The catalog of a blob: one entry for each version or part that has bytes in it. Encoded, it is the end of the blob's payload, so
/// it is encrypted and coded with the content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// In any order; the order is kept.
    pub entries: Vec<CatalogEntry>,
}

impl Catalog {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        writing::write(&self.entries)
    }

    /// Reads a catalog. Any bytes may be given; memory is bounded by their number.
    ///
    /// # Errors
    /// [`CatalogError`] when the bytes are not exactly what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, CatalogError> {
        Ok(Self { entries: reading::read(bytes)? })
    }
}
