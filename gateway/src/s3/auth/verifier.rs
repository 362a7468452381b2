//! The verifier: what it goes by, and where it finds keys.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::clock::{Ambient, random};
use crate::config::S3Config;
use crate::s3::auth::caller::Caller;
use crate::s3::auth::keys::{KeyError, KeySource, TEMPORARY};
use crate::s3::error::{Code, S3Error};

/// The longest id that an access key can have, in bytes.
const KEY_BYTES_MAX: usize = 128;

/// How far a client's clock may be off, in seconds, as on Amazon.
pub(super) const SKEW_SECONDS: i64 = 900;

/// Verifies requests. Shared by all connections.
#[derive(Debug)]
pub struct Verifier {
    pub(super) keys: Arc<dyn KeySource>,
    pub(super) settings: S3Config,
    pub(super) ambient: Ambient,
    /// The dummy secret used for unknown keys, so that they take the same time.
    pub(super) dummy_secret: Zeroizing<String>,
}

impl Verifier {
    /// A verifier of signatures by these keys.
    #[must_use]
    pub fn new(keys: Arc<dyn KeySource>, settings: S3Config, ambient: Ambient) -> Self {
        let dummy_secret = Zeroizing::new(hex::encode(random::<20>(ambient.entropy.as_ref())));
        Self { keys, settings, ambient, dummy_secret }
    }

    /// Where keys come from.
    #[must_use]
    pub fn keys(&self) -> &dyn KeySource {
        self.keys.as_ref()
    }

    /// The key of this id, as the token makes it when there is one.
    pub(super) async fn key(&self, id: &str, token: Option<&str>) -> Result<Option<Arc<Caller>>, S3Error> {
        let found = match token {
            // No key has such an id, and that it has none is not worth remembering.
            _ if id.len() > KEY_BYTES_MAX => Ok(None),
            Some(token) => self.keys.temporary_key(id, token).await,
            None if id.starts_with(TEMPORARY) => Ok(None),
            None => self.keys.access_key(id).await,
        };
        found.map_err(|error| match error {
            KeyError::Unavailable(_) => S3Error::unavailable(error.to_string()),
            KeyError::Damaged(_) => S3Error::internal(error.to_string()),
            KeyError::Forged => Code::InvalidToken.into(),
            KeyError::Expired => Code::ExpiredToken.into(),
        })
    }
}
