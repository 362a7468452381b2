//! What votes are counted from when the next epoch is to begin.

use std::collections::BTreeMap;

use crate::domain::Timestamp;
use crate::metadata::MetadataStore;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::epochs::{self, MoneyEpoch};
use crate::metadata::staking::decisions::{self, VotingRevision};
use crate::metadata::staking::pools::{self, PoolRow};
use crate::metadata::staking::proposals::{self, ProposalRow};
use crate::metadata::staking::votes::{self, VoteRow};

/// Votes and stake at one moment.
#[derive(Clone, Debug)]
pub struct VotingFacts {
    /// The epoch that began last; votes up to it count.
    pub epoch: MoneyEpoch,
    /// Which votes and stake these are.
    pub revision: VotingRevision,
    /// Pools by the name of their provider.
    pub pools: BTreeMap<String, PoolRow>,
    /// The last vote for prices of each provider.
    pub prices: Vec<VoteRow>,
    /// Proposals whose votes are not counted yet, each with the last vote of each provider.
    pub open: Vec<(ProposalRow, Vec<VoteRow>)>,
    /// Proposals that passed.
    pub passed: Vec<ProposalRow>,
}

impl MetadataStore {
    /// Votes and stake as they count at the end of the epoch that began last; none before the first epoch.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn voting_facts(&self) -> Result<Option<(VotingFacts, Timestamp)>> {
        let Some((_, now)) = self.money_epoch().await? else { return Ok(None) };
        let mut session = self.database().snapshot().await?;
        let missing = || MetadataError::Damaged("the epochs are gone".to_owned());
        let epoch = epochs::last(&mut session).await?.ok_or_else(missing)?;
        let revision = decisions::revision(&mut session, epoch.number).await?;
        let mut open = Vec::new();
        for proposal in proposals::open(&mut session).await? {
            let votes = votes::standing(&mut session, epoch.number, Some(proposal.number)).await?;
            open.push((proposal, votes));
        }
        let facts = VotingFacts {
            revision,
            pools: pools::all(&mut session).await?,
            prices: votes::standing(&mut session, epoch.number, None).await?,
            open,
            passed: proposals::passed(&mut session).await?,
            epoch,
        };
        Ok(Some((facts, now)))
    }
}
