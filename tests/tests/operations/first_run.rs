//! The first minutes of a person: one command, what it prints, and the README's tour typed as it stands there.
//!
//! This scenario alone uses the default ports, 9000 and 9001. Root runs it in a network of its own, where they are free;
//! for anybody else nothing may listen there.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Program, binary, path_with_clients, wait_blocking};
use rustix::process::{Pid, Signal, kill_process};

/// A gateway as a person starts it: no configuration, no arguments, in a folder.
struct Plain {
    folder: PathBuf,
    process: Child,
    printed: String,
}

impl Plain {
    fn start(folder: &Path, run: usize) -> Result<Self> {
        let printed = folder.join(format!("printed-{run}"));
        let mut command = in_a_network_of_its_own();
        command.arg(binary()).current_dir(folder).stdin(Stdio::null()).stdout(File::create(&printed)?);
        command.stderr(File::create(folder.join(format!("log-{run}")))?);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HAULOUT_") || name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        let mut plain = Self { folder: folder.to_owned(), process: command.spawn()?, printed: String::new() };
        let started = wait_blocking(Duration::from_secs(20), || {
            plain.printed = fs::read_to_string(&printed)?;
            let ended = plain.process.try_wait()?.is_some();
            Ok((ended || plain.printed.contains("Try it:")).then_some(ended))
        });
        if started? != Some(false) {
            bail!("it did not start: {}{}", plain.printed, fs::read_to_string(folder.join(format!("log-{run}")))?);
        }
        Ok(plain)
    }

    fn shell(&self, script: &str) -> Program {
        let network = format!("--net=/proc/{}/ns/net", self.process.id());
        let shell = if is_root() { Program::new("nsenter").args([&network, "bash"]) } else { Program::new("bash") };
        shell
            .args(["-euo", "pipefail", "-c", script])
            .env("PATH", path_with_clients())
            .env("HOME", &self.folder)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .without_env("AWS_CA_BUNDLE") // rclone does not start with it
            .without_env("AWS_DEFAULT_REGION")
            .without_env("HAULOUT_CONFIG")
            .without_env("HAULOUT_DATA")
            .in_folder(&self.folder)
    }

    /// The lines under "Try it:", as a script.
    fn suggestions(&self) -> &str {
        self.printed.split_once("Try it:").map(|(_, after)| after).unwrap_or_default()
    }

    fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::TERM)?;
        ensure!(self.process.wait()?.success(), "it did not end well");
        Ok(())
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn one_command_and_the_tour() -> Result<()> {
    wait_for_default_ports()?;
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    lay_out_like_the_repository(folder)?;

    let gateway = Plain::start(folder, 1)?;
    let file = folder.join("haulout-data/root-credentials");
    ensure!(fs::metadata(&file)?.mode() & 0o777 == 0o600, "the file with the root key is for its owner alone");
    let credentials = fs::read_to_string(&file)?;
    let secret = credentials.trim().rsplit('=').next().context("a secret")?.to_owned();
    ensure!(secret.len() == 40 && gateway.printed.contains(&secret), "the key is printed at the first start");
    let hello = gateway.shell(gateway.suggestions()).ok().await?;
    ensure!(hello.ends_with("hello\n"), "what it suggests to type works as printed: {hello}");
    gateway.stop()?;

    let gateway = Plain::start(folder, 2)?;
    ensure!(!gateway.printed.contains(&secret), "and never again");
    ensure!(fs::read_to_string(&file)? == credentials, "the key stays");
    let last = gateway.suggestions().lines().rfind(|line| line.contains("aws")).context("a suggestion")?;
    ensure!(gateway.shell(last).ok().await? == "hello\n", "and so does the object");

    let said = gateway.shell(&tour()?).ok().await?;
    ensure!(said.contains("readme.md") && said.ends_with("check says what is missing\n"), "{said}");
    ensure!(said.contains("b1") && said.contains("b4"), "check names the lost backends: {said}");
    gateway.stop()?;
    for log in ["log-1", "log-2"] {
        ensure!(!fs::read_to_string(folder.join(log))?.contains(&secret), "the secret is in {log}");
    }
    Ok(())
}

/// The README's tour, its comments included.
fn tour() -> Result<String> {
    let readme = fs::read_to_string(repository().join("README.md"))?;
    let (_, after) = readme.split_once("<!-- tour -->\n```sh\n").context("the README has a tour")?;
    let (tour, _) = after.split_once("```\n<!-- /tour -->").context("the tour has an end")?;
    Ok(tour.to_owned())
}

/// What the tour names: the README, the gateway's sources, and the built program where cargo puts it.
fn lay_out_like_the_repository(folder: &Path) -> Result<()> {
    fs::copy(repository().join("README.md"), folder.join("README.md"))?;
    let copied = Command::new("cp").arg("-r").arg(repository().join("gateway")).arg(folder).status()?;
    ensure!(copied.success());
    fs::create_dir_all(folder.join("target/release"))?;
    Ok(symlink(binary(), folder.join("target/release/haulout"))?)
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// The beginning of a command line: root gets an empty network, in which only the loopback has to be switched on.
fn in_a_network_of_its_own() -> Command {
    if !is_root() {
        return Command::new("env");
    }
    // SIOCSIFFLAGS with IFF_UP: a bare machine has Python, but no `ip`.
    let switch_on = "import fcntl, os, socket, struct, sys\n\
                     fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 1))\n\
                     os.execv(sys.argv[1], sys.argv[1:])";
    let mut command = Command::new("unshare");
    command.args(["--net", "python3", "-c", switch_on]);
    command
}

fn wait_for_default_ports() -> Result<()> {
    if is_root() {
        return Ok(());
    }
    let free = || [9000, 9001].into_iter().all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    let waited = wait_blocking(Duration::from_secs(60), || Ok(free().then_some(())));
    waited?.context("something listens on port 9000 or 9001 of this machine: stop it first")
}
