//! Trees of files: written, walked, compared.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::Payload;

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    Ok(files)
}

/// Whether a file is named as slivers are.
pub fn is_sliver(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.len() == 32 + 1 + 2 + 1 + 8 && name.split('.').count() == 3
}

/// Copies every file below a folder whose name is wanted. Folders without files are left out, as Git leaves them out.
pub fn copy_files(from: &Path, to: &Path, wanted: impl Fn(&Path) -> bool) -> Result<()> {
    for file in files_below(from)? {
        let name = file.strip_prefix(from)?;
        if !wanted(name) {
            continue;
        }
        let copy = to.join(name);
        fs::create_dir_all(copy.parent().context("a file is in a folder")?)?;
        fs::copy(&file, &copy).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// Writes a small tree with what real trees have: empty and odd-sized files, spaces, accents, deep folders.
///
/// # Errors
/// The disk refused.
pub fn write_tree(folder: &Path) -> Result<Vec<(String, u64)>> {
    let files = [
        ("empty", 0),
        ("one byte", 1),
        ("a.txt", 4_096),
        ("a/b.txt", 4_097),
        ("a/deep/er/and/deeper.bin", 65_536),
        ("naïve/größe+plus&amp.txt", 70_001),
        ("quilted.bin", (1 << 20) - 1),
        ("striped.bin", (1 << 20) + 1),
        ("multipart.bin", (9 << 20) + 7),
    ];
    for (name, size) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap())?;
        fs::write(path, Payload::new(name, 0, size).bytes())?;
    }
    Ok(files.map(|(name, size)| (name.to_owned(), size)).to_vec())
}

/// Fails unless both folders hold the same files with the same bytes.
///
/// # Errors
/// They do not, or cannot be read.
pub fn same_tree(one: &Path, other: &Path) -> Result<()> {
    let names = |folder: &Path| -> Result<Vec<PathBuf>> {
        let mut names: Vec<_> = files_below(folder)?
            .iter()
            .map(|path| path.strip_prefix(folder).map(Path::to_path_buf))
            .collect::<Result<_, _>>()?;
        names.sort();
        Ok(names)
    };
    let (of_one, of_other) = (names(one)?, names(other)?);
    ensure!(of_one == of_other, "different files: {of_one:?} and {of_other:?}");
    for name in of_one {
        ensure!(fs::read(one.join(&name))? == fs::read(other.join(&name))?, "{} differs", name.display());
    }
    Ok(())
}
