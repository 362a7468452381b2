//! A wall clock that a test sets, for one gateway: libfaketime between it and the operating system. What runs by the monotonic
//! clock, such as timeouts, is not touched.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::TestGateway;

const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The wall clock of a gateway.
pub struct WallClock {
    file: PathBuf,
}

impl WallClock {
    /// Starts the gateway again under a clock that can be set, and is right at first.
    ///
    /// # Errors
    /// The package `faketime` is not installed, or the gateway did not start.
    pub fn of(gateway: &mut TestGateway) -> Result<Self> {
        let clock = Self { file: gateway.scratch("clock").join("ahead") };
        clock.set_ahead(0)?;
        let library = library()?.display().to_string();
        gateway.reconfigure(|settings| {
            let settings = settings.env("LD_PRELOAD", &library).env("DONT_FAKE_MONOTONIC", "1");
            settings.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_TIMESTAMP_FILE", &clock.file.display().to_string())
        })?;
        gateway.restart()?;
        Ok(clock)
    }

    /// Sets it ahead of the right time by so many seconds, or behind it.
    ///
    /// # Errors
    /// The disk refused.
    pub fn set_ahead(&self, seconds: i64) -> Result<()> {
        // It is read at every look at the clock, so it must never be half written.
        let draft = self.file.with_extension("draft");
        fs::write(&draft, format!("{seconds:+}\n"))?;
        Ok(fs::rename(draft, &self.file)?)
    }
}

/// Where the package puts it, whatever the architecture is called.
fn library() -> Result<PathBuf> {
    let folders = fs::read_dir("/usr/lib")?.flatten().map(|entry| entry.path().join(LIBRARY));
    let mut found = folders.filter(|path| path.is_file());
    found.next().context("install the package faketime, or use tests/run")
}
