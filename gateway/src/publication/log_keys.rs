//! The secrets of the log: the seed that signs checkpoints, and the key that salts names.

use codec::{ClusterId, ClusterKey};
use zeroize::Zeroizing;

use crate::clock::{Ambient, random};
use crate::ledger::log::Salter;
use crate::ledger::log::note::{KeyNameError, NoteSigner, SignatureKind};
use crate::metadata::{LogSecrets, MetadataError, MetadataStore};

/// What the secrets are sealed for.
pub const SEALED_FOR: &str = "ledger log";
/// Seed and key of the salts.
const SECRET_BYTES: usize = 64;

/// Why the ledger cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum PublicationError {
    /// The database.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The secrets of the log do not open.
    #[error("the secrets of the ledger's log do not open with this cluster key: {0}")]
    Sealed(codec::KeyError),
    /// The row of the secrets is damaged.
    #[error("the secrets of the ledger's log are damaged")]
    Damaged,
    /// The log's name cannot be one.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// The epoch is not the one after the last.
    #[error("epoch {epoch} cannot be published after epoch {last}")]
    Order {
        /// The epoch.
        epoch: u64,
        /// The last one.
        last: u64,
    },
    /// The rows of the log contradict each other.
    #[error("the rows of the ledger's log contradict each other: {0}")]
    Contradiction(String),
}

/// What publishes.
#[derive(Debug)]
pub struct LogKeys {
    /// Signs checkpoints, under the log's name.
    pub signer: NoteSigner,
    /// Salts names.
    pub salter: Salter,
}

impl LogKeys {
    /// The keys of this cluster's log. The first call begins the log: the secrets are derived from the cluster key, so that the same
    /// log is signed by the same key after the database was lost, and kept sealed, so that they stay when the cluster key is
    /// replaced.
    ///
    /// # Errors
    /// [`PublicationError`].
    pub async fn find(
        metadata: &MetadataStore,
        cluster: ClusterId,
        key: &ClusterKey,
        ambient: &Ambient,
    ) -> Result<Self, PublicationError> {
        let secrets = match metadata.log_secrets().await? {
            Some(secrets) => secrets,
            None => metadata.begin_log(first_secrets(cluster, key, ambient)).await?,
        };
        Self::open(&secrets, key)
    }

    fn open(secrets: &LogSecrets, key: &ClusterKey) -> Result<Self, PublicationError> {
        let opened = key.open(SEALED_FOR, b"", &secrets.sealed).map_err(PublicationError::Sealed)?;
        let (Some(seed), Some(salt)) = (opened.first_chunk::<32>(), opened.last_chunk::<32>()) else {
            return Err(PublicationError::Damaged);
        };
        if opened.len() != SECRET_BYTES {
            return Err(PublicationError::Damaged);
        }
        let signer = NoteSigner::from_seed(secrets.origin.parse()?, SignatureKind::Ed25519, seed);
        Ok(Self { signer, salter: Salter::new(*salt) })
    }

    /// The log's own policy: trusts its key and asks for no witness.
    #[must_use]
    pub fn policy(&self) -> String {
        format!("log {}\nquorum none\n", self.signer.key())
    }
}

fn first_secrets(cluster: ClusterId, key: &ClusterKey, ambient: &Ambient) -> LogSecrets {
    let origin = format!("haulout.ledger/{}", hex::encode(cluster.0));
    let parts = ["ledger log: sign checkpoints", "ledger log: salt names"];
    let secret = Zeroizing::new(parts.map(|purpose| key.authenticate(purpose, &cluster.0)).concat());
    let sealed = key.seal(SEALED_FOR, b"", &secret, random(ambient.entropy.as_ref()));
    LogSecrets { origin, sealed }
}
