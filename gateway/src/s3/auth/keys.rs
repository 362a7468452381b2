//! Where the secrets that verify signatures come from, and where new ones are made.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::domain::AccessKey;
use crate::s3::auth::caller::Caller;

/// Why a key could not be looked up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The database is unavailable: 503.
    #[error("access keys are unavailable: {0}")]
    Unavailable(String),
    /// A sealed secret does not open: wrong cluster key or a damaged row. 500.
    #[error("the secret of an access key cannot be decrypted: {0}")]
    Damaged(String),
    /// A session token that was not made here for this key: `InvalidToken`.
    #[error("the session token does not belong to the access key")]
    Forged,
    /// A session token whose time is over: `ExpiredToken`.
    #[error("the session has ended")]
    Expired,
}

/// A new access key. The only time its secret is seen.
pub struct NewKey {
    /// The public half.
    pub id: String,
    /// The secret half.
    pub secret: Zeroizing<String>,
    /// The secret half for the database.
    pub sealed_secret: Vec<u8>,
}

/// Temporary credentials to create.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The unique id of the role that is assumed, and the session's name; none to go on being who one is.
    pub role: Option<(String, String)>,
    /// A policy that must allow, too, whatever is done.
    pub policy: Option<String>,
    /// How long it lasts, in seconds.
    pub seconds: u32,
}

/// Temporary credentials.
pub struct TemporaryKey {
    /// The public half.
    pub id: String,
    /// The secret half.
    pub secret: Zeroizing<String>,
    /// What every request must carry besides.
    pub token: String,
    /// When they end, in seconds since the epoch.
    pub expires_at: i64,
}

/// Access keys by their public half.
#[async_trait]
pub trait KeySource: Send + Sync + Debug {
    /// The lasting key with its secret opened; `None` when there is none or it was switched off.
    async fn access_key(&self, id: &str) -> Result<Option<Arc<Caller>>, KeyError>;

    /// The temporary key that this session token makes; `None` when whoever it was made for is gone.
    async fn temporary_key(&self, id: &str, token: &str) -> Result<Option<Arc<Caller>>, KeyError>;

    /// Records that a request was signed with a key.
    fn used(&self, key: &AccessKey, service: &'static str, region: &str);

    /// Generates a new access key.
    fn draw(&self) -> NewKey;

    /// Generates temporary credentials. The long-term access key behind the caller issues them: they end with it.
    fn draw_temporary(&self, caller: &AccessKey, session: &NewSession) -> TemporaryKey;
}

/// How the ids of temporary keys begin. No lasting key may begin so.
pub const TEMPORARY: &str = "ASIA";
