//! Providers, as the operator sees them: what each holds, and what is thought of it.

pub mod invitations;

use serde::{Deserialize, Serialize};

use crate::admin::backends::ListBackends;
use crate::admin::error::Result;
use crate::admin::money::votes::parameters_in_force;
use crate::admin::{Admin, Operation, ShowAudits};
use crate::config::BackendConfig;
use crate::domain::BackendId;
use crate::staking::Parameter;

/// List the providers, each backend of theirs in a row.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ListProviders {}

/// A backend of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedProvider {
    /// The backend's name.
    pub name: String,
    /// Who answers for it.
    pub provider: String,
    /// `folder`, `node`, `cloud` or `memory`.
    pub kind: String,
    /// Its zone; empty when nobody named one.
    pub zone: String,
    /// The network that counts as its zone because nobody named one; empty otherwise.
    pub network: String,
    /// Where it is, without secrets.
    pub address: String,
    /// Slivers that it should have, of what lives.
    pub slivers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that it reports to have, where it does; what was deleted and is not yet gone is not among them.
    pub reported_bytes: Option<u64>,
    /// Bytes that it reports to have in its trash.
    pub trash_bytes: Option<u64>,
    /// What it has of what it should have, in thousandths, by the audits of late.
    pub reputation: i64,
    /// `trusted`, `vetting`, `unreliable` or `suspended`.
    pub standing: String,
    /// Audits that were judged.
    pub audits: u64,
    /// Audits that count for its vetting, as of the last settlement; absent when it has its whole share.
    pub vetting_audits: Option<u64>,
    /// Audits that it must have been through for its whole share, over `vetting_epochs` epochs; absent when it has that.
    pub vetting_until: Option<u64>,
    /// `ok`, or what is wrong with it or is done with it.
    pub state: String,
    /// What the last audit came to, and when, in seconds since 1970; absent before the first.
    pub last_verdict: Option<(String, i64)>,
}

impl Operation for ListProviders {
    const NAME: &'static str = "provider-list";
    type Reply = Vec<ListedProvider>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Vec<ListedProvider>> {
        let listed = ListBackends {}.run(admin).await?;
        let standings = ShowAudits { backend: None }.run(admin).await?;
        let held = admin.objects.held().await?;
        let vettings = admin.metadata.provider_vettings().await?;
        let enough = parameters_in_force(admin).await?.get(Parameter::VettingAudits);
        let mut providers = Vec::new();
        for backend in listed {
            let id = backend.name.parse::<BackendId>().ok();
            let member = id.as_ref().and_then(|id| admin.objects.committee().backend(id));
            let space = match (member, &backend.problem) {
                (Some(member), None) => member.store.probe().await.ok(),
                _ => None,
            };
            let standing = standings.iter().find(|one| one.backend == backend.name);
            let held = id.as_ref().and_then(|id| held.get(id)).copied().unwrap_or_default();
            let last = match &id {
                Some(id) => admin.metadata.verdicts_of(id, 1).await?.pop(),
                None => None,
            };
            let config = admin.backends.iter().find(|one| one.name == backend.name);
            let is_vetted = member.is_none_or(|member| member.terms_in_force().is_none());
            let counted = vettings.get(&backend.name).map_or(0, |vetting| vetting.audits);
            let vetting = (!is_vetted).then_some((counted, enough));
            let state = match (&backend.problem, &backend.drain, backend.gone) {
                (Some(problem), ..) => problem.clone(),
                (None, Some(drain), _) if drain.left == 0 => "drained".to_owned(),
                (None, Some(_), _) => "draining".to_owned(),
                (None, None, true) => "removed".to_owned(),
                (None, None, false) => "ok".to_owned(),
            };
            providers.push(ListedProvider {
                kind: config.map_or("unknown", kind).to_owned(),
                network: member.map(|member| member.network.clone()).unwrap_or_default(),
                slivers: held.slivers,
                bytes: held.bytes,
                reported_bytes: space.and_then(|space| space.live_bytes),
                trash_bytes: space.and_then(|space| space.trash_bytes),
                reputation: standing.map_or(0, |one| one.data_score),
                standing: standing.map_or_else(|| "unknown".to_owned(), |one| one.standing.clone()),
                audits: standing.map_or(0, |one| one.audits),
                vetting_audits: vetting.map(|(counted, _)| counted),
                vetting_until: vetting.map(|(_, enough)| enough),
                state,
                last_verdict: last.map(|row| (row.verdict.text().to_owned(), row.judged_at.seconds())),
                name: backend.name,
                provider: backend.provider,
                zone: backend.zone,
                address: backend.url,
            });
        }
        Ok(providers)
    }
}

fn kind(config: &BackendConfig) -> &'static str {
    let spec = config.spec();
    match (config.is_node(), spec.is_directory(), spec.is_billed()) {
        (true, ..) => "node",
        (_, true, _) => "folder",
        (.., true) => "cloud",
        _ => "memory",
    }
}
