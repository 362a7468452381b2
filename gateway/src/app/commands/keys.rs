//! `haulout keys`.

use anyhow::Result;

use crate::admin::{KeyKind, RotateKeys, ShowGatewayKeys};
use crate::app::cli::{Keys, RotatedKind};
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};

pub(super) async fn run(runner: &OperationRunner, keys: Keys) -> Result<Outcome> {
    let (kind, json) = match keys {
        Keys::Rotate { kind, json } => (kind, json),
        // These run without a runner.
        Keys::Split { .. } | Keys::Combine { .. } => return Ok(Outcome::Fine),
        Keys::Gateway => {
            let names = runner.run(ShowGatewayKeys {}).await?;
            names.iter().try_for_each(|name| show::print(name))?;
            return Ok(Outcome::Fine);
        }
    };
    let kind = match kind {
        RotatedKind::Kms => KeyKind::Kms,
        RotatedKind::Cluster => KeyKind::Cluster,
    };
    let rotated = runner.run(RotateKeys { kind }).await?;
    if json {
        show::json(&rotated)?;
    } else {
        let (rewrapped, current, failed) = (rotated.rewrapped, rotated.current, rotated.failed);
        show::print(&format!(
            "{rewrapped} rewrapped, {current} already under the newest key, {failed} cannot be decrypted"
        ))?;
        if kind == KeyKind::Cluster && rewrapped > 0 {
            show::print("restart gateways that still wrap with the old key, then repeat this until 0 are rewrapped")?;
        }
    }
    Ok(if rotated.failed == 0 { Outcome::Fine } else { Outcome::Wrong })
}
