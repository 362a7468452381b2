//! `haulout node join`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use backends::node::identity::read_key;
use backends::node::protocol::{Acceptance, Invitation};
use backends::node::server::AdmissionFile;

use crate::app::commands::{Outcome, show};
use crate::clock::Ambient;

/// Admits the gateways that made an invitation, and prints the answer to it. May be repeated.
pub(super) fn run(data: &Path, token: &str, listen: &str, name: &str) -> Result<Outcome> {
    let invitation: Invitation = token.trim().parse().context("TOKEN")?;
    let now = Ambient::system().clock.now().seconds();
    if u64::try_from(now).unwrap_or(0) >= invitation.ends {
        bail!("the invitation is over: ask for another one");
    }
    let missing =
        || format!("{}: run `haulout node init` first, or name the node's folder with --data", data.display());
    let key = read_key(data).with_context(missing)?;
    let acceptance = Acceptance::sign(&invitation, &key, name, listen)?;
    let quota = Some(invitation.quota_bytes);
    AdmissionFile::change(data, |file| file.allow(&invitation.gateway, quota, None)).with_context(missing)?;
    let (cluster, quota) = (hex::encode(invitation.gateway.cluster.0), show::bytes(invitation.quota_bytes));
    eprintln!("admitted: cluster {cluster}, {quota} at most. Its operator gives this to `haulout provider admit`:");
    show::print(&acceptance.to_string())?;
    Ok(Outcome::Fine)
}
