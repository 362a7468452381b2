//! The one way from a body to a committed change: PUT, part and append differ in the change they make.

use crate::domain::Extent;
use crate::metadata::{AppendChange, Batch, CommitChange, Outcome, PartChange, PutChange};
use crate::objects::digests::digest::Digested;
use crate::objects::error::ObjectsError;
use crate::objects::state::Inner;
use crate::objects::write::body::IncomingBody;
use crate::objects::write::entry::{Entry, Ingested};
use crate::objects::write::ingest::ingest;
use crate::objects::write::quilter::Patch;

/// A change that makes content visible.
pub(crate) trait ContentChange: CommitChange + Send + 'static {
    /// The same change, with content that lies in these extents.
    #[must_use]
    fn lying_in(self, extents: Vec<Extent>) -> Self;
}

impl ContentChange for PutChange {
    fn lying_in(mut self, extents: Vec<Extent>) -> Self {
        self.version.extents = extents;
        self
    }
}

impl ContentChange for PartChange {
    fn lying_in(mut self, extents: Vec<Extent>) -> Self {
        self.part.extents = extents;
        self
    }
}

impl ContentChange for AppendChange {
    fn lying_in(mut self, extents: Vec<Extent>) -> Self {
        self.version.extents = extents;
        self
    }
}

impl Inner {
    /// Takes a body in and commits the change that makes it visible. The change is made, without extents, once the body was
    /// found true to its promise, together with whatever else the caller learns from the digests.
    ///
    /// # Errors
    /// Whatever the body breaks, whatever `make_change` says, or why the change was refused: nothing became visible.
    pub(crate) async fn store<C: ContentChange, T>(
        &self,
        body: Box<dyn IncomingBody>,
        entry: Entry,
        make_change: impl FnOnce(&Digested) -> Result<(C, T), ObjectsError>,
    ) -> Result<(T, C::Outcome), ObjectsError> {
        let _under_way = self.repair_pace.begin_write();
        match ingest(self, body, &entry).await? {
            // Nothing to write: only the change.
            Ingested::Small { content, digested, .. } if content.is_empty() => {
                let (change, learned) = make_change(&digested)?;
                Ok((learned, self.commit(change).await?))
            }
            Ingested::Small { content, digested, reservation } => {
                let (change, learned) = make_change(&digested)?;
                let change = Box::new(move |extent| change.lying_in(vec![extent]).into());
                let terms = entry.terms(&self.schemes);
                let patch = Patch { content, catalog_entry: entry.catalog_entry, terms, digested, change, reservation };
                Ok((learned, self.quilter.join(patch).await?.of::<C>()??))
            }
            Ingested::Streamed { extents, blobs, digested, uncommitted } => {
                let (change, learned) = make_change(&digested)?;
                let batch = Batch { blobs, changes: vec![change.lying_in(extents).into()] };
                let sent = uncommitted.sent();
                let committed = self.metadata.commit(self.id_generator.incarnation(), batch).await;
                sent.settle(&committed, |outcomes| outcomes.iter().any(Outcome::is_made));
                let none = || ObjectsError::Internal("a commit gave no outcome".to_owned());
                Ok((learned, committed?.pop().ok_or_else(none)?.of::<C>()??))
            }
        }
    }

    /// Commits one change that brings no blobs.
    ///
    /// # Errors
    /// Why it was refused, or could not be committed.
    pub(crate) async fn commit<C: CommitChange>(&self, change: C) -> Result<C::Outcome, ObjectsError> {
        Ok(self.metadata.commit_one(self.id_generator.incarnation(), Vec::new(), change).await??)
    }
}
