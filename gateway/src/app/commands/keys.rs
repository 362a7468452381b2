//! `haulout keys`.

use anyhow::Result;

use super::{Asker, Outcome, show};
use crate::admin::{KeyKind, RotateKeys};
use crate::app::cli::{Keys, RotatedKind};

pub(super) async fn run(asker: &Asker, keys: Keys) -> Result<Outcome> {
    let Keys::Rotate { kind, json } = keys;
    let kind = match kind {
        RotatedKind::Kms => KeyKind::Kms,
        RotatedKind::Cluster => KeyKind::Cluster,
    };
    let rotated = asker.ask(RotateKeys { kind }).await?;
    if json {
        show::json(&rotated)?;
    } else {
        let (rewrapped, current, failed) = (rotated.rewrapped, rotated.current, rotated.failed);
        show::print(&format!("{rewrapped} wrapped anew, {current} were under the newest key, {failed} do not open"))?;
        if kind == KeyKind::Cluster && rewrapped > 0 {
            show::print("restart gateways that still wrap with the old key, then run this again until it says 0")?;
        }
    }
    Ok(if rotated.failed == 0 { Outcome::Fine } else { Outcome::Wrong })
}
