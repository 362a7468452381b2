//! What the database says about each backend, applied to what this gateway thinks of it.

use std::collections::BTreeSet;

use super::Heartbeats;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::mode::MoneyMode;
use crate::domain::{BackendFlag, BackendId};
use crate::metadata::{BackendReputation, FlaggedBackend, MetadataError, Standing};
use crate::objects::committee::Backend;
use crate::objects::maintenance::trust::Membership;
use crate::staking::PriceFloor;

impl Heartbeats {
    /// Reloads which backends are flagged, and applies it.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn refresh(&self) -> Result<(), MetadataError> {
        let flagged = self.0.metadata.flagged_backends().await?;
        let (kept, removed) = (self.0.metadata.heartbeats().await?, self.0.metadata.removed_backends().await?);
        let mut leaving = self.0.metadata.leaving_backends().await?;
        // What is replaced takes slivers until this gateway knows its successor.
        let successors = self.0.metadata.successors().await?.into_iter();
        let known = |id: &BackendId| self.0.backends.iter().any(|backend| backend.id == *id);
        leaving.extend(successors.filter(|(_, successor)| known(successor)).map(|(old, _)| old));
        let absences = self.0.metadata.absences().await?;
        let vettings = self.0.metadata.provider_vettings().await?;
        let reputations = self.0.metadata.reputations().await?;
        let weights = self.0.metadata.placement_weights().await?;
        let below_floor = self.below_floor().await?;
        for backend in &self.0.backends {
            if backend.trust().set_below_floor(below_floor.contains(backend.id.as_str())) {
                announce_price(backend);
            }
            self.judge(backend, reputations.get(&backend.id));
            let staked = weights.get(backend.id.as_str()).copied().unwrap_or(0);
            backend.weigh_by_stake((!weights.is_empty()).then_some(staked));
            if let Some(kept) = kept.get(&backend.id) {
                backend.store.require_generation(kept.last.generation);
            }
            backend.set_vetted(vettings.get(backend.id.as_str()).is_some_and(|vetting| vetting.is_vetted));
            let flag = flagged.iter().find(|flagged| flagged.backend == backend.id);
            let with_outcome = flag.map(|flagged| (flagged.flag, flagged.reason.clone()));
            let membership = match &backend.id {
                id if removed.contains(id) => Membership::Removed,
                id if absences.get(id).is_some_and(|absence| absence.lost) => Membership::Lost,
                id if leaving.contains(id) => Membership::Draining,
                _ => Membership::Full,
            };
            if backend.trust().set(with_outcome, membership) {
                announce(&backend.id, flag);
            }
        }
        let held = flagged.iter().any(|flagged| flagged.flag.holds_collection());
        metrics::gauge!("haulout_collection_held").set(if held { 1.0 } else { 0.0 });
        if flagged.iter().any(|flagged| flagged.flag == BackendFlag::Clone) {
            self.0.cloned.cancel();
        }
        Ok(())
    }

    /// Applies what audits say about a backend.
    fn judge(&self, backend: &Backend, known: Option<&BackendReputation>) {
        let silent_in = known.and_then(|known| known.silent_in);
        if backend.trust().set_silent(silent_in.is_some()) {
            announce_silence(&backend.id, silent_in);
        }
        let standing = known.map(|known| Standing::of(&known.reputation, self.0.settings.thresholds, true));
        if backend.trust().set_unreliable(standing == Some(Standing::Unreliable)) {
            announce_reliability(backend);
        }
    }

    /// Providers whose floor the prices of the epoch that is under way do not meet.
    async fn below_floor(&self) -> Result<BTreeSet<String>, MetadataError> {
        let Some((epoch, _)) = self.0.metadata.money_epoch().await? else { return Ok(BTreeSet::new()) };
        if epoch.mode != MoneyMode::On {
            return Ok(BTreeSet::new());
        }
        let floors = self.0.metadata.price_floors_in(epoch.number).await?.into_iter();
        let below = floors.filter(|row| !PriceFloor::from(row.floor).accepts(&epoch.prices));
        Ok(below.map(|row| row.provider).collect())
    }
}

/// That a provider closes or opens by its price shows in log and metrics.
fn announce_price(backend: &Backend) {
    let (id, is_below) = (&backend.id, backend.trust().is_below_floor());
    if is_below {
        tracing::warn!(backend = %id, "the prices in force are below the floor of a provider: it takes no new slivers");
    } else {
        tracing::info!(backend = %id, "the prices in force meet the floor of a provider again");
    }
    let labels = [("backend", id.to_string())];
    metrics::gauge!("haulout_backend_below_price_floor", &labels).set(if is_below { 1.0 } else { 0.0 });
}

/// That a backend is silent, or answers again, shows in log and metrics.
fn announce_silence(backend: &BackendId, silent_in: Option<Epoch>) {
    match silent_in {
        Some(epoch) => {
            tracing::warn!(%backend, %epoch, "a backend was silent in too many audits: it takes no new slivers until it answers one");
        }
        None => tracing::info!(%backend, "a backend that was silent answers audits again"),
    }
    let silent = if silent_in.is_some() { 1.0 } else { 0.0 };
    metrics::gauge!("haulout_backend_silent", "backend" => backend.to_string()).set(silent);
}

/// That a backend is seldom there when it is audited, or is again, shows in log and metrics.
fn announce_reliability(backend: &Backend) {
    let (id, is_unreliable) = (&backend.id, backend.trust().is_unreliable());
    if is_unreliable {
        tracing::warn!(backend = %id, "a backend was away in too many audits: it takes new slivers only where the others are too few");
    } else {
        tracing::info!(backend = %id, "a backend is there for its audits again");
    }
    metrics::gauge!("haulout_backend_unreliable", "backend" => id.to_string()).set(if is_unreliable {
        1.0
    } else {
        0.0
    });
}

/// Another flag than before shows in log and metrics.
fn announce(backend: &BackendId, flagged: Option<&FlaggedBackend>) {
    match flagged {
        Some(flagged) => {
            let (flag, reason) = (flagged.flag, &flagged.reason);
            tracing::error!(%backend, %flag, reason, "a backend was flagged: an operator must look");
        }
        None => tracing::info!(%backend, "a backend is trusted again"),
    }
    for flag in BackendFlag::ALL {
        let is = flagged.is_some_and(|flagged| flagged.flag == flag);
        let labels = [("backend", backend.to_string()), ("flag", flag.name().to_owned())];
        metrics::gauge!("haulout_backend_flagged", &labels).set(if is { 1.0 } else { 0.0 });
    }
}
