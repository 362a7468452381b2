//! Access keys for the verifier: from the database, opened, and remembered for a moment.

#[cfg(test)]
mod tests;
mod ticket;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use codec::ClusterKey;
use moka::sync::Cache;
use zeroize::Zeroizing;

use self::ticket::Ticket;
use crate::admin::credentials;
use crate::admin::users::{open_secret, seal_secret};
use crate::clock::Ambient;
use crate::domain::{AccessKey, Member, Session, Timestamp, User};
use crate::metadata::{MetadataError, MetadataStore};
use crate::s3::auth::{Caller, KeyError, KeySource, NewKey, NewSession, TemporaryKey};

/// How long a key, or that there is none, is believed when another gateway may change it; a session is believed that long
/// again after its key was, so that whatever changes counts within 2 s. Changes made through this gateway count at once.
const BELIEF: Duration = Duration::from_secs(1);
/// Keys remembered; ids that do not exist count too, so that guessing does not reach the database each time.
const KEYS_MAX: u64 = 10_000;
/// Sessions remembered.
const SESSIONS_MAX: u64 = 1_000;
/// How exactly the last use of a key is written down.
const USE_PRECISION: Duration = Duration::from_secs(900);

/// Something read from the database, and how many changes there had been before it was read.
type Remembered<T> = Cache<String, (u64, Option<T>)>;

/// A role, its account, and what the root user put on that.
#[derive(Debug)]
struct Role {
    user: User,
    member: Arc<Member>,
    policies: Vec<Arc<str>>,
}

/// The keys.
#[derive(Clone)]
pub struct Keys {
    metadata: MetadataStore,
    cluster_key: Arc<ClusterKey>,
    ambient: Ambient,
    keys: Remembered<Arc<Caller>>,
    roles: Remembered<Arc<Role>>,
    /// Sessions by the id of their key, a space and their token.
    sessions: Cache<String, (u64, Arc<Caller>)>,
    /// Keys whose use was just written down.
    used: Cache<String, ()>,
}

impl Keys {
    /// Keys from this database, sealed by this cluster key.
    #[must_use]
    pub fn new(metadata: MetadataStore, cluster_key: ClusterKey, ambient: Ambient) -> Self {
        Self {
            metadata,
            cluster_key: Arc::new(cluster_key),
            ambient,
            keys: Cache::builder().max_capacity(KEYS_MAX).time_to_live(BELIEF).build(),
            roles: Cache::builder().max_capacity(KEYS_MAX).time_to_live(BELIEF).build(),
            sessions: Cache::builder().max_capacity(SESSIONS_MAX).time_to_live(BELIEF).build(),
            used: Cache::builder().max_capacity(KEYS_MAX).time_to_live(USE_PRECISION).build(),
        }
    }

    async fn role(&self, unique_id: &str) -> Result<Option<Arc<Role>>, KeyError> {
        let changes = self.metadata.identity_changes();
        if let Some((then, role)) = self.roles.get(unique_id)
            && then == changes
        {
            return Ok(role);
        }
        let found = self.metadata.role_grant(unique_id).await.map_err(|error| unavailable(&error))?;
        let role = found.map(|(user, member, policies)| Arc::new(Role { user, member: Arc::new(member), policies }));
        self.roles.insert(unique_id.to_owned(), (changes, role.clone()));
        Ok(role)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("remembered", &self.keys.entry_count()).finish_non_exhaustive()
    }
}

#[async_trait]
impl KeySource for Keys {
    async fn access_key(&self, id: &str) -> Result<Option<Arc<Caller>>, KeyError> {
        let changes = self.metadata.identity_changes();
        if let Some((then, key)) = self.keys.get(id)
            && then == changes
        {
            return Ok(key);
        }
        let grant = self.metadata.key_grant(id).await.map_err(|error| unavailable(&error))?;
        let key = match grant.filter(|grant| grant.active) {
            None => None,
            Some(grant) => {
                let secret = open_secret(&self.cluster_key, id, &grant.sealed_secret)
                    .map_err(|error| KeyError::Damaged(format!("access key {id}: {error}")))?;
                let member = grant.member.map(Arc::new);
                let (id, user) = (id.to_owned(), grant.user);
                let account_policies = grant.account_policies;
                Some(caller(AccessKey { id, secret, user, member, session: None, account_policies })?)
            }
        };
        self.keys.insert(id.to_owned(), (changes, key.clone()));
        Ok(key)
    }

    async fn temporary_key(&self, id: &str, token: &str) -> Result<Option<Arc<Caller>>, KeyError> {
        let (name_of_session, changes) = (format!("{id} {token}"), self.metadata.identity_changes());
        let now = self.ambient.clock.now();
        if let Some((then, known)) = self.sessions.get(&name_of_session)
            && then == changes
            && known.session.as_ref().is_some_and(|session| now < session.expires_at)
        {
            return Ok(Some(known));
        }
        let ticket = Ticket::open(&self.cluster_key, id, token).ok_or(KeyError::Forged)?;
        let expires_at = Timestamp::default().plus_seconds(ticket.expires_at);
        if now >= expires_at {
            return Err(KeyError::Expired);
        }
        // Who made it must still be there, whatever it was made for.
        let Some(issuer) = self.access_key(&ticket.issuer).await? else { return Ok(None) };
        let (user, member, name, account_policies) = match &ticket.role {
            None => (issuer.user.clone(), issuer.member.clone(), None, issuer.account_policies.clone()),
            Some((role, name)) => {
                let Some(role) = self.role(role).await? else { return Ok(None) };
                (role.user.clone(), Some(role.member.clone()), Some(name.clone()), role.policies.clone())
            }
        };
        let (issuer, policy) = (ticket.issuer.clone(), ticket.policy.as_deref().map(Arc::from));
        let session = Some(Arc::new(Session { name, policy, issuer, expires_at }));
        let (id, secret) = (id.to_owned(), Zeroizing::new(ticket.secret.clone()));
        let made = caller(AccessKey { id, secret, user, member, session, account_policies })?;
        self.sessions.insert(name_of_session, (changes, made.clone()));
        Ok(Some(made))
    }

    fn used(&self, key: &AccessKey, service: &'static str, region: &str) {
        if key.session.is_some() || self.used.contains_key(&key.id) {
            return;
        }
        self.used.insert(key.id.clone(), ());
        let (metadata, id, region) = (self.metadata.clone(), key.id.clone(), region.to_owned());
        tokio::spawn(async move {
            if let Err(error) = metadata.record_key_use(&id, service, &region).await {
                tracing::debug!(%error, key = id, "its use was not written down");
            }
        });
    }

    fn draw(&self) -> NewKey {
        let drawn = credentials::generate(self.ambient.entropy.as_ref());
        let sealed_secret = seal_secret(&self.cluster_key, &drawn.access_key, &drawn.secret_key, &self.ambient);
        NewKey { id: drawn.access_key, secret: drawn.secret_key, sealed_secret }
    }

    fn draw_temporary(&self, session: &NewSession) -> TemporaryKey {
        ticket::draw(&self.cluster_key, session, &self.ambient)
    }
}

fn caller(key: AccessKey) -> Result<Arc<Caller>, KeyError> {
    let id = key.id.clone();
    Caller::new(key).map(Arc::new).map_err(|error| KeyError::Damaged(format!("a policy of access key {id}: {error}")))
}

fn unavailable(error: &MetadataError) -> KeyError {
    KeyError::Unavailable(error.to_string())
}
