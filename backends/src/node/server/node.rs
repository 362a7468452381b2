//! The node's state, which all requests share.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::admissions::Admissions;
use super::sessions::Sessions;
use super::settings::{HELD_BYTES_MAX, NodeSettings, OPENINGS_MAX};
use crate::node::identity::read_key;
use crate::node::protocol::{Failure, FailureCode, SigningKey};

/// Everything a request needs.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) data: PathBuf,
    pub(super) key: SigningKey,
    pub(super) settings: NodeSettings,
    pub(super) admissions: Admissions,
    pub(super) sessions: Sessions,
    pub(super) requests: Arc<Semaphore>,
    pub(super) openings: Semaphore,
    /// One permit for each byte of bodies that are held whole.
    pub(super) held_bytes: Arc<Semaphore>,
}

impl Node {
    pub(super) fn new(data: PathBuf, key: SigningKey, settings: NodeSettings) -> std::io::Result<Self> {
        let admissions = Admissions::open(&data, &settings)?;
        Ok(Self {
            data,
            key,
            requests: Arc::new(Semaphore::new(settings.requests_max)),
            openings: Semaphore::new(OPENINGS_MAX),
            held_bytes: Arc::new(Semaphore::new(HELD_BYTES_MAX as usize)),
            admissions,
            sessions: Sessions::default(),
            settings,
        })
    }

    /// Follows the file of those that are admitted.
    pub(super) fn refresh(&self) {
        if self.admissions.refresh() {
            tracing::info!("those that are admitted have changed");
            self.sessions.retain(|cluster, gateway| self.admissions.admits(cluster, gateway));
        }
    }

    /// That the disk under the data folder is the node's: nothing is formatted on what lies below a disk that is away.
    ///
    /// # Errors
    /// [`FailureCode::WrongBackend`].
    pub(super) fn check_data(&self) -> Result<(), Failure> {
        match read_key(&self.data) {
            Ok(key) if key.public() == self.key.public() => Ok(()),
            _ => Err(Failure::new(
                FailureCode::WrongBackend,
                "the node's data folder is not what it was when it started",
            )),
        }
    }
}
