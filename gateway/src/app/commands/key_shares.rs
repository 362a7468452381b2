//! `haulout keys split` and `keys combine`: need neither a gateway nor a database.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use zeroize::Zeroizing;

use crate::app::commands::{Outcome, show};
use crate::app::startup::cluster_key::{self, KeySource};
use crate::app::startup::data_folder::DataFolder;
use crate::app::startup::key_shares::{Split, combine, split};
use crate::clock::{Ambient, random};
use crate::config::Config;

/// Writes the shares of the cluster key into a folder, each into a file of its own.
pub(in crate::app) fn run_split(terms: &str, out: &Path, config: &Config, ambient: &Ambient) -> Result<Outcome> {
    let terms: Split = terms.parse().map_err(|error: String| anyhow!(error))?;
    let folder = DataFolder::find(&config.data)?;
    let text = KeySource::new(&folder, &config.cluster_key).text()?;
    let text = text.with_context(|| format!("there is no cluster key in {}", folder.path().display()))?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    for (line, number) in split(&text, terms, random(&*ambient.entropy)).iter().zip(1..) {
        let path = out.join(format!("share-{number}"));
        write_new(&path, line)?;
        show::print(&path.display().to_string())?;
    }
    show::print(
        "give each to somebody else, or to another place; `haulout keys combine` puts enough of them together",
    )?;
    Ok(Outcome::Fine)
}

/// Puts shares together: the key file of the data folder, which must not have one, or another file.
pub(in crate::app) fn run_combine(files: &[PathBuf], out: Option<PathBuf>, config: &Config) -> Result<Outcome> {
    let mut lines = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).map(Zeroizing::new);
        lines.push((file.display().to_string(), text.with_context(|| format!("cannot read {}", file.display()))?));
    }
    let text = combine(&lines).map_err(|error| anyhow!(error))?;
    let path = match out {
        Some(path) => path,
        None => DataFolder::make(&config.data)?.path().join(cluster_key::FILE),
    };
    write_new(&path, text.trim_end())?;
    show::print(&format!("the cluster key is in {}", path.display()))?;
    Ok(Outcome::Fine)
}

/// Writes a file that only its owner reads; one that is there stays.
fn write_new(path: &Path, line: &str) -> Result<()> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match file {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} is there already, and nothing was written over it", path.display())
        }
        file => file.with_context(|| format!("cannot write {}", path.display()))?,
    };
    writeln!(file, "{line}")?;
    Ok(file.sync_all()?)
}
