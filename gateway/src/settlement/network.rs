//! The network's side of settlement: whoever keeps accounts, stake and what is remembered of providers, and moves the money.

use async_trait::async_trait;

use crate::metadata::{MetadataError, MetadataStore, Settlement, SettlementFacts};

/// Keeps the accounts between which settlement moves money. What was used, held and audited is not its affair: gateways know that.
///
/// The local ledger, which the metadata database holds, is one. A chain can be another: what it is asked for is the state of accounts at
/// some moment, and to apply a plan that was made from it, whole or not at all.
#[async_trait]
pub trait Network: Send + Sync + std::fmt::Debug {
    /// What it knows about the oldest epoch that is charged and not settled, all of one moment, which `SettlementFacts::seq` names.
    ///
    /// # Errors
    /// [`NetworkError`]; to be asked again.
    async fn facts(&self) -> Result<Option<SettlementFacts>, NetworkError>;

    /// Applies a settlement whole, if the epoch is not settled yet and nothing moved since the moment of its facts; else nothing of it, and
    /// `false`. The ids of its transfers follow from the epoch: one that is applied again changes nothing.
    ///
    /// # Errors
    /// [`NetworkError`]. Whether it was applied is what the next facts show.
    async fn apply(&self, settlement: Settlement) -> Result<bool, NetworkError>;
}

/// Why a network gave no answer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct NetworkError(Box<dyn std::error::Error + Send + Sync>);

impl From<MetadataError> for NetworkError {
    fn from(error: MetadataError) -> Self {
        Self(Box::new(error))
    }
}

/// The local ledger.
#[async_trait]
impl Network for MetadataStore {
    async fn facts(&self) -> Result<Option<SettlementFacts>, NetworkError> {
        Ok(self.settlement_facts().await?)
    }

    async fn apply(&self, settlement: Settlement) -> Result<bool, NetworkError> {
        Ok(self.settle(settlement).await?)
    }
}
