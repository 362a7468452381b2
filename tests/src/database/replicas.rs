//! PostgreSQL on two servers, of which the primary may die: commits are acknowledged once both have them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::{script, stop_with_this_process};
use crate::{Program, wait_until};

/// The two folders of a plain primary and its standby.
const SERVERS: [&str; 2] = ["a", "b"];

/// A primary and its standby, ended and removed when this is dropped.
pub struct Replicas {
    folder: TempDir,
    /// Who decides that the standby takes over.
    decides: Decides,
    /// Names both servers.
    url: String,
}

/// Who decides that a standby takes over.
enum Decides {
    /// The test does. The number is that of the server that is the primary, or was until it was killed.
    Test {
        primary: usize,
    },
    Patroni,
}

impl Replicas {
    /// Starts both; the standby follows when it returns.
    ///
    /// # Errors
    /// One did not start.
    pub async fn start(with_patroni: bool) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("haulout-replicas-").tempdir()?;
        // PostgreSQL's user passes through it.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let decides = if with_patroni { Decides::Patroni } else { Decides::Test { primary: 0 } };
        let mut replicas = Self { folder, decides, url: String::new() };
        for (program, folder) in replicas.clusters() {
            stop_with_this_process(&script(program), &folder)?;
        }
        replicas.url = if with_patroni { replicas.run("start", &[""]).await? } else { replicas.start_pair().await? };
        Ok(replicas)
    }

    /// The URL of the database `postgres`, with both servers in it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes a database; its URL, with both servers in it.
    ///
    /// # Errors
    /// No server takes writes.
    pub async fn create_database(&self) -> Result<String> {
        let name = format!("haulout_{}", crate::s3::random_hex(8));
        self.query(&format!("CREATE DATABASE {name}")).await?;
        Ok(self.url.replacen("/postgres?", &format!("/{name}?"), 1))
    }

    /// Lets the standby fall behind: it receives nothing any more, and no commit waits for it. Not with Patroni.
    ///
    /// # Errors
    /// It goes on.
    pub async fn detach_standby(&self) -> Result<()> {
        let Decides::Test { primary } = self.decides else { bail!("Patroni would not let it take over") };
        self.run("detach", &[SERVERS[1 - primary], SERVERS[primary]]).await.map(drop)
    }

    /// Ends the primary at once, as a power cut would.
    ///
    /// # Errors
    /// There is none.
    pub async fn kill_primary(&self) -> Result<()> {
        let folder = match self.decides {
            Decides::Test { primary } => SERVERS[primary],
            Decides::Patroni => "",
        };
        self.run("kill", &[folder]).await.map(drop)
    }

    /// Returns when the standby takes writes; the test says that it shall, unless Patroni does.
    ///
    /// # Errors
    /// It does not, for long.
    pub async fn takeover(&mut self) -> Result<()> {
        if let Decides::Test { primary } = self.decides {
            let standby = 1 - primary;
            self.run("promote", &[SERVERS[standby]]).await?;
            self.decides = Decides::Test { primary: standby };
        }
        wait_until("a server takes writes", async || Ok(self.query("SELECT 1").await.ok().map(drop))).await
    }

    /// What was killed comes back as the standby; returns when commits wait for it.
    ///
    /// # Errors
    /// It does not, for long.
    pub async fn rejoin(&self) -> Result<()> {
        match self.decides {
            Decides::Test { primary } => self.run("follow", &[SERVERS[1 - primary], SERVERS[primary]]).await,
            Decides::Patroni => self.run("rejoin", &[""]).await,
        }
        .map(drop)
    }

    /// A primary and its standby without Patroni: one URL that names both.
    async fn start_pair(&self) -> Result<String> {
        let [primary, standby] = SERVERS;
        let (first, second) = (self.run("start", &[primary]).await?, self.run("follow", &[standby, primary]).await?);
        let hosts = first.strip_suffix("/postgres").context("no URL")?;
        let (_, other) = second.rsplit_once('@').context("no URL")?;
        Ok(format!("{hosts},{other}?target_session_attrs=read-write"))
    }

    /// Runs the script that makes such servers, on folders below this one's.
    async fn run(&self, verb: &str, folders: &[&str]) -> Result<String> {
        let name = if matches!(self.decides, Decides::Patroni) { "patroni" } else { "postgres" };
        let paths = folders.iter().map(|folder| self.cluster(folder));
        let printed = Program::new(script(name)).args([verb]).args(paths).ok().await?;
        Ok(printed.trim().to_owned())
    }

    /// Asks the one that takes writes.
    async fn query(&self, statement: &str) -> Result<()> {
        let options =
            ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", &self.url, "--command", statement];
        Program::new("psql").env("PGCONNECT_TIMEOUT", "5").args(options).ok().await.map(drop)
    }

    /// Where one of the servers lies; what Patroni runs lies in one folder.
    fn cluster(&self, name: &str) -> PathBuf {
        self.folder.path().join(if name.is_empty() { "patroni" } else { name })
    }

    /// All folders, each with the script that stops what is in it.
    fn clusters(&self) -> Vec<(&'static str, PathBuf)> {
        match self.decides {
            Decides::Patroni => vec![("patroni", self.cluster(""))],
            Decides::Test { .. } => SERVERS.map(|name| ("postgres", self.cluster(name))).to_vec(),
        }
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        for (program, folder) in self.clusters() {
            let mut stop = Command::new(script(program));
            let _ = stop.arg("stop").arg(folder).stderr(Stdio::null()).status();
        }
    }
}
