//! The unique ids of principals: found when a policy is set, and named again when it is shown.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::{IamIdentity, IamName, IdentityDetails, IdentityKind, PinnedPrincipals, UserId};
use crate::metadata::{MetadataError, MetadataStore};
use crate::policy::{Document, rename_principals};

/// The unique ids behind the ARNs in a document. There are no more of them than fit into a document, and each is one look.
///
/// # Errors
/// When the database is unavailable.
pub(crate) async fn pin(metadata: &MetadataStore, document: &Document) -> Result<PinnedPrincipals, MetadataError> {
    let mut pinned = PinnedPrincipals::default();
    for arn in document.principal_arns() {
        let Some(named) = Named::read(arn) else { continue };
        let found = metadata.identity(named.account, named.kind, &named.name).await?;
        if let Some(identity) = found.filter(|identity| named.is(identity, arn)) {
            pinned.insert(arn.to_owned(), named.id(&identity.unique_id));
        }
    }
    Ok(pinned)
}

/// The users and roles behind unique ids, as they are called now.
struct IdentitiesById(HashMap<String, IamIdentity>);

impl IdentitiesById {
    /// Those that some policies name, looked up together.
    async fn of(
        metadata: &MetadataStore,
        pinned: impl Iterator<Item = &PinnedPrincipals>,
    ) -> Result<Self, MetadataError> {
        let ids: BTreeSet<&str> = pinned.flat_map(PinnedPrincipals::iter).map(|(_, id)| unique_id(id).0).collect();
        if ids.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        metadata.identities_by_unique_ids(&ids).await.map(Self)
    }

    /// The text of a policy: its principals under the names that they have now, and those that are gone by their ids.
    fn shown(&self, text: &str, pinned: &PinnedPrincipals) -> String {
        let mut names = BTreeMap::new();
        for (arn, id) in pinned.iter() {
            let (unique_id, session) = unique_id(id);
            let now = match (self.0.get(unique_id), session) {
                (None, _) => id.to_owned(),
                (Some(identity), None) => identity.arn(),
                (Some(role), Some(session)) => session_arn(role, session),
            };
            if now != arn {
                names.insert(arn, now);
            }
        }
        if names.is_empty() { text.to_owned() } else { rename_principals(text, |arn| names.get(arn).cloned()) }
    }
}

/// What a principal is pinned to: a unique id, and the name of a session.
fn unique_id(id: &str) -> (&str, Option<&str>) {
    id.split_once(':').map_or((id, None), |(role, session)| (role, Some(session)))
}

/// The text of a policy as it is shown: its principals under the names that they have now, and those that are gone by their ids.
///
/// # Errors
/// When the database is unavailable.
pub(crate) async fn shown(
    metadata: &MetadataStore,
    text: &str,
    pinned: &PinnedPrincipals,
) -> Result<String, MetadataError> {
    Ok(IdentitiesById::of(metadata, std::iter::once(pinned)).await?.shown(text, pinned))
}

/// Roles with their trust policies as they are shown, for all of which one look is taken; others as they are.
///
/// # Errors
/// When the database is unavailable.
pub(crate) async fn with_shown_trust(
    metadata: &MetadataStore,
    mut identities: Vec<IamIdentity>,
) -> Result<Vec<IamIdentity>, MetadataError> {
    let trusted = identities.iter().filter(|identity| identity.details.trust.is_some());
    let identities_by_id = IdentitiesById::of(metadata, trusted.map(|identity| &identity.details.trusted)).await?;
    for IdentityDetails { trust, trusted, .. } in identities.iter_mut().map(|identity| &mut identity.details) {
        if let Some(trust) = trust {
            *trust = identities_by_id.shown(trust, trusted);
        }
    }
    Ok(identities)
}

fn session_arn(role: &IamIdentity, session: &str) -> String {
    format!("arn:aws:sts::{}:assumed-role/{}/{session}", role.account.account_number(), role.name)
}

/// What the ARN of a user, a role or a session names.
struct Named<'a> {
    account: UserId,
    kind: IdentityKind,
    name: IamName,
    /// The name of the session.
    session: Option<&'a str>,
}

impl<'a> Named<'a> {
    fn read(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, _, account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (kind, path) = resource.split_once('/')?;
        let (kind, name, session) = match (service, kind) {
            ("iam", "user") => (IdentityKind::User, path.rsplit('/').next()?, None),
            ("iam", "role") => (IdentityKind::Role, path.rsplit('/').next()?, None),
            ("sts", "assumed-role") => {
                let (role, session) = path.split_once('/')?;
                (IdentityKind::Role, role, Some(session))
            }
            _ => return None,
        };
        Some(Self { account: UserId(account.parse().ok()?), kind, name: name.parse().ok()?, session })
    }

    /// Whether an identity of the name is the one: path and case are part of an ARN.
    fn is(&self, identity: &IamIdentity, arn: &str) -> bool {
        match self.session {
            None => identity.arn() == arn,
            Some(session) => session_arn(identity, session) == arn,
        }
    }

    fn id(&self, unique_id: &str) -> String {
        self.session.map_or_else(|| unique_id.to_owned(), |session| format!("{unique_id}:{session}"))
    }
}
