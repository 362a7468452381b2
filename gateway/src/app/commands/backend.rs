//! `haulout backend`.

use anyhow::Result;

use crate::admin::{AcceptBackend, ListBackends, ListedBackend, RemoveBackend};
use crate::app::cli::Backend;
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};

pub(super) async fn run(runner: &OperationRunner, backend: Backend) -> Result<Outcome> {
    let (backends, json) = match backend {
        Backend::List { json } => (runner.run(ListBackends {}).await?, json),
        Backend::Accept { name } => (vec![runner.run(AcceptBackend { name }).await?], false),
        Backend::Remove { name } => (runner.run(RemoveBackend { name }).await?, false),
    };
    if json {
        show::json(&backends)?;
    } else {
        let rows: Vec<_> = backends.iter().map(row).collect();
        show::table(["NAME", "PROVIDER", "ZONE", "FREE", "STATE", "URL"], &rows)?;
    }
    let fine = backends.iter().all(|backend| backend.problem.is_none());
    Ok(if fine { Outcome::Fine } else { Outcome::Wrong })
}

fn row(backend: &ListedBackend) -> [String; 6] {
    [
        backend.name.clone(),
        backend.provider.clone(),
        backend.zone.clone(),
        backend.free_bytes.map(show::bytes).unwrap_or_default(),
        backend.problem.clone().unwrap_or_else(|| "ok".to_owned()),
        backend.url.clone(),
    ]
}
