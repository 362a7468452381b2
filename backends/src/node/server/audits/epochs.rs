//! The nonces that a node drew for the epochs of a cluster, in a small file: drawn once, whatever happens to the process.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::node::ambient::random;
use crate::node::protocol::{Failure, FailureCode, PublicBytes, commitment};
use crate::node::server::files::whole_file;

/// The file below the cluster's folder.
const EPOCH_FILE: &str = "epochs.json";
const FORMAT: u32 = 1;
/// A longer file is not read.
const FILE_BYTES_MAX: u64 = 64 << 10;
/// Epochs that are kept. The one with the lowest number goes, and no lower one begins any more: nobody gets a second nonce.
const EPOCHS_MAX: usize = 64;

/// One epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    epoch: u64,
    commitment: PublicBytes,
    nonce: PublicBytes,
    /// Once it was shown.
    secret: Option<PublicBytes>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    epochs: Vec<Kept>,
}

/// The epochs of one cluster.
#[derive(Debug)]
pub(in crate::node::server) struct EpochBook {
    folder: PathBuf,
    /// Held while the file is read and replaced.
    alone: tokio::sync::Mutex<()>,
}

impl EpochBook {
    /// The epochs in a folder. Nothing is made before the first.
    pub(in crate::node::server) fn new(folder: PathBuf) -> Self {
        Self { folder, alone: tokio::sync::Mutex::default() }
    }

    /// The nonce of an epoch: the one that was drawn for it, or a new one that is durable now.
    ///
    /// # Errors
    /// [`FailureCode::EpochConflict`] for another commitment than the first, and for an epoch that is older than all that are kept.
    pub(super) async fn begin(&self, epoch: u64, commitment: PublicBytes) -> Result<[u8; 32], Failure> {
        let drawn = random()?;
        self.change(move |epochs| {
            if let Some(kept) = epochs.iter().find(|kept| kept.epoch == epoch) {
                let same = kept.commitment == commitment;
                return if same { kept.nonce.bytes() } else { Err(conflict("the epoch has another commitment")) };
            }
            if epochs.len() >= EPOCHS_MAX {
                let lowest = epochs.iter().enumerate().min_by_key(|(_, kept)| kept.epoch);
                match lowest.map(|(place, kept)| (place, kept.epoch)) {
                    Some((place, lowest)) if lowest < epoch => epochs.remove(place),
                    _ => return Err(conflict("the epoch is older than all that are kept")),
                };
            }
            epochs.push(Kept { epoch, commitment, nonce: PublicBytes::new(&drawn), secret: None });
            Ok(drawn)
        })
        .await
    }

    /// Keeps the secret of an epoch.
    ///
    /// # Errors
    /// [`FailureCode::NotFound`] for an epoch that is not kept, [`FailureCode::EpochConflict`] for a secret that it was not committed to.
    pub(super) async fn reveal(&self, epoch: u64, secret: [u8; 32]) -> Result<(), Failure> {
        self.change(move |epochs| {
            let kept = epochs.iter_mut().find(|kept| kept.epoch == epoch);
            let kept = kept.ok_or_else(|| Failure::new(FailureCode::NotFound, "there is no such epoch"))?;
            if kept.commitment != PublicBytes::new(&commitment(&secret)) {
                return Err(conflict("the secret is not the one that the epoch was committed to"));
            }
            kept.secret = Some(PublicBytes::new(&secret));
            Ok(())
        })
        .await
    }

    /// Changes the file, durably, if the change changes anything.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Vec<Kept>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let _alone = self.alone.lock().await;
        let folder = self.folder.clone();
        let work = move || {
            let failed = |error: std::io::Error| StoreError::unavailable(format!("{EPOCH_FILE}: {error}"));
            let before = read(&folder).map_err(failed)?;
            let mut after = before.clone();
            let changed = change(&mut after.epochs)?;
            if after != before {
                write(&folder, &after).map_err(failed)?;
            }
            Ok(changed)
        };
        tokio::task::spawn_blocking(work).await.map_err(StoreError::unavailable)?
    }
}

fn read(folder: &Path) -> std::io::Result<Content> {
    let file = match File::open(folder.join(EPOCH_FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Content { format: FORMAT, epochs: Vec::new() }),
        file => file?,
    };
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
    let content: Content = serde_json::from_slice(&text)?;
    if content.format == FORMAT {
        return Ok(content);
    }
    Err(std::io::Error::other(format!("format {}, and this version knows {FORMAT}", content.format)))
}

/// Replaces the file as a whole.
fn write(folder: &Path, content: &Content) -> std::io::Result<()> {
    whole_file::replace(folder, EPOCH_FILE, &serde_json::to_vec(content)?)
}

fn conflict(reason: &str) -> Failure {
    Failure::new(FailureCode::EpochConflict, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_nonce_is_drawn_once_and_the_number_of_epochs_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let book = || EpochBook::new(folder.path().to_owned());
        let committed = |secret: u8| PublicBytes::new(&commitment(&[secret; 32]));
        let first = book().begin(5, committed(1)).await.unwrap();
        assert_eq!(book().begin(5, committed(1)).await, Ok(first), "after a restart too");
        assert_eq!(book().begin(5, committed(2)).await.unwrap_err().code, FailureCode::EpochConflict);
        assert_ne!(book().begin(6, committed(1)).await.unwrap(), first);
        assert_eq!(book().reveal(5, [2; 32]).await.unwrap_err().code, FailureCode::EpochConflict);
        assert_eq!(book().reveal(7, [1; 32]).await.unwrap_err().code, FailureCode::NotFound);
        for _ in 0..2 {
            assert_eq!(book().reveal(5, [1; 32]).await, Ok(()));
        }
        for epoch in 100..100 + EPOCHS_MAX as u64 {
            book().begin(epoch, committed(1)).await.unwrap();
        }
        assert_eq!(read(folder.path()).unwrap().epochs.len(), EPOCHS_MAX);
        for older in [5, 6, 99] {
            let refused = book().begin(older, committed(1)).await.unwrap_err();
            assert_eq!(refused.code, FailureCode::EpochConflict, "no second nonce for {older}");
        }
        assert!(std::fs::metadata(folder.path().join(EPOCH_FILE)).unwrap().len() < FILE_BYTES_MAX);
    }
}
