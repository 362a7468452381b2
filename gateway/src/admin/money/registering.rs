//! Providers register, so that they take stake and vote.

use serde::{Deserialize, Serialize};

use backends::node::NODE_KEY;

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::UserId;
use crate::domain::money::account::LedgerAccount;
use crate::domain::money::epoch::Epoch;
use crate::metadata::{Registered, Registration};
use crate::staking::{CommissionSchedule, WHOLE_BP};

/// What a provider keeps of its rewards if nobody says anything: a tenth.
const COMMISSION_BP: u64 = 1_000;

/// Register a provider, or announce another commission of one. The same again does nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterProvider {
    /// The name of its backend.
    pub provider: String,
    /// The staker whose stake in its pool is its own; the provider's name where absent.
    pub owner: Option<String>,
    /// The user whose buckets are its own.
    pub account: Option<String>,
    /// What it keeps of its rewards, in hundredths of a percent.
    pub commission_bp: Option<u64>,
}

/// A registered provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredProvider {
    /// False where nothing changed.
    pub is_new: bool,
    /// The name of its backend.
    pub provider: String,
    /// The staker whose stake in its pool is its own.
    pub owner: String,
    /// The key that its node is known by; empty for a backend of the operator.
    pub node_key: String,
    /// The epoch from which each commission is in force, and how much it is in hundredths of a percent.
    pub commissions: Vec<(u64, u64)>,
}

impl Operation for RegisterProvider {
    const NAME: &'static str = "provider-register";
    type Reply = RegisteredProvider;

    async fn run(self, admin: &Admin) -> Result<RegisteredProvider> {
        let name = &self.provider;
        let config = admin.backends.iter().find(|backend| backend.name == *name).ok_or_else(|| {
            AdminError::refused(format!("no backend is named {name:?}: `haulout backend list` shows those that are"))
        })?;
        let node_key = config.options.get(NODE_KEY).filter(|_| config.is_node()).cloned().unwrap_or_default();
        let known = admin.metadata.staking_providers().await?.remove(name);
        let owner = match (&self.owner, &known) {
            (Some(owner), _) => staker(owner)?,
            (None, Some(known)) => known.owner.clone(),
            (None, None) => staker(name)?,
        };
        let announced = known.as_ref().and_then(|known| known.commissions.values().next_back().copied());
        let commission_bp = self.commission_bp.or(announced).unwrap_or(COMMISSION_BP);
        if commission_bp > WHOLE_BP {
            return Err(AdminError::refused("a commission is at most all of the reward: 100 percent"));
        }
        let now = admin.metadata.money_epoch().await?.map_or(Epoch(0), |(epoch, _)| epoch.number);
        let registration = Registration {
            provider: name.clone(),
            owner,
            account: account_of(admin, self.account.as_deref()).await?,
            node_key,
            commission_bp,
            now,
            commission_from: CommissionSchedule::default().announce(now, commission_bp),
        };
        let is_new = match admin.metadata.register_provider(registration).await? {
            Registered::New | Registered::Changed => true,
            Registered::Same => false,
            Registered::Different => {
                return Err(AdminError::refused(format!(
                    "provider {name:?} is registered with another owner or another key of its node, which never change: \
                     register what replaces it under a name of its own"
                )));
            }
        };
        let shown = admin.metadata.staking_providers().await?.remove(name);
        let gone = || AdminError::Unavailable(format!("provider {name:?} is not registered"));
        let shown = shown.ok_or_else(gone)?;
        Ok(RegisteredProvider {
            is_new,
            provider: shown.provider,
            owner: shown.owner,
            node_key: shown.node_key,
            commissions: shown.commissions.into_iter().map(|(epoch, commission)| (epoch.0, commission)).collect(),
        })
    }
}

/// The name of a staker.
pub(super) fn staker(name: &str) -> Result<String> {
    match format!("staker/{name}").parse() {
        Ok(LedgerAccount::Staker(name)) => Ok(name),
        _ => {
            Err(AdminError::refused(format!("{name:?} is no staker: 1 to 64 characters of a-z, 0-9, `_`, `.` and `-`")))
        }
    }
}

async fn account_of(admin: &Admin, user: Option<&str>) -> Result<Option<UserId>> {
    let Some(name) = user else { return Ok(None) };
    let users = admin.metadata.users().await?;
    let found = users.into_iter().find(|(user, _)| user.name == name).map(|(user, _)| user.id);
    found.map(Some).ok_or_else(|| AdminError::refused(format!("there is no user named {name:?}")))
}
