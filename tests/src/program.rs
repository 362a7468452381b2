//! Running a program to its end, with everything it said kept for the failure message.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// No client here needs longer for the small data of a scenario.
const DEADLINE: Duration = Duration::from_secs(240);

/// A program about to run.
pub struct Program {
    command: Command,
    line: String,
}

/// What a program that ended left behind.
pub struct Outcome {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    line: String,
}

impl Program {
    /// The program, by name or path.
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        let line = name.as_ref().to_string_lossy().into_owned();
        let mut command = Command::new(name);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Self { command, line }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = I>) -> Self {
        for argument in arguments {
            self.line.push(' ');
            self.line.push_str(&argument.as_ref().to_string_lossy());
            self.command.arg(argument);
        }
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes an environment variable.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs in a folder.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs to the end, however it ends.
    ///
    /// # Errors
    /// It could not be started, or did not end in time.
    pub async fn run(mut self) -> Result<Outcome> {
        let child = self.command.spawn().with_context(|| format!("cannot start `{}`", self.line))?;
        let output = tokio::time::timeout(DEADLINE, child.wait_with_output())
            .await
            .with_context(|| format!("`{}` did not end within {} s", self.line, DEADLINE.as_secs()))??;
        Ok(Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            line: self.line,
        })
    }

    /// Runs to the end, which must be a good one; returns standard output.
    ///
    /// # Errors
    /// It failed: the message holds all it said.
    pub async fn ok(self) -> Result<String> {
        let outcome = self.run().await?;
        if outcome.code == 0 { Ok(outcome.stdout) } else { bail!("{}", outcome.describe()) }
    }

    /// Runs to the end, which must be a failure; returns all it said.
    ///
    /// # Errors
    /// It succeeded.
    pub async fn fails(self) -> Result<String> {
        let outcome = self.run().await?;
        if outcome.code == 0 {
            bail!("should have failed: {}", outcome.describe())
        }
        Ok(format!("{}{}", outcome.stdout, outcome.stderr))
    }
}

impl Outcome {
    /// The whole of it, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("`{}` ended with {}\n{}{}", self.line, self.code, self.stdout, self.stderr)
    }
}
