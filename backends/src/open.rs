//! From the configuration to a store that can be trusted with slivers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use codec::ClusterId;

use crate::directory::DirectoryStore;
use crate::marker::{MARKER_BYTES_MAX, MARKER_NAME, Marker};
use crate::node::protocol::PublicKey;
use crate::node::{NODE_KEY, NodeStore};
use crate::remote::RemoteStore;
use crate::spec::{FREE_FLOOR, TIMEOUT_SECONDS};
use crate::{BackendSpec, Deadlines, Expect, GatewayIdentity, SliverStore, StoreError, guard};

/// Opens a backend for a gateway, with everything [`guard`] adds.
///
/// `identity` says for which cluster, and signs requests to nodes. `base` is the directory that relative paths resolve against. With [`Expect::New`] an empty or absent backend is
/// formatted; with [`Expect::Formatted`] nothing is written, and a backend that is away or the wrong one opens all the
/// same: its operations fail until the right one is back.
///
/// # Errors
/// [`StoreError::Misconfigured`] for a URL or an option that makes no sense. With [`Expect::New`] also
/// [`StoreError::WrongBackend`] if something else is there, and what else keeps it from being formatted.
pub async fn open(
    spec: &BackendSpec,
    identity: impl Into<GatewayIdentity>,
    base: &Path,
    expect: Expect,
) -> Result<Arc<dyn SliverStore>, StoreError> {
    let deadlines = deadlines(spec)?;
    Ok(guard(open_bare(spec, identity, base, expect).await?, &spec.name, deadlines))
}

/// As [`open`], without the deadlines, metrics and circuit breaker of [`guard`].
///
/// # Errors
/// As [`open`].
pub async fn open_bare(
    spec: &BackendSpec,
    identity: impl Into<GatewayIdentity>,
    base: &Path,
    expect: Expect,
) -> Result<Arc<dyn SliverStore>, StoreError> {
    let kind = Kind::new(spec, &identity.into(), base)?;
    match expect {
        Expect::New => kind.format().await?,
        Expect::Formatted => {
            if let Err(error) = kind.verify().await {
                tracing::error!(backend = spec.name, %error, "backend unavailable at start");
            }
        }
    }
    Ok(kind.into_store())
}

/// Which cluster a backend says it belongs to, for whoever has lost everything else; none where it has no marker, and of a node, which tells
/// only gateways that it knows.
///
/// # Errors
/// It cannot be reached, or its marker cannot be read.
pub async fn marked_cluster(spec: &BackendSpec, base: &Path) -> Result<Option<ClusterId>, StoreError> {
    let nobody = GatewayIdentity::from(ClusterId([0; 16]));
    let marker = match Kind::new(spec, &nobody, base)? {
        Kind::Node(_) => None,
        Kind::Directory(_) => match directory(&spec.url)? {
            Some(path) => read_marker(&base.join(path))?,
            None => None,
        },
        Kind::Remote(store) => store.marker().await?.map(|bytes| bytes.to_vec()),
    };
    marker.map(|bytes| Marker::cluster_of(&bytes)).transpose()
}

fn read_marker(folder: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::File::open(folder.join(MARKER_NAME)) {
        Ok(file) => {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::Read::take(file, MARKER_BYTES_MAX), &mut bytes)
                .map_err(StoreError::unavailable)?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::unavailable(error)),
    }
}

/// Makes what stands in the backend's place its given generation, on the word of an operator: an empty replacement is
/// formatted, a backend that carries its marker already gets a new one and keeps its slivers. Stores that are open notice
/// by themselves.
///
/// # Errors
/// As [`open`] with [`Expect::New`].
pub async fn accept(
    spec: &BackendSpec,
    identity: impl Into<GatewayIdentity>,
    base: &Path,
    generation: u64,
) -> Result<(), StoreError> {
    Kind::new(spec, &identity.into(), base)?.accept(generation).await
}

/// The deadlines of a backend: the default ones, or as its options say.
fn deadlines(spec: &BackendSpec) -> Result<Deadlines, StoreError> {
    let Some(seconds) = spec.options.get(TIMEOUT_SECONDS) else { return Ok(Deadlines::default()) };
    match seconds.parse() {
        Ok(seconds) if seconds > 0 => Ok(Deadlines { small: Duration::from_secs(seconds), ..Deadlines::default() }),
        _ => Err(StoreError::misconfigured(format!("{TIMEOUT_SECONDS} is a number of seconds, not {seconds:?}"))),
    }
}

/// The kinds of backends there are.
enum Kind {
    Directory(DirectoryStore),
    Node(NodeStore),
    Remote(RemoteStore),
}

impl Kind {
    fn new(spec: &BackendSpec, identity: &GatewayIdentity, base: &Path) -> Result<Self, StoreError> {
        if spec.url.starts_with("node:") {
            return Ok(Self::Node(NodeStore::new(spec, identity)?));
        }
        let marker = Marker::new(identity.cluster, &spec.name);
        let Some(path) = directory(&spec.url)? else { return Ok(Self::Remote(RemoteStore::new(spec, marker)?)) };
        let mut free_floor = None;
        for (key, value) in &spec.options {
            match key.as_str() {
                FREE_FLOOR => {
                    let floor = value.parse().map_err(|_| {
                        StoreError::misconfigured(format!("{FREE_FLOOR} is a number of bytes, not {value:?}"))
                    })?;
                    free_floor = Some(floor);
                }
                TIMEOUT_SECONDS => {}
                other => return Err(StoreError::misconfigured(format!("unknown option {other:?}"))),
            }
        }
        Ok(Self::Directory(DirectoryStore::new(base.join(path), marker, free_floor)))
    }

    async fn format(&self) -> Result<(), StoreError> {
        match self {
            Self::Directory(store) => store.format().await,
            Self::Node(store) => store.format().await,
            Self::Remote(store) => store.format().await,
        }
    }

    async fn accept(&self, generation: u64) -> Result<(), StoreError> {
        match self {
            Self::Directory(store) => store.accept(generation).await,
            Self::Node(store) => store.accept(generation).await,
            Self::Remote(store) => store.accept(generation).await,
        }
    }

    async fn verify(&self) -> Result<(), StoreError> {
        match self {
            Self::Directory(store) => store.verify().await,
            Self::Node(store) => store.verify().await,
            Self::Remote(store) => store.verify().await,
        }
    }

    fn into_store(self) -> Arc<dyn SliverStore> {
        match self {
            Self::Directory(store) => Arc::new(store),
            Self::Node(store) => Arc::new(store),
            Self::Remote(store) => Arc::new(store),
        }
    }
}

impl BackendSpec {
    /// Whether it is a directory of this machine, mounted or not: looking at it is billed by nobody.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        matches!(directory(&self.url), Ok(Some(_)))
    }

    /// The key of a storage node, which its certificate has and by which it signs; none of other backends.
    #[must_use]
    pub fn node_key(&self) -> Option<PublicKey> {
        self.options.get(NODE_KEY).filter(|_| self.url.starts_with("node:"))?.parse().ok()
    }

    /// Whether somebody bills what is read from it: a cloud does, a directory and a storage node do not.
    #[must_use]
    pub fn is_billed(&self) -> bool {
        !self.is_directory() && !self.url.starts_with("node:") && !self.url.starts_with("memory:")
    }
}

/// The path of a directory's URL: `file:` in any of its spellings, or a plain path. None for other URLs.
fn directory(url: &str) -> Result<Option<PathBuf>, StoreError> {
    if let Some(path) = url.strip_prefix("file:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.strip_prefix("localhost/").map_or_else(|| path.to_owned(), |path| format!("/{path}"));
        return if path.is_empty() {
            Err(StoreError::misconfigured("a file: url needs a path"))
        } else {
            Ok(Some(path.into()))
        };
    }
    // A letter, then letters, digits, plus, minus or dot, then a colon: a URL of another kind.
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    let is_url = scheme.is_some_and(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    });
    match url {
        "" => Err(StoreError::misconfigured("the url is empty")),
        _ if is_url => Ok(None),
        path => Ok(Some(path.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_told_from_urls() {
        let cases = [
            ("backends/1", Some("backends/1")),
            ("/srv/a", Some("/srv/a")),
            ("./a:b", Some("./a:b")),
            ("file:///srv/a", Some("/srv/a")),
            ("file:/srv/a", Some("/srv/a")),
            ("file:data/a", Some("data/a")),
            ("file://localhost/srv/a", Some("/srv/a")),
            ("s3://bucket", None),
            ("memory:", None),
        ];
        for (url, path) in cases {
            assert_eq!(directory(url), Ok(path.map(PathBuf::from)), "{url}");
        }
        assert!(directory("").is_err() && directory("file:").is_err());
    }
}
