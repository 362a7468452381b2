//! The volume currently mounted at the backend's path, and whether its marker matches.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use rustix::io::Errno;
use tokio::time::Instant;

use super::errno::{ErrorContext, folder_error};
use super::volume::{Identity, Volume};
use crate::marker::{FIRST_GENERATION, MARKER_NAME, Marker};
use crate::{Pulse, StoreError};

/// How long a marker that was read is believed, as long as the path leads to the same directory.
const MARKER_TTL: Duration = Duration::from_secs(2);

/// A path, the marker that must be there, and the tree that was last found to carry it.
#[derive(Debug)]
pub(super) struct Mount {
    path: PathBuf,
    marker: Marker,
    /// Markers of earlier generations are refused.
    generation: AtomicU64,
    current: RwLock<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    volume: Arc<Volume>,
    checked: Instant,
}

impl Mount {
    /// A mount at a path. Nothing is read before the first use.
    pub(super) fn new(path: PathBuf, marker: Marker) -> Self {
        Self { path, marker, generation: AtomicU64::new(FIRST_GENERATION), current: RwLock::new(None) }
    }

    /// Formats the directory if it is absent or empty; leaves it as it is if it already is this backend.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if anything else is in it.
    pub(super) fn format(&self) -> Result<(), StoreError> {
        let writing = |errno| folder_error(errno, ErrorContext::Writing);
        make_durable(&self.path)?;
        let volume = Volume::open(&self.path).map_err(writing)?;
        if volume.is_empty().map_err(writing)? {
            volume.format(&self.marker).map_err(writing)?;
        }
        volume.check(&self.marker, FIRST_GENERATION)
    }

    /// Makes what is in the directory the given generation of this backend: formats it if it is absent or empty, else
    /// replaces its marker.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if anything else is in it.
    pub(super) fn accept(&self, generation: u64) -> Result<(), StoreError> {
        let writing = |errno| folder_error(errno, ErrorContext::Writing);
        make_durable(&self.path)?;
        let volume = Volume::open(&self.path).map_err(writing)?;
        let marker = self.marker.clone().of_generation(generation);
        if volume.is_empty().map_err(writing)? {
            volume.format(&marker).map_err(writing)?;
        } else {
            self.marker.generation_of(&volume.marker()?)?;
            volume.replace_small(MARKER_NAME, marker.encode().into()).map_err(writing)?;
        }
        volume.check(&marker, generation)
    }

    /// From now on markers of earlier generations are refused.
    pub(super) fn require_generation(&self, generation: u64) {
        if self.generation.fetch_max(generation, Ordering::SeqCst) < generation {
            self.forget();
        }
    }

    /// What is under the path now says of itself, whatever its generation.
    pub(super) fn pulse(&self) -> Result<Pulse, StoreError> {
        self.identity()?;
        let volume = Volume::open(&self.path).map_err(|errno| folder_error(errno, ErrorContext::Reading))?;
        let generation = self.marker.generation_of(&volume.marker()?)?;
        Ok(Pulse { generation, heartbeat: volume.heartbeat()?.map(Bytes::from) })
    }

    fn check(&self, volume: &Volume) -> Result<(), StoreError> {
        volume.check(&self.marker, self.generation.load(Ordering::SeqCst))
    }

    /// The tree, after a look at the path and, now and then, at the marker: cheap enough for every operation.
    ///
    /// # Errors
    /// [`StoreError::WrongBackend`] if the path is gone, or what is there is not this backend.
    pub(super) fn volume(&self) -> Result<Arc<Volume>, StoreError> {
        let under_path = self.identity()?;
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some(current) if current.volume.identity() == under_path && current.checked.elapsed() < MARKER_TTL => {
                Ok(Arc::clone(&current.volume))
            }
            _ => {
                drop(current);
                self.verify()
            }
        }
    }

    /// The path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the right marker was seen lately. Looks at nothing and waits for nothing: while somebody else is
    /// looking, it is not.
    pub(super) fn marker_is_fresh(&self) -> bool {
        let current = self.current.try_read();
        let checked = current.ok().and_then(|current| current.as_ref().map(|current| current.checked));
        checked.is_some_and(|checked| checked.elapsed() < MARKER_TTL)
    }

    /// The tree, after a look at everything.
    pub(super) fn verify(&self) -> Result<Arc<Volume>, StoreError> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let known = current.take();
        let under_path = self.identity()?;
        let volume = match known {
            Some(known) if known.volume.identity() == under_path => known.volume,
            _ => {
                let volume = Volume::open(&self.path).map_err(|errno| folder_error(errno, ErrorContext::Reading))?;
                self.check(&volume)?;
                if let Err(errno) = volume.make_folders() {
                    // A full or read-only disk still serves reads.
                    tracing::warn!(path = %self.path.display(), %errno, "cannot create all folders of the backend");
                }
                Arc::new(volume)
            }
        };
        self.check(&volume)?;
        *current = Some(Current { volume: Arc::clone(&volume), checked: Instant::now() });
        Ok(volume)
    }

    /// Drops the handles, because something under the tree changed: the next use reopens it.
    pub(super) fn forget(&self) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn identity(&self) -> Result<Identity, StoreError> {
        match rustix::fs::stat(&self.path) {
            Ok(stat) => Ok(Identity::from(&stat)),
            Err(errno @ (Errno::NOENT | Errno::NOTDIR)) => {
                Err(StoreError::wrong(format!("its directory {} is gone: {errno}", self.path.display())))
            }
            Err(errno) => Err(StoreError::unavailable(format!("{}: {errno}", self.path.display()))),
        }
    }
}

/// Makes a directory and its ancestors, and syncs the parent of each that was made.
fn make_durable(path: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::unavailable(format!("cannot make {}: {error}", path.display()));
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = path.parent().ok_or_else(|| failed(error))?;
            make_durable(parent)?;
            match std::fs::create_dir(path) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(error)),
                _ => {}
            }
        }
        made => made.map_err(failed)?,
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)
}
