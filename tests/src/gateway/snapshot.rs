//! What a stopped gateway leaves behind, saved into a folder and opened again by another program.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::TestGateway;
use crate::Settings;
use crate::canary::{Canaries, ROOT_CREDENTIALS};
use crate::files::copy_files;

/// The file with all of a PostgreSQL database, as statements.
pub(super) const DUMP: &str = "dump.sql";

/// What belongs to a process, not to its data.
const OF_THE_PROCESS: [&str; 3] = ["serve.lock", "admin.sock", "metadata.sqlite.lock"];

impl TestGateway {
    /// Starts one on a copy of a folder: its data folder, the files its settings name, the dump of its database.
    ///
    /// # Errors
    /// It did not start; the message holds its log.
    pub async fn open(settings: Settings, snapshot: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("haulout-test-").tempdir()?;
        copy_files(snapshot, folder.path(), |_| true)?;
        let data = folder.path().join("data");
        if data.exists() {
            // Git keeps no modes.
            fs::set_permissions(data, Permissions::from_mode(0o700))?;
        }
        Self::start_in(folder, settings).await
    }

    /// Saves the data folder and the database of a gateway that was stopped, for [`TestGateway::open`].
    ///
    /// # Errors
    /// It runs, or did not end well.
    pub fn save(&self, snapshot: &Path) -> Result<()> {
        ensure!(self.process.is_none(), "stop it first");
        let data = &self.layout.data;
        let unfinished = data.join("metadata.sqlite-wal");
        ensure!(!unfinished.exists(), "{} was left behind", unfinished.display());
        let is_data = |name: &Path| {
            let of_the_process = OF_THE_PROCESS.iter().any(|other| name == Path::new(other));
            !of_the_process && !name.components().any(|folder| folder.as_os_str() == ".drafts")
        };
        copy_files(data, &snapshot.join("data"), is_data)?;
        if self.database.url().is_some() {
            fs::write(snapshot.join(DUMP), portable(&self.database.dump(data)?)?)?;
        }
        Ok(())
    }

    /// The configuration's folder, for the files that it names.
    #[must_use]
    pub fn configuration_folder(&self) -> &Path {
        self.folder.path()
    }

    /// The root user's keys, where they are the gateway's to make.
    pub(super) fn read_root_credentials(&mut self) -> Result<()> {
        if !self.settings.root_in_folder {
            return Ok(());
        }
        let text = fs::read_to_string(self.layout.data.join(ROOT_CREDENTIALS))?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.map(str::to_owned).with_context(|| format!("no {name} in {ROOT_CREDENTIALS}"))
        };
        (self.access_key, self.secret_key) = (value("AWS_ACCESS_KEY_ID")?, value("AWS_SECRET_ACCESS_KEY")?);
        self.canaries = Canaries::new(&self.secret_key);
        Ok(())
    }
}

/// A dump that other versions of `psql` and PostgreSQL take, too.
fn portable(dump: &[u8]) -> Result<String> {
    let of_one_version = ["\\restrict ", "\\unrestrict ", "SET transaction_timeout"];
    let lines = std::str::from_utf8(dump)?.lines().filter(|line| !of_one_version.iter().any(|it| line.starts_with(it)));
    Ok(lines.map(|line| format!("{line}\n")).collect())
}
