//! Users and their access keys, as the operator sees them.

use codec::ClusterKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation, credentials};
use crate::clock::{Ambient, random};
use crate::config::{RootCredentials, refused_secret};
use crate::metadata::{self, MetadataStore};

/// The reserved name of the root user.
pub const ROOT: &str = "root";
/// What a sealed secret is sealed for; the access key's id is its name.
pub(super) const PURPOSE: &str = "access-key";

/// Seals the secret half of an access key for the database.
#[must_use]
pub fn seal_secret(key: &ClusterKey, id: &str, secret: &str, ambient: &Ambient) -> Vec<u8> {
    key.seal(PURPOSE, id.as_bytes(), secret.as_bytes(), random(ambient.entropy.as_ref()))
}

/// The same with one cluster key among several.
pub(super) fn reseal_secret(key: &ClusterKey, id: &str, secret: &str, ambient: &Ambient) -> Vec<u8> {
    seal_secret(key, id, secret, ambient)
}

/// Opens the secret half of an access key from the database.
///
/// # Errors
/// It was sealed by another cluster key or for another id, or is damaged.
pub fn open_secret(
    key: &ClusterKey,
    id: &str,
    sealed: &[u8],
) -> std::result::Result<Zeroizing<String>, codec::KeyError> {
    let opened = key.open(PURPOSE, id.as_bytes(), sealed)?;
    let text = std::str::from_utf8(&opened).map_err(|_| codec::KeyError::Refused)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Looks an access key up and opens it; `None` when there is none.
///
/// # Errors
/// The database is unavailable, or the secret cannot be decrypted.
pub async fn open_key(metadata: &MetadataStore, key: &ClusterKey, id: &str) -> Result<Option<RootCredentials>> {
    let Some((_, sealed)) = metadata.access_key(id).await? else { return Ok(None) };
    let secret_key = open_secret(key, id, &sealed)
        .map_err(|error| AdminError::refused(format!("the secret of access key {id} cannot be opened: {error}")))?;
    Ok(Some(RootCredentials { access_key: id.to_owned(), secret_key }))
}

/// Add a user with an access key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddUser {
    /// The name.
    pub name: String,
    /// Access key and secret; drawn when absent.
    pub credentials: Option<(String, String)>,
}

/// A new user. The only time the secret is shown.
#[derive(Clone, Serialize, Deserialize)]
pub struct AddedUser {
    /// The name.
    pub name: String,
    /// The twelve digits of the account, as policies and the configuration name it.
    pub account: String,
    /// The id S3 shows as the owner of the user's buckets.
    pub canonical_id: String,
    /// The public half of the key.
    pub access_key: String,
    /// The secret half.
    pub secret_key: String,
}

impl Operation for AddUser {
    const NAME: &'static str = "user-add";
    type Reply = AddedUser;

    async fn run(self, admin: &Admin) -> Result<AddedUser> {
        check_name(&self.name)?;
        let entropy = admin.ambient.entropy.as_ref();
        let given =
            self.credentials.map(|(access_key, secret)| RootCredentials { access_key, secret_key: secret.into() });
        let RootCredentials { access_key, secret_key } = given.unwrap_or_else(|| credentials::generate(entropy));
        if let Some(reason) = refused_secret(&access_key, &secret_key) {
            return Err(AdminError::refused(reason));
        }
        if admin.metadata.access_key(&access_key).await?.is_some() {
            return Err(AdminError::refused(format!("the access key {access_key} is taken")));
        }
        let canonical = credentials::canonical_id(entropy);
        let user = match admin.metadata.add_user(&self.name, &canonical, false).await? {
            metadata::AddUser::Added(user) => user,
            metadata::AddUser::NameTaken => {
                return Err(AdminError::refused(format!("there is already a user named {:?}", self.name)));
            }
        };
        let sealed = seal_secret(&admin.key, &access_key, &secret_key, &admin.ambient);
        let added = admin.metadata.add_access_key(user.id, &access_key, &sealed).await;
        if !matches!(added, Ok(metadata::AddAccessKey::Added)) {
            // A user without a key would block the next attempt.
            admin.metadata.remove_user(&self.name).await?;
            added?;
            return Err(AdminError::refused(format!("the access key {access_key} was taken by a concurrent request")));
        }
        if let Err(error) = admin.objects.await_journal().await {
            // Nobody would ever learn the secret.
            admin.metadata.remove_user(&self.name).await?;
            return Err(error.into());
        }
        let secret_key = secret_key.to_string();
        let account = user.id.account_number();
        Ok(AddedUser { name: user.name, account, canonical_id: user.canonical_id.0, access_key, secret_key })
    }
}

fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@+=,".contains(c);
    if !(1..=64).contains(&name.len()) || !name.chars().all(plain) {
        Err(AdminError::refused("a user's name is 1 to 64 of A-Z, a-z, 0-9 and -_.@+=,"))
    } else if name.eq_ignore_ascii_case(ROOT) {
        Err(AdminError::refused("the root user's key comes from HAULOUT_ROOT_ACCESS_KEY and HAULOUT_ROOT_SECRET_KEY"))
    } else {
        Ok(())
    }
}

/// List the users.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ListUsers {}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedUser {
    /// The name.
    pub name: String,
    /// The twelve digits of the account, as policies and the configuration name it.
    pub account: String,
    /// The id S3 shows as the owner of the user's buckets.
    pub canonical_id: String,
    /// May do everything.
    pub root: bool,
    /// The public halves of the user's keys.
    pub access_keys: Vec<String>,
}

impl Operation for ListUsers {
    const NAME: &'static str = "user-list";
    type Reply = Vec<ListedUser>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Vec<ListedUser>> {
        let listed = |(user, access_keys): (crate::domain::User, Vec<String>)| ListedUser {
            name: user.name,
            account: user.id.account_number(),
            canonical_id: user.canonical_id.0,
            root: user.root,
            access_keys,
        };
        Ok(admin.metadata.users().await?.into_iter().map(listed).collect())
    }
}

/// Remove a user and the user's keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RemoveUser {
    /// The name.
    pub name: String,
}

impl Operation for RemoveUser {
    const NAME: &'static str = "user-remove";
    type Reply = ();

    async fn run(self, admin: &Admin) -> Result<()> {
        let Self { name } = self;
        if name.eq_ignore_ascii_case(ROOT) {
            return Err(AdminError::refused("the root user cannot be removed"));
        }
        match admin.metadata.remove_user(&name).await? {
            // A key that was taken from somebody may not be good again when the database is lost.
            metadata::RemoveUser::Removed => Ok(admin.objects.await_journal().await?),
            metadata::RemoveUser::NoSuchUser => Err(AdminError::refused(format!("there is no user named {name:?}"))),
            metadata::RemoveUser::OwnsBuckets => {
                Err(AdminError::refused(format!("{name:?} still owns buckets: delete them first")))
            }
        }
    }
}
