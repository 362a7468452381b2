//! Access keys for the verifier: read from the database, decrypted, and cached briefly.

mod session_token;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use codec::ClusterKey;
use moka::sync::Cache;
use zeroize::Zeroizing;

use crate::admin::credentials;
use crate::admin::users::{open_secret, seal_secret};
use crate::app::keys::session_token::SessionToken;
use crate::clock::Ambient;
use crate::domain::{AccessKey, PrincipalPolicies, Session, Timestamp, User};
use crate::metadata::{MetadataError, MetadataStore};
use crate::s3::auth::{Caller, KeyError, KeySource, NewKey, NewSession, TemporaryKey};

/// How long a key, or its absence, stays cached when another gateway may change it; a session stays cached that long
/// again after its key was, so that whatever changes counts within 2 s. Changes made through this gateway count at once.
const CACHE_TTL: Duration = Duration::from_secs(1);
/// Most keys cached; unknown ids are cached too, so that guessing does not reach the database each time.
const KEYS_MAX: u64 = 10_000;
/// Most sessions cached.
const SESSIONS_MAX: u64 = 1_000;
/// How precisely the last use of a key is recorded.
const USE_PRECISION: Duration = Duration::from_secs(900);

/// Something read from the database, and how many changes there had been before it was read.
type CachedById<T> = Cache<String, (u64, Option<T>)>;

/// A role, its account, and what the root user put on that.
#[derive(Debug)]
struct Role {
    user: User,
    principal_policies: Arc<PrincipalPolicies>,
    policies: Vec<Arc<str>>,
}

/// The keys.
#[derive(Clone)]
pub struct Keys {
    metadata: MetadataStore,
    cluster_key: Arc<ClusterKey>,
    ambient: Ambient,
    keys: CachedById<Arc<Caller>>,
    roles: CachedById<Arc<Role>>,
    /// Sessions by the id of their key, a space and their token.
    sessions: Cache<String, (u64, Arc<Caller>)>,
    /// Keys whose use was recorded lately.
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
            keys: Cache::builder().max_capacity(KEYS_MAX).time_to_live(CACHE_TTL).build(),
            roles: Cache::builder().max_capacity(KEYS_MAX).time_to_live(CACHE_TTL).build(),
            sessions: Cache::builder().max_capacity(SESSIONS_MAX).time_to_live(CACHE_TTL).build(),
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
        let role = found.map(|(user, principal_policies, policies)| {
            Arc::new(Role { user, principal_policies: Arc::new(principal_policies), policies })
        });
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
                let principal_policies = grant.principal_policies.map(Arc::new);
                let (id, user) = (id.to_owned(), grant.user);
                let account_policies = grant.account_policies;
                Some(caller(AccessKey { id, secret, user, principal_policies, session: None, account_policies })?)
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
        let session_token = SessionToken::open(&self.cluster_key, id, token).ok_or(KeyError::Forged)?;
        let expires_at = Timestamp::default().plus_seconds(session_token.expires_at);
        if now >= expires_at {
            return Err(KeyError::Expired);
        }
        // The issuing key must still exist, with the secret it had.
        let Some(issuer) = self.access_key(&session_token.issuer).await? else { return Ok(None) };
        if !session_token.is_issued_by(&issuer) {
            return Ok(None);
        }
        let (user, principal_policies, name, account_policies) = match &session_token.role {
            None => (issuer.user.clone(), issuer.principal_policies.clone(), None, issuer.account_policies.clone()),
            Some((role, name)) => {
                let Some(role) = self.role(role).await? else { return Ok(None) };
                (role.user.clone(), Some(role.principal_policies.clone()), Some(name.clone()), role.policies.clone())
            }
        };
        let (issuer, policy) = (session_token.issuer.clone(), session_token.policy.as_deref().map(Arc::from));
        let issuer_digest = session_token.issuer_digest;
        let session = Some(Arc::new(Session { name, policy, issuer, issuer_digest, expires_at }));
        let (id, secret) = (id.to_owned(), Zeroizing::new(session_token.secret.clone()));
        let made = caller(AccessKey { id, secret, user, principal_policies, session, account_policies })?;
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
                tracing::debug!(%error, key = id, "the last use of an access key was not recorded");
            }
        });
    }

    fn draw(&self) -> NewKey {
        let drawn = credentials::generate(self.ambient.entropy.as_ref());
        let sealed_secret = seal_secret(&self.cluster_key, &drawn.access_key, &drawn.secret_key, &self.ambient);
        NewKey { id: drawn.access_key, secret: drawn.secret_key, sealed_secret }
    }

    fn draw_temporary(&self, caller: &AccessKey, session: &NewSession) -> TemporaryKey {
        session_token::draw(&self.cluster_key, caller, session, &self.ambient)
    }
}

fn caller(key: AccessKey) -> Result<Arc<Caller>, KeyError> {
    let id = key.id.clone();
    Caller::new(key).map(Arc::new).map_err(|error| KeyError::Damaged(format!("a policy of access key {id}: {error}")))
}

fn unavailable(error: &MetadataError) -> KeyError {
    KeyError::Unavailable(error.to_string())
}
