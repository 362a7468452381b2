//! Inviting storage nodes that nobody knows: a token for their operator, and what the node answers.
//!
//! A token is kept as the hash of its secret and is good once, until its end. The node proves its key twice, by its signature and by the
//! handshake, and comes in as a backend that is being vetted. Its address is one of the open internet, unless the operator says otherwise.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use backends::GatewayIdentity;
use backends::node::NODE_KEY;
use backends::node::protocol::{Acceptance, InvitationSecret};
use serde::{Deserialize, Serialize};

use crate::admin::backends::adding::{self, AddedBackend};
use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::clock::random;
use crate::config::{BackendConfig, backend_problems};
use crate::domain::{Timestamp, is_public_address};
use crate::metadata::InvitationUse;

/// Days that an invitation is good, at most.
const DAYS_MAX: u32 = 365;

/// How long a node's name is looked up.
const LOOKUP: Duration = Duration::from_secs(10);

/// Invite a storage node.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct InviteProvider {
    /// The most bytes of slivers that it is asked to store.
    pub quota_bytes: u64,
    /// Days until the invitation ends.
    pub days: u32,
}

/// An invitation. The token is shown once and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitedProvider {
    /// For the node's operator alone.
    pub token: String,
    /// Until when it is good, in seconds since 1970.
    pub ends: i64,
}

/// Admit the node that accepted an invitation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdmitProvider {
    /// What `haulout node join` printed.
    pub acceptance: String,
    /// What to call it, if not as its operator does.
    pub name: Option<String>,
    /// Where it stands.
    pub zone: Option<String>,
    /// Its address may be one of the operator's own networks.
    pub allow_internal: bool,
}

/// A node that was admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmittedProvider {
    /// The backend.
    pub backend: AddedBackend,
    /// What the configuration of every gateway gets.
    pub block: String,
}

impl Operation for InviteProvider {
    const NAME: &'static str = "provider-invite";
    type Reply = InvitedProvider;

    async fn run(self, admin: &Admin) -> Result<InvitedProvider> {
        if self.quota_bytes == 0 || i64::try_from(self.quota_bytes).is_err() {
            return Err(AdminError::refused("a node is asked for one byte at least, and for less than 8 EiB"));
        }
        if !(1..=DAYS_MAX).contains(&self.days) {
            return Err(AdminError::refused(format!("an invitation is good for 1 to {DAYS_MAX} days")));
        }
        let now = admin.metadata.database_time().await?.seconds();
        let ends = now.saturating_add(i64::from(self.days) * 86_400);
        let secret = InvitationSecret(random(&*admin.ambient.entropy));
        let identity = GatewayIdentity::new(admin.cluster, &admin.key);
        let invitation = identity.invite(self.quota_bytes, ends.unsigned_abs(), secret);
        let invitation = invitation.ok_or_else(|| AdminError::refused("the cluster has no key to sign with"))?;
        let ends_at = Timestamp(ends.saturating_mul(1_000_000));
        admin.metadata.record_invitation(secret.hash(), self.quota_bytes, ends_at).await?;
        Ok(InvitedProvider { token: invitation.to_string(), ends })
    }
}

impl Operation for AdmitProvider {
    const NAME: &'static str = "provider-admit";
    type Reply = AdmittedProvider;

    async fn run(self, admin: &Admin) -> Result<AdmittedProvider> {
        let acceptance: Acceptance =
            self.acceptance.trim().parse().map_err(|error| AdminError::refused(format!("{error}")))?;
        if acceptance.cluster != admin.cluster {
            return Err(AdminError::refused("it accepts an invitation of another cluster"));
        }
        let config = self.config(&acceptance);
        let key = acceptance.node.to_string();
        let hash = acceptance.secret.hash();
        let invited = admin.metadata.invitation(hash).await?.ok_or_else(unknown)?;
        let known = admin.metadata.backends().await?;
        let is_known = |one: &BackendConfig| one.options.get(NODE_KEY) == Some(&key);
        if let Some(other) = admin.backends.iter().find(|one| is_known(one)) {
            return Err(AdminError::refused(format!("the node is {} already", other.name)));
        }
        if invited.node_key.as_ref() == Some(&key)
            && known.iter().any(|row| row.id.as_str() == config.name && row.formatted)
        {
            return Err(AdminError::refused(format!(
                "the invitation was used: {} belongs to the cluster",
                config.name
            )));
        }
        if known.iter().any(|row| row.id.as_str() == config.name) {
            return Err(AdminError::refused(format!(
                "a backend is named {} already: choose another with --name",
                config.name
            )));
        }
        let all: Vec<BackendConfig> = admin.backends.iter().chain([&config]).cloned().collect();
        if let Some(problem) = backend_problems(&all).first() {
            return Err(AdminError::refused(problem.to_string()));
        }
        let reached = match self.allow_internal {
            true => config.clone(),
            false => at_address(&config, public_address(lookup(&acceptance.address).await?, &acceptance.address)?),
        };
        match admin.metadata.use_invitation(hash, &key).await? {
            InvitationUse::Taken => {}
            InvitationUse::Unknown => return Err(unknown()),
            InvitationUse::Expired => return Err(AdminError::refused("the invitation is over: make another one")),
            InvitationUse::UsedByAnother => {
                return Err(AdminError::refused("the invitation was used, by another node: it is good for one"));
            }
        }
        tracing::info!(backend = config.name, node = key, "a node has accepted an invitation");
        let backend = adding::add_reached_as(admin, &config, &reached, false).await?;
        Ok(AdmittedProvider { backend, block: block(&config) })
    }
}

impl AdmitProvider {
    fn config(&self, acceptance: &Acceptance) -> BackendConfig {
        BackendConfig {
            name: self.name.clone().unwrap_or_else(|| acceptance.name.clone()),
            url: format!("node://{}", acceptance.address),
            provider: None,
            zone: self.zone.clone(),
            weight: 1,
            // Whoever comes by an invitation is vetted, whatever the operator thinks of it later.
            trusted: None,
            options: BTreeMap::from([(NODE_KEY.to_owned(), acceptance.node.to_string())]),
        }
    }
}

fn unknown() -> AdminError {
    AdminError::refused("nobody was invited with this secret, or so long ago that it is forgotten")
}

/// The addresses of a host now.
async fn lookup(address: &str) -> Result<Vec<SocketAddr>> {
    match tokio::time::timeout(LOOKUP, tokio::net::lookup_host(address)).await {
        Ok(Ok(found)) => Ok(found.collect()),
        _ => Err(AdminError::Unavailable(format!("{address} cannot be looked up"))),
    }
}

/// One of the addresses that were found, where all are of the open internet: what somebody unknown names must not make the gateway connect to
/// what is inside. The key in the handshake is asked for all the same.
fn public_address(found: Vec<SocketAddr>, address: &str) -> Result<SocketAddr> {
    if let Some(inside) = found.iter().find(|one| !is_public_address(one.ip())) {
        return Err(AdminError::refused(format!(
            "{address} is {}, which is no address of the open internet; if the node is on a network of your own, say --allow-internal",
            inside.ip()
        )));
    }
    found.first().copied().ok_or_else(|| AdminError::Unavailable(format!("{address} has no address")))
}

/// The same backend, reached at an address that was checked: asked again, the name may mean another one.
fn at_address(config: &BackendConfig, address: SocketAddr) -> BackendConfig {
    BackendConfig { url: format!("node://{address}"), ..config.clone() }
}

fn block(config: &BackendConfig) -> String {
    let zone = config.zone.as_ref().map(|zone| format!("zone = {zone:?}\n")).unwrap_or_default();
    let key = config.options.get(NODE_KEY).cloned().unwrap_or_default();
    format!("[[backend]]\nname = {:?}\nurl = {:?}\n{zone}options = {{ {NODE_KEY} = {key:?} }}", config.name, config.url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_reached_at_the_address_that_was_checked() {
        let of = |found: &[&str]| {
            public_address(found.iter().map(|one| one.parse().expect("an address")).collect(), "node.example:7000")
        };
        assert!(of(&["127.0.0.1:7000"]).is_err());
        assert!(of(&["203.0.114.5:7000", "10.0.0.1:7000"]).is_err(), "one that is inside is enough");
        assert!(of(&[]).is_err());
        let config = BackendConfig {
            name: "n".to_owned(),
            url: "node://node.example:7000".to_owned(),
            provider: None,
            zone: None,
            weight: 1,
            trusted: None,
            options: BTreeMap::new(),
        };
        for (found, url) in [("8.8.8.8:7000", "node://8.8.8.8:7000"), ("[2a00::5]:7000", "node://[2a00::5]:7000")] {
            let reached = at_address(&config, of(&[found]).expect("public"));
            assert_eq!((reached.url.as_str(), reached.name.as_str()), (url, "n"));
        }
    }
}
