//! One entry of a catalog.

/// A version or a part of which this blob holds bytes, as it was when the blob was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogEntry {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, as bytes.
    pub key: Vec<u8>,
    /// Which version of the object, or which part of an upload.
    pub target: CatalogTarget,
    /// The writer's count at the time: orders the writes of one gateway.
    pub write_counter: u64,
    /// Bytes of the whole version or part, when they were known at sealing.
    pub object_size: Option<u64>,
    /// MD5 and, for a multipart object, number of parts, when they were known at sealing.
    pub etag: Option<([u8; 16], Option<u16>)>,
    /// Last-Modified, in microseconds since 1970 UTC.
    pub modified_at_us: i64,
    /// Metadata, in order: names may repeat.
    pub attributes: Vec<(String, String)>,
    /// Which bytes of it are where in this blob.
    pub extents: Vec<CatalogExtent>,
}

/// What an entry's bytes belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CatalogTarget {
    /// A version, by id.
    Version([u8; 16]),
    /// A part of a multipart upload.
    Part {
        /// The upload's id.
        upload: [u8; 16],
        /// The part's number.
        number: u16,
    },
}

/// A range of the version or part, and its place in this blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CatalogExtent {
    /// First byte, counted in the version or part.
    pub object_offset: u64,
    /// First byte, counted in the blob's content.
    pub blob_offset: u64,
    /// Number of bytes.
    pub length: u64,
}
