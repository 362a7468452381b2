//! `haulout gateway`.

use anyhow::Result;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::admin::ListGateways;
use crate::app::cli::Gateway;
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};

pub(super) async fn run(runner: &OperationRunner, gateway: Gateway) -> Result<Outcome> {
    let Gateway::List { json } = gateway;
    let gateways = runner.run(ListGateways {}).await?;
    if json {
        show::json(&gateways)?;
        return Ok(Outcome::Fine);
    }
    for listed in gateways {
        let started = OffsetDateTime::from_unix_timestamp_nanos(i128::from(listed.started_at) * 1_000);
        let started = started.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default();
        let lease = match listed.lease_seconds {
            left @ 0.. => format!("lease for {left} s"),
            over => format!("lease over since {} s", -over),
        };
        let tasks = if listed.tasks.is_empty() { String::new() } else { format!(", does {}", listed.tasks.join(", ")) };
        let (incarnation, name) = (listed.incarnation, &listed.gateway);
        show::print(&format!("{incarnation}  {name}  since {started}, {lease}{tasks}"))?;
    }
    Ok(Outcome::Fine)
}
