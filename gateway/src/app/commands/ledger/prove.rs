//! `haulout ledger prove` and `check`: one leaf in one file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::folder::{Folder, read_named};
use super::verify::read_policy;
use crate::app::commands::{Outcome, show};
use crate::ledger::log::note::{Checkpoint, NOTE_BYTES_MAX, PROOF_FILE_BYTES_MAX};
use crate::ledger::log::tree::{TiledTree, bundles_of, decode_bundle};
use crate::ledger::log::verify::LogFiles as _;
use crate::ledger::log::{CHECKPOINT_FILE, Leaf, prove_leaf, proven_leaf};

/// The largest tile or bundle.
const FILE_BYTES_MAX: u64 = 256 * (65_535 + 2);

pub(super) fn run(dir: &Path, id: &str, out: Option<PathBuf>) -> Result<Outcome> {
    let folder = Folder(dir.to_owned());
    let (checkpoint, note) = Checkpoint::read(&read_named(&dir.join(CHECKPOINT_FILE), NOTE_BYTES_MAX)?)?;
    let Some((index, leaf)) = find(&folder, checkpoint.size, id)? else {
        bail!("there is no transfer {id} in {}", dir.display());
    };
    let tree = TiledTree::new(checkpoint.size, |path| {
        folder.read(&path.to_string(), FILE_BYTES_MAX)?.ok_or_else(|| "missing".to_owned())
    });
    let file = prove_leaf(&leaf, index, &tree, note)?;
    let out = out.unwrap_or_else(|| format!("{id}.tlog-proof").into());
    std::fs::write(&out, file.to_string()).with_context(|| format!("cannot write {}", out.display()))?;
    show::print(&format!("{} proves leaf {index}: {leaf}", out.display()))?;
    Ok(Outcome::Fine)
}

/// The leaf of a transfer, with its number.
fn find(folder: &Folder, size: u64, id: &str) -> Result<Option<(u64, Leaf)>> {
    for bundle in bundles_of(size) {
        let content = folder.read(&bundle.to_string(), FILE_BYTES_MAX).map_err(anyhow::Error::msg)?;
        let content = content.with_context(|| format!("{bundle} is missing"))?;
        let entries = decode_bundle(&content, bundle.width).with_context(|| bundle.to_string())?;
        for (index, entry) in (bundle.index * 256..).zip(entries) {
            let leaf = Leaf::read(entry).with_context(|| format!("leaf {index}"))?;
            if matches!(&leaf, Leaf::Transfer { transfer, .. } if hex::encode(transfer.id.0) == id) {
                return Ok(Some((index, leaf)));
            }
        }
    }
    Ok(None)
}

pub(super) fn check(file: &Path, policy: &Path) -> Result<Outcome> {
    let policy = read_policy(policy)?;
    match proven_leaf(&read_named(file, PROOF_FILE_BYTES_MAX)?, &policy) {
        Ok((leaf, accepted)) => {
            let names: Vec<_> = accepted.cosigned.iter().map(|(name, _)| name.as_str()).collect();
            let witnesses = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
            show::print(&format!("{leaf}"))?;
            show::print(&format!("in the log {}, cosigned by {witnesses}", accepted.checkpoint.origin))?;
            Ok(Outcome::Fine)
        }
        Err(error) => {
            show::print(&format!("{} proves nothing: {error}", file.display()))?;
            Ok(Outcome::Wrong)
        }
    }
}
