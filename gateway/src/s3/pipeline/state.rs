//! The shared state of the S3 API: use cases, metadata, verifier, settings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Ambient;
use crate::config::{NotificationTargetConfig, S3Config};
use crate::domain::Timestamp;
use crate::domain::money::mode::MoneyMode;
use crate::metadata::MetadataStore;
use crate::objects::Objects;
use crate::s3::auth::Verifier;
use crate::s3::body::BodyLimits;
use crate::s3::pipeline::funding::Funding;
use crate::s3::pipeline::meters::Meters;
use crate::s3::pipeline::request_id::RequestIds;

/// What an operator may tune.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// `[s3]`.
    pub s3: S3Config,
    /// The names of the storage classes besides STANDARD.
    pub storage_classes: Vec<String>,
    /// The targets that notifications may go to.
    pub notification_targets: Vec<NotificationTargetConfig>,
    /// Whether writes are paid for.
    pub money: MoneyMode,
    /// Where users pay.
    pub pay_at: Option<String>,
    /// Limits of request bodies.
    pub body: BodyLimits,
    /// How long a response may take before white space keeps its connection alive.
    pub keep_alive_after: Duration,
}

impl Default for S3Settings {
    fn default() -> Self {
        Self {
            s3: S3Config::default(),
            storage_classes: Vec::new(),
            notification_targets: Vec::new(),
            money: MoneyMode::Off,
            pay_at: None,
            body: BodyLimits::default(),
            keep_alive_after: Duration::from_secs(10),
        }
    }
}

/// The state, shared by all connections.
pub struct S3State {
    /// The use cases.
    pub objects: Objects,
    /// Buckets, users and lists.
    pub metadata: MetadataStore,
    /// Authenticates requests.
    pub verifier: Arc<Verifier>,
    /// What an operator tunes.
    pub settings: S3Settings,
    /// Names requests.
    pub ids: RequestIds,
    /// Counts requests.
    pub meters: Meters,
    /// What writes cost.
    pub funding: Funding,
    /// Time and chance.
    pub ambient: Ambient,
}

impl S3State {
    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ambient.clock.now()
    }
}

impl fmt::Debug for S3State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3State").field("settings", &self.settings).finish_non_exhaustive()
    }
}
