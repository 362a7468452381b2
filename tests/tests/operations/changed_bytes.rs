//! An export with one byte changed does not verify, wherever that byte is, and the report names its file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use harness::{Payload, Program, binary};

/// Exports that are changed and verified at a time, each a copy.
const COPIES: u64 = 4;
/// What changes: inputs, leaves, the hashes of tiles, texts and signatures of checkpoints. Each as often as the others.
const KINDS: usize = 4;

/// Where an export lies, and what it is verified against.
struct Copied<'a> {
    folder: PathBuf,
    policy: Option<&'a str>,
    /// Files by kind, with how many of their bytes count.
    kinds: [Vec<(PathBuf, u64)>; KINDS],
}

/// Changes so many bytes, one at a time, drawn at random but always the same. The export itself stays as it is.
pub(super) async fn changed_bytes_are_found(folder: &Path, policy: Option<&str>, count: u64) -> Result<()> {
    let copies = (0..COPIES.min(count)).map(|copy| async move {
        let copied = Copied::of(folder, copy, policy)?;
        for number in (copy..count).step_by(usize::try_from(COPIES)?) {
            copied.finds(number).await?;
        }
        let verified = copied.verify().run().await?;
        ensure!(verified.code == 0, "all was put back: {}", verified.describe());
        Ok(())
    });
    try_join_all(copies).await.map(drop)
}

impl<'a> Copied<'a> {
    fn of(export: &Path, copy: u64, policy: Option<&'a str>) -> Result<Self> {
        let name = export.file_name().context("an export has a name")?.to_string_lossy();
        let folder = export.with_file_name(format!("{name}-changed-{copy}"));
        let mut kinds: [Vec<(PathBuf, u64)>; KINDS] = Default::default();
        let mut open = vec![export.to_owned()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?);
                continue;
            }
            let inner = path.strip_prefix(export)?.to_owned();
            let copied = folder.join(&inner);
            fs::create_dir_all(copied.parent().context("it lies in a folder")?)?;
            fs::copy(&path, copied)?;
            let kind = match inner.to_string_lossy().as_ref() {
                name if name.starts_with("inputs/") => 0,
                name if name.starts_with("tile/entries/") => 1,
                name if name.starts_with("tile/") => 2,
                name if name.starts_with("checkpoint") => 3,
                // The export's own policy and what explains it.
                _ => continue,
            };
            let bytes = required(&inner, &fs::read(&path)?)?;
            kinds[kind].push((inner, bytes));
        }
        kinds.iter_mut().for_each(|files| files.sort());
        Ok(Self { folder, policy, kinds })
    }

    fn verify(&self) -> Program {
        let program = Program::new(binary()).args(["ledger", "verify"]).args([&self.folder]);
        self.policy.into_iter().fold(program, |program, policy| program.args(["--policy", policy]))
    }

    async fn finds(&self, number: u64) -> Result<()> {
        let drawn = Payload::new("changed byte", number, 9).bytes().to_vec();
        let files = &self.kinds[usize::try_from(number)? % KINDS];
        let mut at = u64::from_le_bytes(drawn[..8].try_into()?) % files.iter().map(|(_, bytes)| bytes).sum::<u64>();
        let file = files.iter().find(|(_, bytes)| at.checked_sub(*bytes).map(|rest| at = rest).is_none());
        let (inner, _) = file.context("it lies in a file")?;
        let path = self.folder.join(inner);
        let honest = fs::read(&path)?;
        let mut changed = honest.clone();
        changed[usize::try_from(at)?] ^= drawn[8].max(1);
        fs::write(&path, changed)?;
        let said = self.verify().run().await?;
        ensure!(said.code != 0, "{}, byte {at}, ^ {}: {}", inner.display(), drawn[8].max(1), said.describe());
        let is_named = said.stdout.contains(&*inner.to_string_lossy());
        ensure!(is_named, "{} is named: {}", inner.display(), said.describe());
        Ok(fs::write(path, honest)?)
    }
}

/// How many bytes of a file count. Older checkpoints need no witness: the lines after the log's own signature may be anybody's.
fn required(inner: &Path, content: &[u8]) -> Result<u64> {
    let dash = "\u{2014} ".as_bytes();
    let mut signatures = (0..content.len()).filter(|at| content[*at..].starts_with(dash));
    let second = signatures.nth(1).filter(|_| inner.starts_with("checkpoints"));
    Ok(u64::try_from(second.unwrap_or(content.len()))?)
}
