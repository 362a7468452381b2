//! What votes decided, as it is noted when an epoch begins.

use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;

/// Which votes and stake a decision is made from. When either has changed, it is made another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VotingRevision {
    /// The epoch that ends: votes up to it count.
    pub epoch: Epoch,
    /// The last of them.
    pub votes: u64,
    /// The last epoch that was settled: it left the pools as they are.
    pub settled: u64,
}

/// A vote for prices with the stake behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedVote {
    /// Whose.
    pub provider: String,
    /// FROST per encoded MiB and epoch.
    pub storage: Frost,
    /// FROST per encoded MiB that is written.
    pub write: Frost,
    /// The stake of its pool.
    pub stake: Frost,
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalOutcome {
    /// Votes still count.
    Open,
    /// It is in force from its epoch on.
    Passed,
    /// No more than half of the votes were for it.
    Rejected,
    /// Less stake voted than must.
    NoQuorum,
}

impl ProposalOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Open, Self::Passed, Self::Rejected, Self::NoQuorum];

    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Passed => "passed",
            Self::Rejected => "rejected",
            Self::NoQuorum => "no-quorum",
        }
    }
}

/// What votes on a proposal came to. Amounts are stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposalCount {
    /// For it.
    pub yes: Frost,
    /// Against it.
    pub no: Frost,
    /// All that could vote.
    pub total: Frost,
    /// How much of it had to, in hundredths of a percent.
    pub quorum_bp: u64,
}

/// What votes decided at the end of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VotingOutcome {
    /// From which votes and stake.
    pub revision: VotingRevision,
    /// The votes that decided the prices; none where nobody with stake has voted.
    pub counted: Vec<CountedVote>,
    /// Proposals whose voting is over.
    pub decided: Vec<(u64, ProposalOutcome, ProposalCount)>,
}

/// Which votes and stake there are at the end of an epoch.
pub(in crate::metadata) async fn revision(session: &mut Session, epoch: Epoch) -> Result<VotingRevision> {
    let text = "SELECT (SELECT COALESCE(MAX(seq), 0) FROM vote WHERE epoch <= $1), \
                (SELECT COALESCE(MAX(epoch), 0) FROM settlement)";
    let row = session.row(Statement::new(text).bind(int(epoch.0)?)).await?;
    let Some(row) = row else { return Ok(VotingRevision { epoch, votes: 0, settled: 0 }) };
    Ok(VotingRevision { epoch, votes: row.number(0)?, settled: row.number(1)? })
}

/// Notes what was decided for an epoch that begins. False where votes or stake are others by now: nothing is noted then.
pub(in crate::metadata) async fn note(tx: &mut Session, outcome: &VotingOutcome, begins: Epoch) -> Result<bool> {
    if revision(tx, outcome.revision.epoch).await? != outcome.revision || outcome.revision.epoch.next() != begins {
        return Ok(false);
    }
    let mut counted = Vec::with_capacity(outcome.counted.len());
    for vote in &outcome.counted {
        counted.push([
            int(begins.0)?.into(),
            vote.provider.as_str().into(),
            int(vote.storage.0)?.into(),
            int(vote.write.0)?.into(),
            Value::Int(int(vote.stake.0)?),
        ]);
    }
    let head = "INSERT INTO counted_vote (epoch, provider, storage_price, write_price, stake) VALUES ";
    tx.execute_rows(head, counted, "").await?;
    for (number, decided, count) in &outcome.decided {
        let text = "UPDATE proposal SET outcome = $1, quorum_bp = $2, yes = $3, no = $4, total = $5 \
                    WHERE number = $6 AND outcome = 'open'";
        let statement = Statement::new(text)
            .bind(decided.as_str())
            .bind(int(count.quorum_bp)?)
            .bind(int(count.yes.0)?)
            .bind(int(count.no.0)?)
            .bind(int(count.total.0)?)
            .bind(int(*number)?);
        tx.execute(statement).await?;
    }
    Ok(true)
}
