//! The root user and its access key.
//!
//! Who decides what the key is, in this order: the environment; the database, where another gateway of the cluster, or an
//! earlier start, has put it; the file in the data folder; chance.

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use super::data_folder::DataFolder;
use crate::admin::{credentials, users};
use crate::clock::Ambient;
use crate::config::{RootCredentials, refused_secret};
use crate::domain::User;
use crate::metadata::{AddAccessKey, AddUser, MetadataStore};

/// The file's name in the data folder: two lines a shell can read.
pub const FILE: &str = "root-credentials";
const NAMES: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// The root key, and whether this start made it up.
#[derive(Debug)]
pub struct RootKey {
    /// The key.
    pub credentials: RootCredentials,
    /// Nobody has seen it yet: print it.
    pub fresh: bool,
    /// It stands in the data folder, not only in the environment.
    pub in_file: bool,
}

/// Makes sure that the root user exists with exactly the right access key.
///
/// # Errors
/// The database is away, or the key is taken by another user.
pub async fn settle(
    given: Option<&RootCredentials>,
    folder: &DataFolder,
    metadata: &MetadataStore,
    key: &codec::ClusterKey,
    ambient: &Ambient,
) -> anyhow::Result<RootKey> {
    let root = find_or_add(metadata, ambient).await.context("cannot set up the root user")?;
    let (user, present) = root;
    let stored = match present.first() {
        Some(id) => users::open_key(metadata, key, id).await.context("cannot open the root user's key")?,
        None => None,
    };
    let written = read(folder)?;
    let settled = match (given, stored, &written) {
        (Some(given), _, _) => RootKey { credentials: given.clone(), fresh: false, in_file: false },
        (None, Some(stored), _) => RootKey { credentials: stored, fresh: false, in_file: true },
        (None, None, Some(written)) => RootKey { credentials: written.clone(), fresh: false, in_file: true },
        (None, None, None) => {
            RootKey { credentials: credentials::generate(ambient.entropy.as_ref()), fresh: true, in_file: true }
        }
    };
    let RootCredentials { access_key, secret_key } = &settled.credentials;
    if let Some(reason) = refused_secret(access_key, secret_key) {
        bail!("the root key {access_key} is refused: {reason}");
    }
    // A file that says something else than what is true would only mislead.
    let stale = written.as_ref().is_some_and(|written| *written != settled.credentials);
    if stale || (settled.in_file && written.is_none()) {
        write(folder, &settled.credentials)?;
    }
    make_only_key(&user, &present, &settled.credentials, metadata, key, ambient).await?;
    Ok(settled)
}

async fn find_or_add(metadata: &MetadataStore, ambient: &Ambient) -> anyhow::Result<(User, Vec<String>)> {
    for _ in 0..2 {
        let found = metadata.users().await?.into_iter().find(|(user, _)| user.root);
        if let Some(found) = found {
            return Ok(found);
        }
        let canonical = credentials::canonical_id(ambient.entropy.as_ref());
        if let AddUser::Added(user) = metadata.add_user(users::ROOT, &canonical, true).await? {
            return Ok((user, Vec::new()));
        }
        // Another gateway was faster: look again.
    }
    bail!("a user named {:?} exists but is not the root user", users::ROOT)
}

/// Leaves the root user with this key and no other: a key that the operator replaced must not go on opening everything.
async fn make_only_key(
    user: &User,
    present: &[String],
    wanted: &RootCredentials,
    metadata: &MetadataStore,
    key: &codec::ClusterKey,
    ambient: &Ambient,
) -> anyhow::Result<()> {
    let mut right = false;
    for id in present {
        right |= *id == wanted.access_key
            && users::open_key(metadata, key, id).await?.is_some_and(|stored| stored == *wanted);
        if *id != wanted.access_key || !right {
            metadata.remove_access_key(id).await.context("cannot remove an old root key")?;
        }
    }
    if right {
        return Ok(());
    }
    let sealed = users::seal_secret(key, &wanted.access_key, &wanted.secret_key, ambient);
    match metadata.add_access_key(user.id, &wanted.access_key, &sealed).await.context("cannot store the root key")? {
        AddAccessKey::Added => Ok(()),
        AddAccessKey::IdTaken => bail!("the access key {} belongs to another user", wanted.access_key),
        AddAccessKey::NoSuchUser => bail!("the root user was removed just now"),
    }
}

fn read(folder: &DataFolder) -> anyhow::Result<Option<RootCredentials>> {
    let Some(text) = folder.read_secret(FILE)? else { return Ok(None) };
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim().to_owned())
    };
    match NAMES.map(value) {
        [Some(access_key), Some(secret_key)] => {
            Ok(Some(RootCredentials { access_key, secret_key: Zeroizing::new(secret_key) }))
        }
        _ => bail!(
            "{}/{FILE} is damaged: it holds the lines {}=... and {}=...",
            folder.path().display(),
            NAMES[0],
            NAMES[1]
        ),
    }
}

fn write(folder: &DataFolder, credentials: &RootCredentials) -> anyhow::Result<()> {
    let RootCredentials { access_key, secret_key } = credentials;
    let text = format!("{}={access_key}\n{}={}\n", NAMES[0], NAMES[1], secret_key.as_str());
    folder.write_secret(FILE, &Zeroizing::new(text))
}
