//! The process: launched, killed, stopped, waited for.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::gateway::{TestGateway, binary};
use crate::wait::wait_blocking;

const START_DEADLINE: Duration = Duration::from_secs(30);
const STOP_DEADLINE: Duration = Duration::from_secs(40);

impl TestGateway {
    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            self.was_killed = true;
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Sends SIGTERM and waits for a good end.
    ///
    /// # Errors
    /// It did not end in time, or not well.
    pub fn stop(&mut self) -> Result<()> {
        let Some(process) = &self.process else { return Ok(()) };
        kill_process(Pid::from_child(process), Signal::TERM)?;
        self.wait_for_end()
    }

    /// Waits for a good end that somebody else asked for.
    ///
    /// # Errors
    /// It did not end in time, or not well.
    pub fn wait_for_end(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let Some(status) = wait_blocking(STOP_DEADLINE, || Ok(process.try_wait()?))? else {
            process.kill()?;
            process.wait()?;
            bail!("the gateway did not stop within {} s\n{}", STOP_DEADLINE.as_secs(), self.log());
        };
        ensure!(status.success(), "the gateway ended with {status}\n{}", self.log());
        Ok(())
    }

    /// Whether it was started and not stopped or killed since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Stops it in the middle of whatever it does; returns when it stands still.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> Result<()> {
        let pid = self.pid()?;
        kill_process(pid, Signal::STOP)?;
        let stopped = wait_blocking(STOP_DEADLINE, || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))?;
            let stopped = stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'));
            Ok(stopped.then_some(()))
        });
        stopped?.context("the gateway does not stand still")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn resume(&self) -> Result<()> {
        Ok(kill_process(self.pid()?, Signal::CONT)?)
    }

    /// Asks it to read its configuration again.
    ///
    /// # Errors
    /// It does not run.
    pub fn reload(&self) -> Result<()> {
        Ok(kill_process(self.pid()?, Signal::HUP)?)
    }

    /// Sends SIGTERM and returns at once.
    ///
    /// # Errors
    /// It does not run.
    pub fn ask_to_stop(&self) -> Result<()> {
        Ok(kill_process(self.pid()?, Signal::TERM)?)
    }

    /// Starts it again, with what is on disk, and waits until it is ready.
    ///
    /// # Errors
    /// It did not start.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        self.launch()?;
        self.wait_for("/health/ready")
    }

    /// Starts it again while backends are away: it lives and answers, but is not ready for writes.
    ///
    /// # Errors
    /// It did not start.
    pub fn restart_without_backends(&mut self) -> Result<()> {
        self.kill();
        self.launch()?;
        self.wait_for("/health/live")
    }

    /// Resident memory in bytes: now, and the most it ever was.
    ///
    /// # Errors
    /// It does not run.
    pub fn memory(&self) -> Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()?.as_raw_nonzero()))?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find(|line| line.starts_with(name)).context("no such line in status")?;
            Ok(line.split_whitespace().nth(1).context("no number")?.parse::<u64>()? * 1024)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// GET on the second listener: the status and the body.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn ops(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.layout.ops))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let status = text.split(' ').nth(1).context("no status line")?.parse()?;
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
        Ok((status, body))
    }

    pub(super) fn launch(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_file())?;
        let program = self.settings.program.clone().unwrap_or_else(binary);
        let mut command = Command::new(&program);
        command.args(["serve", "--config"]).arg(self.configuration()).current_dir(self.folder.path());
        command.envs(self.environment()).stdin(Stdio::null()).stdout(File::try_clone(&log)?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        self.process = Some(child);
        Ok(())
    }

    pub(super) fn wait_for(&mut self, path: &str) -> Result<()> {
        let ready = wait_blocking(START_DEADLINE, || {
            if self.ops(path).is_ok_and(|(status, _)| status == 200) {
                return Ok(Some(()));
            }
            if let Some(status) = self.process.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("the gateway ended with {status} at its start\n{}", self.log());
            }
            Ok(None)
        });
        ready?.with_context(|| format!("{path} was not 200 within {} s\n{}", START_DEADLINE.as_secs(), self.log()))
    }

    fn pid(&self) -> Result<Pid> {
        Ok(Pid::from_child(self.process.as_ref().context("the gateway does not run")?))
    }
}
