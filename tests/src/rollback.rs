//! Rollbacks: the database, a backend, or both, as they were some time ago.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{TestGateway, wait_until};

/// The database as it was.
pub struct DatabaseBackup(PathBuf);

/// A local backend as it was.
pub struct BackendBackup {
    number: usize,
    copy: PathBuf,
}

impl TestGateway {
    /// Backs the database up, whether or not the gateway runs. One that runs is stopped for the moment of the copy, as a
    /// snapshot of its disk would find it.
    ///
    /// # Errors
    /// It cannot be copied.
    pub async fn back_up_database(&self) -> Result<DatabaseBackup> {
        let to = self.folder.path().join(format!("database-{}", crate::s3::random_hex(4)));
        fs::create_dir(&to)?;
        let running = self.is_running();
        if running {
            self.pause()?;
        }
        let copied = self.database.back_up(self.data(), &to).await;
        if running {
            self.resume()?;
        }
        copied.map(|()| DatabaseBackup(to))
    }

    /// Puts the database back as it was. The gateway must not run.
    ///
    /// # Errors
    /// It runs, or the database refuses.
    pub async fn restore_database(&self, backup: &DatabaseBackup) -> Result<()> {
        ensure!(!self.is_running(), "kill the gateway first");
        self.database.restore(self.data(), &backup.0).await
    }

    /// Nothing of the database is left. The gateway must not run.
    ///
    /// # Errors
    /// It runs, or the database refuses.
    pub async fn lose_database(&self) -> Result<()> {
        ensure!(!self.is_running(), "kill the gateway first");
        self.database.lose(self.data()).await
    }

    /// Copies a local backend, with all that lies in it.
    ///
    /// # Errors
    /// It cannot be copied.
    pub fn back_up_backend(&self, number: usize) -> Result<BackendBackup> {
        let copy = self.folder.path().join(format!("b{number}-{}", crate::s3::random_hex(4)));
        copy_tree(&self.backend_folder(number), &copy)?;
        Ok(BackendBackup { number, copy })
    }

    /// Puts a backend back as it was, in the place of what is there.
    ///
    /// # Errors
    /// It cannot be copied.
    pub fn restore_backend(&self, backup: &BackendBackup) -> Result<()> {
        let (layout, fresh) = (self.backend_folder(backup.number), self.folder.path().join("restored"));
        copy_tree(&backup.copy, &fresh)?;
        if layout.exists() {
            // Renamed away first: a gateway that runs never sees half of one.
            let old = self.folder.path().join("replaced");
            fs::rename(&layout, &old)?;
            fs::rename(&fresh, &layout)?;
            return Ok(fs::remove_dir_all(&old)?);
        }
        Ok(fs::rename(&fresh, &layout)?)
    }

    /// The heartbeat file of a local backend.
    #[must_use]
    pub fn heartbeat_file(&self, number: usize) -> PathBuf {
        self.backend_folder(number).join("haulout-heartbeat.json")
    }

    /// The counter of a local backend's last heartbeat; 0 when it has none.
    #[must_use]
    pub fn heartbeat(&self, number: usize) -> u64 {
        let text = fs::read(self.heartbeat_file(number)).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        json["counter"].as_u64().unwrap_or(0)
    }

    /// Waits until these backends have a heartbeat that began after now.
    ///
    /// # Errors
    /// There is none for long.
    pub async fn wait_for_heartbeats(&self, numbers: impl IntoIterator<Item = usize>) -> Result<()> {
        // The next one may have been committed already.
        let wanted: Vec<_> = numbers.into_iter().map(|number| (number, self.heartbeat(number) + 2)).collect();
        let all = || wanted.iter().all(|(number, counter)| self.heartbeat(*number) >= *counter);
        wait_until(&format!("heartbeats are there: {wanted:?}"), async || Ok(all().then_some(()))).await
    }

    /// What `haulout backend list` says is wrong with a backend, once it says something.
    ///
    /// # Errors
    /// It is content with it, for long.
    pub async fn wait_for_problem(&self, name: &str) -> Result<String> {
        wait_until(&format!("something is wrong with {name}"), async || self.problem(name).await).await
    }

    /// What `haulout backend list` says is wrong with a backend.
    ///
    /// # Errors
    /// It is not listed.
    pub async fn problem(&self, name: &str) -> Result<Option<String>> {
        let listed = self.haulout(&["backend", "list", "--json"]).run().await?;
        let json: serde_json::Value = serde_json::from_str(&listed.stdout).with_context(|| listed.describe())?;
        let backends = json.as_array().context("a list")?;
        let backend = backends.iter().find(|backend| backend["name"] == name).context("no such backend is listed")?;
        Ok(backend["problem"].as_str().map(str::to_owned))
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, target) = (entry?.path(), to);
        let target = target.join(entry.file_name().context("a name")?);
        if entry.is_dir() {
            copy_tree(&entry, &target)?;
        } else {
            // A gateway that runs removes temporaries meanwhile.
            match fs::copy(&entry, &target) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
    }
    Ok(())
}
