//! PostgreSQL on two servers, of which the primary may die: commits are acknowledged once both have them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::{script, stop_with_this_process};
use crate::{Namespaces, Passage, Program, wait_until};

/// The two folders of a plain primary and its standby.
const SERVERS: [&str; 2] = ["a", "b"];

/// Those of the poolers before them, as deploy/OPERATIONS.md says that they are to be set: a server that is gone is tried again soon, and nobody
/// waits for it for long.
const POOLERS: [&str; 2] = ["pooler-a", "pooler-b"];
const POOLER_SETTINGS: [&str; 4] =
    ["default_pool_size = 40", "max_client_conn = 400", "server_login_retry = 1", "query_wait_timeout = 5"];

/// What a standby is with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standby {
    /// It is promoted by the test.
    Plain,
    /// The same, and before each server is a pgbouncer that lends its sessions for one transaction at a time.
    Pooled,
    /// Patroni and etcd decide.
    Patroni,
}

/// The folders in that of Patroni, in the order in which `tests/patroni` takes their network namespaces; then comes that of etcd.
const PATRONI_SERVERS: [&str; 2] = ["db1", "db2"];

/// A primary and its standby, ended and removed when this is dropped.
pub struct Replicas {
    folder: TempDir,
    /// Who decides that the standby takes over.
    decides: Decides,
    /// Names both servers.
    url: String,
    /// The same, or names the poolers before them.
    gateway_url: String,
    /// Those of Patroni's servers and of etcd, where they may be made.
    namespaces: Option<Namespaces>,
}

/// Who decides that a standby takes over.
enum Decides {
    /// The test does. The number is that of the server that is the primary, or was until it was killed.
    Test {
        primary: usize,
    },
    Patroni,
}

/// A primary that was cut off goes on for so long when it is reached again, before somebody stops it.
const RIVAL: Duration = Duration::from_secs(2);

impl Replicas {
    /// Starts both; the standby follows when it returns.
    ///
    /// # Errors
    /// One did not start.
    pub async fn start(standby: Standby) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("haulout-replicas-").tempdir()?;
        // PostgreSQL's user passes through it.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let decides = if standby == Standby::Patroni { Decides::Patroni } else { Decides::Test { primary: 0 } };
        let namespaces = match standby {
            Standby::Patroni => Namespaces::make(PATRONI_SERVERS.len() + 1)?,
            Standby::Plain | Standby::Pooled => None,
        };
        let mut replicas = Self { folder, decides, url: String::new(), gateway_url: String::new(), namespaces };
        for (program, folder) in replicas.clusters() {
            stop_with_this_process(&script(program), &folder)?;
        }
        let servers = match standby {
            Standby::Patroni => None,
            Standby::Plain | Standby::Pooled => Some(replicas.start_pair().await?),
        };
        replicas.url = match &servers {
            None => replicas.start_patroni().await?,
            Some(servers) => joined(servers)?,
        };
        replicas.gateway_url = match servers.filter(|_| standby == Standby::Pooled) {
            None => replicas.url.clone(),
            Some(servers) => joined(&replicas.start_poolers(&servers).await?)?,
        };
        Ok(replicas)
    }

    /// Makes a database; the URL for gateways, with both servers in it, and the one to dump it from.
    ///
    /// # Errors
    /// No server takes writes.
    pub async fn create_database(&self) -> Result<(String, String)> {
        let name = format!("haulout_{}", crate::s3::random_hex(8));
        self.query(&format!("CREATE DATABASE {name}")).await?;
        let of = |url: &str| url.replacen("/postgres?", &format!("/{name}?"), 1);
        Ok((of(&self.gateway_url), of(&self.url)))
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

    /// Lets the primary stand still, as if nobody reached it any more.
    ///
    /// # Errors
    /// There is none.
    pub async fn cut_off_primary(&self) -> Result<()> {
        let folder = match self.decides {
            Decides::Test { primary } => SERVERS[primary],
            Decides::Patroni => "",
        };
        self.run("freeze", &[folder]).await.map(drop)
    }

    /// Whether the primary's network can be cut.
    #[must_use]
    pub fn can_be_partitioned(&self) -> bool {
        self.namespaces.is_some()
    }

    /// The primary's server runs on, but reaches nobody, and nobody reaches it: neither gateways, the other server nor etcd.
    ///
    /// # Errors
    /// There is no primary, or it has no network of its own.
    pub async fn partition_primary(&self) -> Result<()> {
        let namespaces = self.namespaces.as_ref().context("all are on loopback")?;
        let primary = self.run("primary", &[""]).await?;
        let server = PATRONI_SERVERS.iter().position(|name| *name == primary).context("an unknown server")?;
        namespaces.set(server, Passage::CUT)
    }

    /// Everybody reaches everybody.
    ///
    /// # Errors
    /// The network stays as it is.
    pub fn heal_network(&self) -> Result<()> {
        let namespaces = self.namespaces.as_ref().context("all are on loopback")?;
        (0..PATRONI_SERVERS.len()).try_for_each(|server| namespaces.set(server, Passage::FREE))
    }

    /// The one that was cut off goes on, and takes itself for the primary until somebody stops it. With Patroni it never gets so far: a watchdog
    /// resets a machine that hangs, which [`Replicas::rejoin`] does.
    ///
    /// # Errors
    /// It is not there.
    pub async fn reach_rival(&self) -> Result<()> {
        if let Decides::Test { primary } = self.decides {
            let rival = SERVERS[1 - primary];
            self.run("thaw", &[rival]).await?;
            tokio::time::sleep(RIVAL).await;
            self.run("kill", &[rival]).await?;
        }
        Ok(())
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
            return Ok(());
        }
        wait_until("a server takes writes", async || Ok(self.query("SELECT 1").await.ok().map(drop))).await
    }

    /// What was killed, or cut off with Patroni, comes back as the standby; returns when commits wait for it.
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

    /// A primary and its standby without Patroni; the URL of each.
    async fn start_pair(&self) -> Result<[String; 2]> {
        let [primary, standby] = SERVERS;
        Ok([self.run("start", &[primary]).await?, self.run("follow", &[standby, primary]).await?])
    }

    /// Patroni's two servers and etcd, each in a network namespace where that may be; the URL of both.
    async fn start_patroni(&self) -> Result<String> {
        let places = self.namespaces.iter().flat_map(|namespaces| {
            (0..=PATRONI_SERVERS.len()).map(|place| format!("{}={}", namespaces.name(place), namespaces.address(place)))
        });
        let start = Program::new(script("patroni")).args(["start"]).args([self.cluster("")]).args(places);
        Ok(start.ok().await?.trim().to_owned())
    }

    /// One before each server; their URLs.
    async fn start_poolers(&self, servers: &[String; 2]) -> Result<[String; 2]> {
        let start = async |name, server: &String| {
            let start = Program::new(script("pgbouncer")).args(["start"]).args([self.cluster(name)]);
            start.args([server]).args(POOLER_SETTINGS).ok().await.map(|url| url.trim().to_owned())
        };
        Ok([start(POOLERS[0], &servers[0]).await?, start(POOLERS[1], &servers[1]).await?])
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
            Decides::Test { .. } => {
                let servers = SERVERS.map(|name| ("postgres", self.cluster(name)));
                servers.into_iter().chain(POOLERS.map(|name| ("pgbouncer", self.cluster(name)))).collect()
            }
        }
    }
}

/// One URL that names two servers.
fn joined([first, second]: &[String; 2]) -> Result<String> {
    let hosts = first.strip_suffix("/postgres").context("no URL")?;
    let (_, other) = second.rsplit_once('@').context("no URL")?;
    Ok(format!("{hosts},{other}?target_session_attrs=read-write"))
}

impl Drop for Replicas {
    fn drop(&mut self) {
        for (program, folder) in self.clusters() {
            let mut stop = Command::new(script(program));
            let _ = stop.arg("stop").arg(folder).stderr(Stdio::null()).status();
        }
    }
}
