//! The power goes: what was not synced is gone, and everything that was acknowledged is there.
//!
//! Database and backends lie on ext4 file systems of their own, on loop devices. A file system that is shut down (FS_IOC_SHUTDOWN) without writing
//! its log is what the next mount finds after a power cut: pages that were not synced are lost, and so are names whose folder was not.
//!
//! By hand, two hundred moments: `HAULOUT_POWER_CUTS=200 tests/run power_loss`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Database, Settings, TestGateway, number_from_environment, run_scenario};

use super::writers::Writers;

const WRITERS: u64 = 6;
const DATABASE_MIB: u64 = 512;
const BACKENDS_MIB: u64 = 2_048;
/// FS_IOC_SHUTDOWN with FS_SHUTDOWN_FLAGS_NOLOGFLUSH (linux/ext4.h), of the folders that are given, as soon as there is a line to read.
const SHUT_DOWN: &str = "import fcntl, os, struct, sys
folders = [os.open(folder, os.O_RDONLY) for folder in sys.argv[1:]]
print('ready', flush=True)
sys.stdin.readline()
for folder in folders:
    fcntl.ioctl(folder, 0x8004587d, struct.pack('I', 2))";

/// A file system whose power can go.
struct Disk {
    image: PathBuf,
    folder: PathBuf,
}

/// Where the database lies.
enum Kept {
    /// In a file.
    Sqlite,
    /// In a cluster of its own, in this folder.
    Postgres(PathBuf),
}

#[test]
fn sqlite() -> Result<()> {
    with_disks(|database, backends| {
        let url = format!("sqlite:{}", database.folder.join("metadata.sqlite").display());
        let settings = Settings::new(Database::Sqlite).env("HAULOUT_DATABASE_URL", &url);
        cut_the_power(settings, &[database, backends], &Kept::Sqlite)
    })
}

#[test]
fn postgres() -> Result<()> {
    with_disks(|database, backends| {
        let cluster = database.folder.join("postgres");
        let url = run(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres").to_str().context("UTF-8")?,
            &["start", text(&cluster)?],
        )?;
        // What the script keeps beside the cluster is not PostgreSQL's to sync.
        run("sync", &["--file-system", text(&cluster)?])?;
        let done = cut_the_power(
            Settings::new(Database::Postgres).database_at(url.trim(), url.trim()),
            &[database, backends],
            &Kept::Postgres(cluster.clone()),
        );
        // It fails where the disk does, and all of it goes with the disk.
        let _ = cluster_does("stop", &cluster);
        done
    })
}

fn with_disks(scenario: impl FnOnce(&Disk, &Disk) -> Result<()>) -> Result<()> {
    if !rustix::process::getuid().is_root() {
        eprintln!("only root can mount a disk: nothing was tested");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    // PostgreSQL's user passes through it.
    run("chmod", &["0711", text(folder.path())?])?;
    let database = match Disk::make(folder.path(), "database", DATABASE_MIB) {
        Ok(database) => database,
        // A container may have none.
        Err(error) => {
            eprintln!("no loop device: nothing was tested: {error}");
            return Ok(());
        }
    };
    let backends = Disk::make(folder.path(), "backends", BACKENDS_MIB)?;
    scenario(&database, &backends)
}

fn cut_the_power(settings: Settings, disks: &[&Disk; 2], kept: &Kept) -> Result<()> {
    let [_, backends] = disks;
    let on_the_disk = |settings: Settings, number: usize| {
        let name = format!("b{number}");
        settings.backend_at(&name, &backends.folder.join(&name).display().to_string(), &[])
    };
    let settings = (1..=6).fold(settings, on_the_disk);
    run_scenario(settings, async |gateway| {
        gateway.root().create_bucket("power").await?;
        let mut writers = Writers::new("power", WRITERS);
        let mut acknowledged = 0;
        for cut in 0..number_from_environment("HAULOUT_POWER_CUTS", 2) {
            acknowledged +=
                one_cut(gateway, &mut writers, disks, kept, cut).await.with_context(|| format!("after cut {cut}"))?;
        }
        eprintln!("{acknowledged} acknowledged writes, none lost");
        ensure!(writers.have_all_written(), "too little was written");
        gateway.wait_for_collection().await
    })
}

/// How many writes were acknowledged before the power went.
async fn one_cut(
    gateway: &mut TestGateway,
    writers: &mut Writers,
    disks: &[&Disk; 2],
    kept: &Kept,
    cut: u64,
) -> Result<u64> {
    let [database, backends] = disks.map(|disk| text(&disk.folder));
    // Both at once, as near as that can be had: each comes first at every second time.
    let power = Power::of(if cut.is_multiple_of(2) { [database?, backends?] } else { [backends?, database?] })?;
    let working = writers.start(&gateway.root());
    working.acknowledge(4 + (cut * 11) % 60).await?;
    // Anywhere in the steps of a write.
    tokio::time::sleep(Duration::from_micros((cut * 7_919) % 20_000)).await;
    let acknowledged = working.acknowledged();
    working.cut();
    power.cut()?;
    gateway.kill();
    writers.end(working).await?;
    if let Kept::Postgres(cluster) = kept {
        cluster_does("kill", cluster)?;
    }
    for disk in disks {
        disk.unmount()?;
        disk.mount()?;
    }
    if let Kept::Postgres(cluster) = kept {
        cluster_does("run", cluster)?;
    }
    gateway.restart()?;
    writers.read_back(&gateway.root()).await?;
    Ok(acknowledged)
}

/// The power of two disks, in the hands of a process that only waits to cut it.
struct Power(Child);

impl Power {
    fn of(folders: [&str; 2]) -> Result<Self> {
        let mut python = Command::new("python3");
        python.args(["-c", SHUT_DOWN]).args(folders).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().context("python3")?;
        let mut ready = String::new();
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut ready)?;
        ensure!(ready == "ready\n", "python3 does not open the folders");
        Ok(Self(child))
    }

    /// Returns when it is gone.
    fn cut(mut self) -> Result<()> {
        self.0.stdin.take().context("piped")?.write_all(b"\n")?;
        let ended = self.0.wait()?;
        ensure!(ended.success(), "the power cannot be cut: {ended}");
        Ok(())
    }
}

fn cluster_does(verb: &str, cluster: &Path) -> Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres");
    run(text(&script)?, &[verb, text(cluster)?]).map(drop)
}

impl Disk {
    fn make(folder: &Path, name: &str, mib: u64) -> Result<Self> {
        let disk = Self { image: folder.join(format!("{name}.image")), folder: folder.join(name) };
        std::fs::File::create(&disk.image)?.set_len(mib << 20)?;
        std::fs::create_dir(&disk.folder)?;
        run("mkfs.ext4", &["-q", "-m", "0", text(&disk.image)?])?;
        disk.mount()?;
        run("chmod", &["0777", text(&disk.folder)?])?;
        Ok(disk)
    }

    fn mount(&self) -> Result<()> {
        run("mount", &["-o", "loop", text(&self.image)?, text(&self.folder)?]).map(drop)
    }

    /// Those who had files open are gone, or about to be.
    fn unmount(&self) -> Result<()> {
        for _ in 0..100 {
            if run("umount", &[text(&self.folder)?]).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("{} stays in use", self.folder.display())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).output();
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

/// What a program printed.
fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| program.to_owned())?;
    ensure!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
