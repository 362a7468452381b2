//! The key service that is a file: named keys, each in numbered versions.
//!
//! ```toml
//! default = "main"
//!
//! [[key]]
//! name = "main"
//! versions = { 1 = "64 hexadecimal digits", 2 = "64 hexadecimal digits" }
//! accounts = ["000000000001"]
//! ```
//!
//! `accounts` are those whose buckets the key is for; without it every bucket's. The highest version wraps, all unwrap. A wrapped data key is the version (u32, big-endian), then what
//! [`codec::ClusterKey::seal`] makes of it for the purpose `kms data key` and the name: length of the key's name (u32,
//! big-endian), name, context.

use std::collections::BTreeMap;

use async_trait::async_trait;
use codec::ClusterKey;
use serde::Deserialize;
use zeroize::{Zeroize as _, Zeroizing};

use crate::clock::{Ambient, random};
use crate::domain::{KmsKey, UserId};
use crate::objects::encryption::data_key::DataKey;
use crate::objects::encryption::key_provider::{KeyProvider, KeyProviderError};

const PURPOSE: &str = "kms data key";

/// The keys of a file.
#[derive(Debug)]
pub struct KeyFile {
    default: Option<String>,
    keys: BTreeMap<String, NamedKey>,
    ambient: Ambient,
}

/// A key.
#[derive(Debug)]
struct NamedKey {
    versions: BTreeMap<u32, ClusterKey>,
    /// The accounts whose buckets it is for; every account's if there are none said.
    accounts: Option<Vec<String>>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeyFile {
    default: Option<String>,
    #[serde(default, rename = "key")]
    keys: Vec<RawKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    name: String,
    versions: BTreeMap<String, String>,
    accounts: Option<Vec<String>>,
}

impl KeyFile {
    /// The keys in the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, without any of its secrets.
    pub fn parse(text: &str, ambient: Ambient) -> Result<Self, String> {
        let written: RawKeyFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let mut keys = BTreeMap::new();
        for mut key in written.keys {
            if key.name.is_empty() || key.name.len() > 2_048 || key.name.chars().any(char::is_control) {
                return Err("a key's name has 1 to 2048 characters".to_owned());
            }
            let mut versions = BTreeMap::new();
            for (number, secret) in &mut key.versions {
                let number: u32 =
                    number.parse().map_err(|_| format!("key {:?}: version {number:?} is no number", key.name))?;
                let mut bytes = Zeroizing::new([0; 32]);
                let decoded = hex::decode_to_slice(secret.as_bytes(), bytes.as_mut_slice());
                secret.zeroize();
                decoded.map_err(|_| format!("key {:?}: version {number} is not 64 hexadecimal digits", key.name))?;
                versions.insert(number, ClusterKey::new(number, *bytes));
            }
            if versions.is_empty() {
                return Err(format!("key {:?} has no versions", key.name));
            }
            let digits = |account: &String| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
            if !key.accounts.iter().flatten().all(digits) {
                return Err(format!(
                    "key {:?}: an account is named by its twelve digits, see `haulout user list`",
                    key.name
                ));
            }
            if keys.insert(key.name.clone(), NamedKey { versions, accounts: key.accounts }).is_some() {
                return Err(format!("there are two keys {:?}", key.name));
            }
        }
        match &written.default {
            Some(name) if !keys.contains_key(name) => Err(format!("the default key {name:?} is not in the file")),
            _ => Ok(Self { default: written.default, keys, ambient }),
        }
    }

    fn versions(&self, name: &str) -> Result<&BTreeMap<u32, ClusterKey>, KeyProviderError> {
        let key = self.keys.get(name).ok_or_else(|| KeyProviderError::NotFound(name.to_owned()))?;
        Ok(&key.versions)
    }

    fn wrap(&self, id: &str, context: Option<&str>, key: &DataKey) -> Result<Vec<u8>, KeyProviderError> {
        let newest = self.versions(id)?.last_key_value();
        let (number, wrapping) = newest.ok_or_else(|| KeyProviderError::NotFound(id.to_owned()))?;
        let sealed = wrapping.seal(PURPOSE, &name(id, context), key.bytes(), random(&*self.ambient.entropy));
        Ok([&number.to_be_bytes()[..], &sealed].concat())
    }

    /// The data key, and whether the newest version wrapped it.
    fn open(&self, key: &KmsKey) -> Result<(DataKey, bool), KeyProviderError> {
        let versions = self.versions(&key.id)?;
        let refused = |why: &str| KeyProviderError::Refused(format!("key {:?}: {why}", key.id));
        let (number, sealed) = key.wrapped.split_first_chunk::<4>().ok_or_else(|| refused("too short"))?;
        let number = u32::from_be_bytes(*number);
        let wrapping = versions.get(&number).ok_or_else(|| refused(&format!("version {number} is not in the file")))?;
        let opened = wrapping.open(PURPOSE, &name(&key.id, key.context.as_deref()), sealed);
        let opened = opened.map_err(|error| refused(&error.to_string()))?;
        let mut bytes: [u8; 32] = opened.as_slice().try_into().map_err(|_| refused("no key of 32 bytes"))?;
        let data_key = DataKey::new(bytes);
        bytes.zeroize();
        Ok((data_key, versions.last_key_value().is_some_and(|(newest, _)| *newest == number)))
    }
}

/// What a wrapping is bound to.
fn name(id: &str, context: Option<&str>) -> Vec<u8> {
    let len = u32::try_from(id.len()).unwrap_or(u32::MAX);
    [&len.to_be_bytes()[..], id.as_bytes(), context.unwrap_or_default().as_bytes()].concat()
}

#[async_trait]
impl KeyProvider for KeyFile {
    async fn generate(
        &self,
        key: Option<&str>,
        context: Option<String>,
    ) -> Result<(DataKey, KmsKey), KeyProviderError> {
        let id = key.or(self.default.as_deref()).ok_or(KeyProviderError::NoDefault)?;
        let data_key = DataKey::new(random(&*self.ambient.entropy));
        let wrapped = self.wrap(id, context.as_deref(), &data_key)?;
        Ok((data_key, KmsKey { id: id.to_owned(), wrapped, context, sent: None, bucket_key: false }))
    }

    fn permits(&self, key: Option<&str>, account: UserId) -> bool {
        let key = key.or(self.default.as_deref()).and_then(|name| self.keys.get(name));
        let Some(accounts) = key.and_then(|key| key.accounts.as_ref()) else { return true };
        accounts.contains(&account.account_number())
    }

    async fn unwrap(&self, key: &KmsKey) -> Result<DataKey, KeyProviderError> {
        self.open(key).map(|(data_key, _)| data_key)
    }

    async fn rebind(&self, key: &KmsKey, context: Option<String>) -> Result<KmsKey, KeyProviderError> {
        let (data_key, _) = self.open(key)?;
        let wrapped = self.wrap(&key.id, context.as_deref(), &data_key)?;
        Ok(KmsKey { wrapped, context, ..key.clone() })
    }

    async fn rewrap(&self, key: &KmsKey) -> Result<Option<KmsKey>, KeyProviderError> {
        match self.open(key)? {
            (_, true) => Ok(None),
            (data_key, false) => {
                let wrapped = self.wrap(&key.id, key.context.as_deref(), &data_key)?;
                Ok(Some(KmsKey { wrapped, ..key.clone() }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(versions: &str) -> Result<KeyFile, String> {
        let text = format!("default = \"main\"\n[[key]]\nname = \"main\"\nversions = {{ {versions} }}\n");
        KeyFile::parse(&text, Ambient::system())
    }

    fn version(number: u32) -> String {
        format!("{number} = \"{}\"", format!("{number:02x}").repeat(32))
    }

    #[tokio::test]
    async fn all_versions_unwrap_and_the_newest_wraps() {
        let first = file(&version(1)).unwrap();
        let (data_key, old) = first.generate(None, Some("e30=".to_owned())).await.unwrap();
        let both = file(&[version(1), version(2)].join(", ")).unwrap();
        assert_eq!(both.unwrap(&old).await.unwrap().bytes(), data_key.bytes());
        let new = both.rewrap(&old).await.unwrap().expect("there is a newer version");
        assert_eq!((&new.id, &new.context), (&old.id, &old.context));
        assert_eq!(both.rewrap(&new).await.unwrap(), None);
        let second = file(&version(2)).unwrap();
        assert_eq!(second.unwrap(&new).await.unwrap().bytes(), data_key.bytes());
        assert!(matches!(second.unwrap(&old).await, Err(KeyProviderError::Refused(_))));

        let bound = both.rebind(&old, Some("e30".to_owned())).await.unwrap();
        assert_eq!(second.unwrap(&bound).await.unwrap().bytes(), data_key.bytes(), "the newest version binds anew");
        assert!(second.unwrap(&KmsKey { context: old.context.clone(), ..bound }).await.is_err());

        let elsewhere = KmsKey { context: None, ..old.clone() };
        assert!(matches!(both.unwrap(&elsewhere).await, Err(KeyProviderError::Refused(_))), "bound to its context");
        let renamed = KmsKey { id: "other".to_owned(), ..old };
        assert_eq!(both.unwrap(&renamed).await.err(), Some(KeyProviderError::NotFound("other".to_owned())));
        let missing = both.generate(Some("missing"), None).await.err();
        assert_eq!(missing, Some(KeyProviderError::NotFound("missing".to_owned())));
        let nothing = KeyFile::parse("", Ambient::system()).unwrap();
        assert_eq!(nothing.generate(None, None).await.err(), Some(KeyProviderError::NoDefault));
    }

    #[test]
    fn a_key_is_for_the_accounts_it_names() {
        let text = |accounts: &str| {
            format!("default = \"main\"\n[[key]]\nname = \"main\"\nversions = {{ {} }}\n{accounts}", version(1))
        };
        let parse = |accounts: &str| KeyFile::parse(&text(accounts), Ambient::system());
        for (accounts, permitted) in
            [("", [true, true]), ("accounts = []", [false, false]), ("accounts = [\"000000000002\"]", [false, true])]
        {
            let keys = parse(accounts).unwrap();
            for name in [None, Some("main")] {
                assert_eq!([1, 2].map(|id| keys.permits(name, UserId(id))), permitted, "{accounts} {name:?}");
            }
            assert!(keys.permits(Some("missing"), UserId(1)), "there is nothing to permit");
        }
        assert!(parse("accounts = [\"2\"]").unwrap_err().contains("twelve digits"));
    }

    #[test]
    fn a_file_that_is_wrong_is_refused_without_its_secrets() {
        let secret = "ab".repeat(31);
        for versions in ["", &format!("1 = \"{secret}\""), &format!("x = \"{secret}ab\"")] {
            let error = file(versions).expect_err("wrong");
            assert!(!error.contains("abab"), "{error}");
        }
        assert!(KeyFile::parse("default = \"main\"", Ambient::system()).is_err());
        assert!(KeyFile::parse("unknown = 1", Ambient::system()).is_err());
    }
}
