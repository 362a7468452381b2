//! `haulout ledger names`: what published names stand for, shown by those who may know it.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::folder::read_named;
use crate::app::commands::{Outcome, show};
use crate::ledger::log::Opening;

/// The longest file.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Each line is recomputed: the published name follows from it and from nothing else.
pub(super) fn run(file: &Path) -> Result<Outcome> {
    let content = read_named(file, FILE_BYTES_MAX)?;
    let text = std::str::from_utf8(&content).context("the file is no UTF-8")?;
    for (number, line) in text.lines().enumerate() {
        let opening: Opening = line.parse().with_context(|| format!("line {}", number + 1))?;
        let kind = opening.kind.as_str();
        show::print(&format!("{kind}/{} is {kind} {}", opening.published(), opening.name))?;
    }
    Ok(Outcome::Fine)
}
