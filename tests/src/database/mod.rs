//! A fresh database for each gateway.

mod replicas;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::Program;
use anyhow::{Context, Result, bail};
pub use replicas::{Replicas, Standby};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

/// Which database a gateway keeps its metadata in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file in the gateway's data folder.
    Sqlite,
    /// A database of its own in the cluster of `HAULOUT_TEST_POSTGRES`.
    Postgres,
}

/// A database that nobody else uses, removed when it is dropped.
pub struct FreshDatabase {
    /// The database URL of the gateway; none for SQLite in its data folder.
    url: Option<String>,
    name: String,
    /// Where it is dumped from: not through a pooler.
    dump_url: Option<String>,
    /// It is somebody else's to remove.
    borrowed: bool,
}

impl FreshDatabase {
    /// Makes it.
    ///
    /// # Errors
    /// The cluster refused.
    pub async fn create(database: Database) -> Result<Self> {
        if database == Database::Sqlite {
            return Ok(Self { url: None, name: String::new(), dump_url: None, borrowed: false });
        }
        let cluster = cluster()?;
        let name = format!("haulout_{}", crate::s3::random_hex(8));
        execute(cluster, &format!("CREATE DATABASE {name}")).await?;
        let (before, _) = cluster.rsplit_once('/').context("a PostgreSQL URL ends with a database's name")?;
        let url = format!("{before}/{name}");
        Ok(Self { url: Some(url.clone()), name, dump_url: Some(url), borrowed: false })
    }

    /// One that somebody else made and removes, by the gateway's URL and the one to dump it from.
    pub(crate) fn at(url: &str, dump_url: &str) -> Self {
        Self { url: Some(url.into()), name: String::new(), dump_url: Some(dump_url.into()), borrowed: true }
    }

    /// The same database, for another gateway, which leaves it to the first one.
    #[must_use]
    pub fn borrow(&self) -> Self {
        Self { url: self.url.clone(), name: self.name.clone(), dump_url: self.dump_url.clone(), borrowed: true }
    }

    /// Its URL, where it has one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Everything in it, as text: what somebody who steals it can read. The files of a SQLite database lie in `data`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn dump(&self, data: &Path) -> Result<Vec<u8>> {
        let Some(url) = &self.dump_url else {
            let mut bytes = Vec::new();
            for file in sqlite_files(data)? {
                bytes.extend(std::fs::read(file)?);
            }
            return Ok(bytes);
        };
        let output = Command::new("pg_dump").args(["--no-owner", "--no-privileges", "--dbname", url]).output()?;
        if !output.status.success() {
            bail!("pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(output.stdout)
    }

    /// Copies it into a folder. The files of a SQLite database lie in `data`, and nobody may be writing to them.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn back_up(&self, data: &Path, to: &Path) -> Result<()> {
        let Some(url) = &self.url else { return copy_sqlite(data, to) };
        let dump = to.join("dump.sql");
        Program::new("pg_dump").args(["--dbname", url, "--file"]).args([&dump]).ok().await.map(drop)
    }

    /// Leaves nothing of it. Nobody may have it open.
    ///
    /// # Errors
    /// It refuses.
    pub async fn lose(&self, data: &Path) -> Result<()> {
        if self.url.is_none() {
            for file in sqlite_files(data)? {
                std::fs::remove_file(file)?;
            }
            return Ok(());
        }
        self.remove().await?;
        execute(cluster()?, &format!("CREATE DATABASE {}", self.name)).await
    }

    /// Puts it back as it was when it was copied. Nobody may have it open.
    ///
    /// # Errors
    /// It refuses.
    pub async fn restore(&self, data: &Path, from: &Path) -> Result<()> {
        if self.borrowed {
            bail!("it is restored by the gateway that it was made for");
        }
        let Some(url) = &self.url else {
            for file in sqlite_files(data)? {
                std::fs::remove_file(file)?;
            }
            return copy_sqlite(from, data);
        };
        self.remove().await?;
        execute(cluster()?, &format!("CREATE DATABASE {}", self.name)).await?;
        let dump = from.join("dump.sql");
        let psql = Program::new("psql").args(["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url, "--file"]);
        psql.args([&dump]).ok().await.map(drop)
    }

    /// Fills it with what `pg_dump` has written of another. A SQLite database is a file that is copied.
    ///
    /// # Errors
    /// The dump is not one, or the cluster refused.
    pub fn load_dump(&self, dump: &Path) -> Result<()> {
        let Some(url) = &self.url else { return Ok(()) };
        let options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1"];
        let output = Command::new("psql").args(options).args(["--dbname", url, "--file"]).arg(dump).output()?;
        if !output.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Makes notifications that wait in it as young as if they were queued now: those of more than a day are dropped, and a database that was
    /// kept as an example is older. The files of a SQLite database lie in `data`.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn renew_messages(&self, data: &Path) -> Result<()> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_micros();
        let text = format!("UPDATE event SET created_at = {now}");
        self.meddle(data, &text, &text).await
    }

    /// Runs statements in it behind the gateway's back: the first in SQLite, whose files lie in `data`, the second in PostgreSQL.
    ///
    /// # Errors
    /// It cannot be opened, or refuses.
    pub async fn meddle(&self, data: &Path, sqlite: &str, postgres: &str) -> Result<()> {
        if let Some(url) = &self.url {
            return execute(url, postgres).await;
        }
        let file = SqliteConnectOptions::new().filename(data.join("metadata.sqlite"));
        let mut connection = file.disable_statement_logging().connect().await?;
        connection.execute(AssertSqlSafe(sqlite.to_owned())).await?;
        Ok(connection.close().await?)
    }

    /// Removes it, with whoever is still connected.
    ///
    /// # Errors
    /// The cluster refused.
    pub async fn remove(&self) -> Result<()> {
        match &self.url {
            Some(_) if !self.borrowed => {
                execute(cluster()?, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await
            }
            _ => Ok(()),
        }
    }
}

/// A SQLite database and what belongs to it.
fn sqlite_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("metadata.sqlite")) {
            files.push(path);
        }
    }
    Ok(files)
}

fn copy_sqlite(from: &Path, to: &Path) -> Result<()> {
    for file in sqlite_files(from)? {
        std::fs::copy(&file, to.join(file.file_name().context("a name")?))?;
    }
    Ok(())
}

async fn execute(url: &str, statement: &str) -> Result<()> {
    let mut connection = url.parse::<PgConnectOptions>()?.disable_statement_logging().connect().await?;
    connection.execute(AssertSqlSafe(statement.to_owned())).await?;
    connection.close().await?;
    Ok(())
}

/// The cluster that `tests/run` started, else a private one of this process.
fn cluster() -> Result<&'static str> {
    static CLUSTER: OnceLock<String> = OnceLock::new();
    if let Some(url) = CLUSTER.get() {
        return Ok(url);
    }
    let url = match std::env::var("HAULOUT_TEST_POSTGRES") {
        Ok(url) => url,
        Err(_) => start_private_cluster()?,
    };
    Ok(CLUSTER.get_or_init(|| url))
}

fn start_private_cluster() -> Result<String> {
    let script = script("postgres");
    if !script.is_file() {
        bail!("set HAULOUT_TEST_POSTGRES, or use tests/run")
    }
    let folder = std::env::temp_dir().join(format!("haulout-postgres-{}", std::process::id()));
    let output = Command::new(&script).arg("start").arg(&folder).output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    stop_with_this_process(&script, &folder)?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// What a script started in a folder has to go when this process goes, and a test's process ends without a hook: a shell
/// waits for that.
fn stop_with_this_process(script: &Path, folder: &Path) -> Result<()> {
    let watch = format!("while kill -0 {} 2>/dev/null; do sleep 1; done; \"$0\" stop \"$1\"", std::process::id());
    let mut shell = Command::new("setsid");
    shell.args(["sh", "-c", &watch]).arg(script).arg(folder);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    Ok(())
}

/// One of those that start PostgreSQL.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
