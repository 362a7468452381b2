//! `haulout node price-floor`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use backends::node::identity::read_key;
use backends::node::protocol::SignedPriceFloor;
use backends::node::server::AdmissionFile;
use codec::ClusterId;

use crate::app::commands::{Outcome, show};
use crate::domain::money::frost::Frost;

/// Signs a price floor and prints it. Whether it is in range the gateway decides, by the prices in force.
pub(super) fn run(
    data: &Path,
    epoch: u64,
    storage: Frost,
    write: Frost,
    cluster: Option<ClusterId>,
) -> Result<Outcome> {
    let missing =
        || format!("{}: run `haulout node init` first, or name the node's folder with --data", data.display());
    let key = read_key(data).with_context(missing)?;
    let admitted = AdmissionFile::read(data).with_context(missing)?.clusters;
    let cluster = match (cluster, &*admitted) {
        (Some(named), known) if known.iter().any(|one| one.cluster == named) => named,
        (Some(named), _) => {
            bail!("the node has not admitted cluster {named}: `haulout node clusters` shows those that it has")
        }
        (None, [only]) => only.cluster,
        (None, []) => bail!("the node has admitted no cluster: `haulout node allow` or `haulout node join` does that"),
        (None, _) => bail!("the node has admitted several clusters: say which one by --cluster"),
    };
    eprintln!("for the operator of cluster {cluster}, in `haulout provider price-floor`, before epoch {epoch} begins:");
    show::print(&SignedPriceFloor::sign(cluster, &key, epoch, storage.0, write.0).to_string())?;
    Ok(Outcome::Fine)
}
