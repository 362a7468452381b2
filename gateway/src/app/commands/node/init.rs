//! `haulout node init`.

use std::path::Path;

use anyhow::{Context as _, Result};
use backends::node::NODE_KEY;
use backends::node::identity::create_key;
use zeroize::Zeroizing;

use crate::app::commands::{Outcome, show};
use crate::app::startup::data_folder::DataFolder;
use crate::clock::{Ambient, random};
use crate::domain::BackendId;

/// Makes the key, and prints the section of a gateway's configuration.
pub(super) fn run(data: &Path, listen: &str, name: &str) -> Result<Outcome> {
    let _: BackendId = name.parse().context("--name")?;
    let folder = DataFolder::make(data)?;
    let seed = Zeroizing::new(random(Ambient::system().entropy.as_ref()));
    let key = create_key(folder.path(), &seed).context("cannot make the node's key")?;
    show::print(&format!(
        "[[backend]]\nname = \"{name}\"\nurl = \"node://{listen}\"\noptions = {{ {NODE_KEY} = \"{}\" }}",
        key.public()
    ))?;
    Ok(Outcome::Fine)
}
