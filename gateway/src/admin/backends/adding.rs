//! Adding a backend: it is checked, reached and formatted before any gateway has it in its configuration.

use backends::{Expect, GatewayIdentity, Space, StoreError};
use serde::{Deserialize, Serialize};

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::config::{BackendConfig, Environment, backend_problems, parse_backend};
use crate::domain::BackendId;
use crate::metadata::BackendRow;

/// Add a backend to the cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddBackend {
    /// Its `[[backend]]`, as the configuration will have it.
    pub block: String,
    /// Check it and reach it, and change nothing.
    pub dry_run: bool,
}

/// How far a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddedState {
    /// It was reached, and would be formatted.
    Checked,
    /// It is formatted and belongs to the cluster; this gateway's configuration lacks it.
    Added,
    /// This gateway has it in its configuration: nothing is left to do.
    InUse,
}

/// A backend that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedBackend {
    /// The name.
    pub name: String,
    /// Where it is, without secrets.
    pub url: String,
    /// How far it is.
    pub state: AddedState,
    /// Free bytes, where it reports them.
    pub free_bytes: Option<u64>,
    /// Its share of new slivers, in thousandths, as soon as every gateway uses it.
    pub share: u64,
    /// It has that share only once it has passed its audits.
    pub vetting: bool,
    /// What else the operator should know.
    pub notes: Vec<String>,
    /// What the configuration needs beside the block: the backends that are used because it names none.
    pub other_blocks: String,
}

impl Operation for AddBackend {
    const NAME: &'static str = "backend-add";
    type Reply = AddedBackend;

    fn changes(&self) -> bool {
        !self.dry_run
    }

    async fn run(self, admin: &Admin) -> Result<AddedBackend> {
        let config = read(admin, &self.block)?;
        add(admin, &config, self.dry_run).await
    }
}

/// Reads a block and checks it beside the backends that there are.
pub(super) fn read(admin: &Admin, block: &str) -> Result<BackendConfig> {
    let config = parse_backend(block, &Environment::of_process());
    let config = config.map_err(|error| AdminError::refused(error.to_string()))?;
    let others = admin.backends.iter().filter(|other| **other != config);
    let all: Vec<BackendConfig> = others.chain([&config]).cloned().collect();
    let found = backend_problems(&all);
    if found.is_empty() {
        return Ok(config);
    }
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    Err(AdminError::refused(texts.join("\n")))
}

/// Checks, reaches and, unless it is a dry run, formats a backend and makes it one of the cluster. May be repeated.
pub(in crate::admin) async fn add(admin: &Admin, config: &BackendConfig, dry_run: bool) -> Result<AddedBackend> {
    add_reached_as(admin, config, config, dry_run).await
}

/// As [`add`], of a backend that is reached as `reached` says: at an address that was checked, and not at what its name may mean by now.
pub(in crate::admin) async fn add_reached_as(
    admin: &Admin,
    config: &BackendConfig,
    reached: &BackendConfig,
    dry_run: bool,
) -> Result<AddedBackend> {
    let id: BackendId = config.name.parse().map_err(|error| AdminError::refused(format!("{error}")))?;
    if admin.metadata.removed_backends().await?.contains(&id) {
        return Err(AdminError::refused(format!(
            "a backend named {id} was taken out of the cluster: choose another name, or take it back with `haulout backend accept {id}`"
        )));
    }
    let in_use = admin.backends.contains(config);
    let known = in_use || admin.metadata.backends().await?.iter().any(|row| row.id == id && row.formatted);
    let space = match (dry_run, known) {
        (false, _) => open(admin, reached, if known { Expect::Formatted } else { Expect::New }).await?,
        (true, true) => open(admin, reached, Expect::Formatted).await?,
        (true, false) => reach(admin, reached).await?,
    };
    let url = backends::redacted_url(&config.url);
    let url = if url.contains(':') { url } else { admin.base.join(url).to_string_lossy().into_owned() };
    if !dry_run && !known {
        let (provider, zone) = (config.provider().to_owned(), config.zone.clone().unwrap_or_default());
        let row = BackendRow { id: id.clone(), url: url.clone(), provider, zone, formatted: true };
        admin.metadata.record_backend(row).await?;
        tracing::info!(backend = %id, url, "was added to the cluster; it takes slivers once it is in the configuration");
    }
    let state = match (in_use, dry_run && !known) {
        (true, _) => AddedState::InUse,
        (false, true) => AddedState::Checked,
        (false, false) => AddedState::Added,
    };
    Ok(AddedBackend {
        name: id.to_string(),
        url,
        state,
        free_bytes: space.free_bytes,
        share: share(admin, config),
        vetting: !config.is_trusted(),
        notes: notes(admin, config),
        other_blocks: other_blocks(admin),
    })
}

async fn open(admin: &Admin, config: &BackendConfig, expect: Expect) -> Result<Space> {
    let identity = GatewayIdentity::new(admin.cluster, &admin.key);
    let opened = backends::open(&config.spec(), identity, &admin.base, expect).await;
    let store = opened.map_err(|error| failed(config, &error))?;
    store.probe().await.map_err(|error| failed(config, &error))
}

/// Looks whether something answers, and whether it could be formatted as far as that can be seen.
async fn reach(admin: &Admin, config: &BackendConfig) -> Result<Space> {
    let identity = GatewayIdentity::new(admin.cluster, &admin.key);
    let opened = backends::open(&config.spec(), identity, &admin.base, Expect::Formatted).await;
    match opened.map_err(|error| failed(config, &error))?.probe().await {
        // Without a marker, as what was never used.
        Err(StoreError::WrongBackend { .. }) => Ok(Space::default()),
        probed => probed.map_err(|error| failed(config, &error)),
    }
}

fn failed(config: &BackendConfig, error: &StoreError) -> AdminError {
    let advice = match error {
        StoreError::WrongBackend { .. } => "; give it an empty location of its own",
        StoreError::Misconfigured { .. } => "",
        _ if config.is_node() => {
            "; does the node run, and has it admitted this cluster (`haulout keys gateway`, `haulout node allow`)?"
        }
        _ => "; a backend must be reachable when it is added",
    };
    let text = format!("backend {:?} at {}: {error}{advice}", config.name, backends::redacted_url(&config.url));
    match error {
        StoreError::WrongBackend { .. } | StoreError::Misconfigured { .. } | StoreError::Denied { .. } => {
            AdminError::refused(text)
        }
        _ => AdminError::Unavailable(text),
    }
}

/// Its part of all weights, in thousandths.
fn share(admin: &Admin, config: &BackendConfig) -> u64 {
    let others = admin.backends.iter().filter(|other| other.name != config.name);
    let all: u64 = others.chain([config]).map(|one| u64::from(one.weight)).sum();
    u64::from(config.weight) * 1_000 / all.max(1)
}

fn notes(admin: &Admin, config: &BackendConfig) -> Vec<String> {
    let mut notes = Vec::new();
    let others = || admin.backends.iter().filter(|other| other.name != config.name);
    if let Some(other) = others().find(|other| other.provider() == config.provider()) {
        let provider = config.provider();
        notes.push(format!("{} has the same provider, {provider}: no blob has slivers on both", other.name));
    }
    if config.zone.is_none() && others().any(|other| other.zone.is_some()) {
        notes.push("it has no zone, and others have: where zones are what fails, name it".to_owned());
    }
    notes
}

/// The default backends, which a configuration that names one has no more unless it names them too.
fn other_blocks(admin: &Admin) -> String {
    if !admin.has_default_backends {
        return String::new();
    }
    let block = |one: &BackendConfig| format!("[[backend]]\nname = {:?}\nurl = {:?}\n", one.name, one.url);
    admin.backends.iter().map(block).collect::<Vec<_>>().join("\n")
}
