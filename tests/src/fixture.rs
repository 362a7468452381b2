//! What an earlier release of the program wrote, kept in `tests/fixtures` with a manifest of what can be read of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Database, Exchange, S3, Settings, TestGateway};

const MANIFEST: &str = "manifest.json";
/// A request and its reply on each line.
const EXCHANGES: &str = "exchanges.jsonl";

/// The manifest: what the program that wrote the data said of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fixture {
    /// `haulout --version`, and the commit.
    pub written_by: String,
    /// Access key and secret key of each user, by the name that is used here.
    pub keys: BTreeMap<String, (String, String)>,
    /// What was read back; in a file of its own.
    #[serde(skip)]
    pub exchanges: Vec<Exchange>,
    /// What commands printed.
    pub commands: Vec<Command>,
    /// An upload that was not completed.
    pub open_upload: OpenUpload,
    /// `bucket/key` of changes whose notifications wait for their webhook.
    pub notifications: Vec<String>,
}

/// A command and the JSON that it printed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Command {
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it printed; a later program may print more members.
    pub json: Value,
}

/// An upload under way.
#[derive(Debug, Serialize, Deserialize)]
pub struct OpenUpload {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its id.
    pub id: String,
    /// The parts that are there: number, ETag, and the seed of a [`crate::Payload`] with its length.
    pub parts: Vec<(u32, String, String, u64)>,
}

impl Fixture {
    /// Where a release's data of one database lies.
    #[must_use]
    pub fn folder(release: &str, database: Database) -> PathBuf {
        let name = match database {
            Database::Sqlite => "sqlite",
            Database::Postgres => "postgres",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(release).join(name)
    }

    /// What a gateway of the fixture is started with. Nothing is given up because it is old.
    #[must_use]
    pub fn settings(database: Database) -> Settings {
        Settings::new(database)
            .with_root_in_folder()
            .set("kms", "file = \"kms-keys.toml\"")
            .set("objects", "upload_days_max = 0")
            .set("objects", "quilt_object_bytes_max = 4096")
            .set("storage_class.STANDARD_IA", "scheme = \"copy-3\"")
            .set("storage_class.REDUCED_REDUNDANCY", "scheme = \"rs-2-1\"")
            .set("storage_class.GLACIER_IR", "scheme = \"rs-3-2\"")
    }

    /// Reads the manifest.
    ///
    /// # Errors
    /// There is none.
    pub fn read(folder: &Path) -> Result<Self> {
        let read = |name| fs::read_to_string(folder.join(name)).with_context(|| folder.display().to_string());
        let mut fixture: Self = serde_json::from_str(&read(MANIFEST)?)?;
        fixture.exchanges = read(EXCHANGES)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        ensure!(!fixture.exchanges.is_empty(), "{} has nothing to read back", folder.display());
        Ok(fixture)
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// The disk refused.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let lines = self.exchanges.iter().map(|exchange| Ok(serde_json::to_string(exchange)? + "\n"));
        fs::write(folder.join(EXCHANGES), lines.collect::<Result<String>>()?)?;
        Ok(fs::write(folder.join(MANIFEST), serde_json::to_string_pretty(self)? + "\n")?)
    }

    /// A user of the fixture.
    ///
    /// # Errors
    /// There is no such user.
    pub fn user(&self, gateway: &TestGateway, name: &str) -> Result<S3> {
        let (access_key, secret_key) = self.keys.get(name).with_context(|| format!("no user {name:?}"))?;
        Ok(gateway.user(access_key, secret_key))
    }

    /// Reads everything back.
    ///
    /// # Errors
    /// Something is not as it was.
    pub async fn read_back(&self, gateway: &TestGateway) -> Result<()> {
        for exchange in &self.exchanges {
            exchange.repeat(&self.user(gateway, &exchange.user)?).await?;
        }
        for command in &self.commands {
            command.repeat(gateway).await?;
        }
        Ok(())
    }
}

impl Command {
    /// Runs it and keeps what it prints.
    ///
    /// # Errors
    /// It failed, or printed no JSON.
    pub async fn record(gateway: &TestGateway, arguments: &[&str]) -> Result<Self> {
        let json = serde_json::from_str(&gateway.haulout(arguments).ok().await?)?;
        Ok(Self { arguments: arguments.iter().map(|argument| (*argument).into()).collect(), json })
    }

    async fn repeat(&self, gateway: &TestGateway) -> Result<()> {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        let printed: Value = serde_json::from_str(&gateway.haulout(&arguments).ok().await?)?;
        ensure!(contains(&printed, &self.json), "{arguments:?}: {printed} instead of {}", self.json);
        Ok(())
    }
}

/// Whether all members of one value are in another.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|other| contains(other, value)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        _ => whole == part,
    }
}
