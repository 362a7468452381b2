//! Backends, as the operator sees them.

use std::time::Duration;

use backends::StoreError;
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::error::{AdminError, Result};
use super::{Admin, Operation};
use crate::metadata::BackendRow;
use crate::objects::Member;

/// How long a backend may take to show that it is there.
const PROBE: Duration = Duration::from_secs(10);

/// List the backends and look whether each is what it should be.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ListBackends {}

/// A backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedBackend {
    /// The name.
    pub name: String,
    /// Where it is, without secrets.
    pub url: String,
    /// Who answers for it.
    pub provider: String,
    /// Where it stands.
    pub zone: String,
    /// What is wrong with it; nothing when absent.
    pub problem: Option<String>,
    /// Bytes that can still be written, where the backend tells.
    pub free_bytes: Option<u64>,
}

impl Operation for ListBackends {
    const NAME: &'static str = "backend-list";
    type Reply = Vec<ListedBackend>;

    async fn run(self, admin: &Admin) -> Result<Vec<ListedBackend>> {
        let members = admin.objects.committee().members();
        let mut listed = join_all(members.iter().map(|member| look(member))).await;
        let forgotten = |row: &BackendRow| !members.iter().any(|member| member.id == row.id);
        let rows = admin.metadata.backends().await?;
        listed.extend(rows.into_iter().filter(forgotten).map(|row| ListedBackend {
            name: row.id.to_string(),
            url: row.url,
            provider: row.provider,
            zone: row.zone,
            problem: Some("not in the configuration: slivers it holds cannot be read".to_owned()),
            free_bytes: None,
        }));
        Ok(listed)
    }
}

async fn look(member: &Member) -> ListedBackend {
    let probed = tokio::time::timeout(PROBE, member.store.probe()).await.unwrap_or(Err(StoreError::TimedOut));
    ListedBackend {
        name: member.id.to_string(),
        url: member.url.clone(),
        provider: member.provider.clone(),
        zone: member.zone.clone(),
        free_bytes: probed.as_ref().ok().and_then(|space| space.free_bytes),
        problem: probed.err().map(|error| error.to_string()),
    }
}

/// Accept an empty replacement (a new disk at the old place) as this backend: it is formatted again. What the old
/// one held is made again from the other backends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcceptBackend {
    /// The name.
    pub name: String,
}

impl Operation for AcceptBackend {
    const NAME: &'static str = "backend-accept";
    type Reply = ListedBackend;

    async fn run(self, admin: &Admin) -> Result<ListedBackend> {
        let missing = || AdminError::refused(format!("there is no backend named {:?} in the configuration", self.name));
        let config = admin.backends.iter().find(|backend| backend.name == self.name).ok_or_else(missing)?;
        let member = admin
            .objects
            .committee()
            .members()
            .iter()
            .find(|member| member.id.as_str() == self.name)
            .ok_or_else(missing)?;
        backends::format(&config.spec(), admin.cluster, &admin.base).await.map_err(|error| match error {
            StoreError::WrongBackend { .. } | StoreError::Misconfigured { .. } => {
                AdminError::refused(error.to_string())
            }
            error => AdminError::Unavailable(error.to_string()),
        })?;
        let (url, provider, zone) = (member.url.clone(), member.provider.clone(), member.zone.clone());
        let row = BackendRow { id: member.id.clone(), url, provider, zone, formatted: true };
        admin.metadata.record_backend(row).await?;
        let asked = admin.metadata.ask_for_backend(&member.id).await?;
        tracing::info!(
            backend = self.name,
            blobs = asked,
            "accepted and formatted; what the old one held is made again"
        );
        Ok(look(member).await)
    }
}
