//! Content on its way in, as its writer knows it: before its bytes come, and when all of them are here.

use std::sync::Arc;

use crate::domain::{Extent, PlacementRule};
use crate::metadata::NewBlob;
use crate::objects::budget::Reservation;
use crate::objects::digests::digest::Digested;
use crate::objects::encryption::content::Encipher;
use crate::objects::schemes::{BlobTerms, Schemes};
use crate::objects::write::body::BodyPromise;
use crate::objects::write::catalog_entry::CatalogEntryBuilder;
use crate::objects::write::frames::Frames;
use crate::objects::write::uncommitted::UncommittedSlivers;

/// What is known of content before its bytes come.
pub(crate) struct Entry {
    /// What must be true of the body.
    pub(crate) promise: BodyPromise,
    /// Whose bytes they are.
    pub(crate) catalog_entry: CatalogEntryBuilder,
    /// What enciphers them, as a run of its own, after they were digested.
    pub(crate) run: Option<Encipher>,
    /// Where their slivers may lie; anywhere when absent.
    pub(crate) rule: Option<Arc<PlacementRule>>,
}

impl Entry {
    /// How its blobs are coded and where they may lie.
    pub(crate) fn terms(&self, schemes: &Schemes) -> BlobTerms {
        BlobTerms { scheme: schemes.of(&self.catalog_entry.attributes), rule: self.rule.clone() }
    }
}

/// A body that was taken in and found true to its promise.
pub(crate) enum Ingested {
    /// All of it in memory, to join a quilt.
    Small { content: Frames, digested: Digested, reservation: Reservation },
    /// Sealed in blobs of its own, not yet committed.
    Streamed { extents: Vec<Extent>, blobs: Vec<NewBlob>, digested: Digested, uncommitted: UncommittedSlivers },
}
