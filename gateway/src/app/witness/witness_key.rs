//! The key of a witness: a seed of its own, in a file of the node's data folder.

use std::path::Path;

use anyhow::{Context as _, Result};
use backends::node::identity::read_key;
use zeroize::Zeroizing;

use crate::app::startup::data_folder::DataFolder;
use crate::clock::{Ambient, random};
use crate::ledger::log::note::{NoteSigner, SignatureKind};

const FILE: &str = "witness.key";
/// What the file begins with; 64 hexadecimal digits of the seed follow.
const HEAD: &str = "haulout-witness-key/1 ";

/// The key of the node's witness. It is drawn when there is none.
///
/// # Errors
/// There is no node in the folder, or its disk refuses.
pub(in crate::app) fn make_key(data: &Path) -> Result<NoteSigner> {
    let folder = DataFolder::find(data)?;
    if folder.read_secret(FILE)?.is_none() {
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(random(Ambient::system().entropy.as_ref()));
        let text = Zeroizing::new(format!("{HEAD}{}\n", *Zeroizing::new(hex::encode(*seed))));
        folder.write_secret(FILE, &text)?;
    }
    find_key(data)?.with_context(|| format!("{FILE} is missing in {}", data.display()))
}

/// The key of the node's witness, if it has one.
fn find_key(data: &Path) -> Result<Option<NoteSigner>> {
    let Some(text) = DataFolder::find(data)?.read_secret(FILE)? else { return Ok(None) };
    let damaged = || format!("{FILE} in {} is no key of a witness: restore it from a backup", data.display());
    let mut seed = Zeroizing::new([0; 32]);
    let digits = text.trim_end().strip_prefix(HEAD).with_context(damaged)?;
    hex::decode_to_slice(digits, seed.as_mut_slice()).ok().with_context(damaged)?;
    // Named after the node: who knows the node knows the witness.
    let node = read_key(data).context("a witness belongs to a node: run `haulout node init` first")?;
    let name = format!("haulout.witness/{}", node.public()).parse()?;
    Ok(Some(NoteSigner::from_seed(name, SignatureKind::CosignatureV1, &seed)))
}
