//! Proposals to change a parameter: who votes with which stake, and what is in force when.

use crate::domain::money::epoch::Epoch;

use super::parameters::{Parameter, ParameterError, Parameters, WHOLE_BP};

/// A parameter that is to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number; later ones have larger numbers.
    pub number: u64,
    /// What is to change.
    pub parameter: Parameter,
    /// To what.
    pub value: u64,
    /// The last epoch in which votes count.
    pub voting_until: Epoch,
    /// The epoch from whose beginning the value is in force.
    pub effective: Epoch,
}

/// The votes on a proposal, by stake at the end of its voting, in FROST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ballot {
    /// Stake for it.
    pub yes: u64,
    /// Stake against it.
    pub no: u64,
    /// All stake that could vote.
    pub total: u64,
}

/// What votes decide about a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Votes still count.
    Open,
    /// It is in force from its epoch on.
    Passed,
    /// Less stake voted than must.
    NoQuorum,
    /// No more than half of the votes were for it.
    Rejected,
}

/// A proposal that can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalError {
    /// Its value is out of range.
    #[error(transparent)]
    OutOfRange(#[from] ParameterError),
    /// Votes would end before they could begin.
    #[error("votes last to the end of the next epoch at least")]
    TooShort,
    /// It would be in force before everyone could know.
    #[error("a change is in force one whole epoch after the votes end at the earliest")]
    TooSoon,
}

impl Proposal {
    /// The proposal if it can be made in `now`: its value in range, votes open for the whole next epoch, and one whole epoch
    /// between the end of the votes and its effect.
    ///
    /// # Errors
    /// [`ProposalError`] says which of these isn't so.
    pub fn checked(self, now: Epoch) -> Result<Self, ProposalError> {
        Parameters::default().with(self.parameter, self.value)?;
        if self.voting_until <= now {
            return Err(ProposalError::TooShort);
        }
        if self.effective.0 < self.voting_until.0.saturating_add(2) {
            return Err(ProposalError::TooSoon);
        }
        Ok(self)
    }

    /// What the votes say at the beginning of `now`: more than half of the stake that voted, if enough did.
    #[must_use]
    pub fn verdict(&self, ballot: Ballot, now: Epoch, parameters: &Parameters) -> Verdict {
        if now <= self.voting_until {
            return Verdict::Open;
        }
        let cast = u128::from(ballot.yes) + u128::from(ballot.no);
        let quorum = u128::from(ballot.total) * u128::from(parameters.get(Parameter::ProposalQuorumBp));
        if cast == 0 || cast * u128::from(WHOLE_BP) < quorum {
            Verdict::NoQuorum
        } else if u128::from(ballot.yes) * 2 > cast {
            Verdict::Passed
        } else {
            Verdict::Rejected
        }
    }
}

/// The parameters of `epoch`, by the proposals that passed, in any order. Of several for the same parameter the one that is in
/// force last rules, then the one with the larger number.
#[must_use]
pub fn parameters_at(epoch: Epoch, passed: &[Proposal]) -> Parameters {
    let mut in_force: Vec<_> = passed.iter().filter(|proposal| proposal.effective <= epoch).collect();
    in_force.sort_unstable_by_key(|proposal| (proposal.effective, proposal.number));
    in_force.into_iter().fold(Parameters::default(), |parameters, proposal| {
        parameters.with(proposal.parameter, proposal.value).unwrap_or(parameters)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(number: u64, value: u64, effective: u64) -> Proposal {
        let (voting_until, effective) = (Epoch(11), Epoch(effective));
        Proposal { number, parameter: Parameter::SlashBp, value, voting_until, effective }
    }

    #[test]
    fn what_is_proposed_is_announced_in_time_and_in_range() {
        assert!(proposal(1, 200, 13).checked(Epoch(10)).is_ok());
        assert_eq!(proposal(1, 200, 12).checked(Epoch(10)), Err(ProposalError::TooSoon));
        assert_eq!(proposal(1, 200, 13).checked(Epoch(11)), Err(ProposalError::TooShort));
        let error = proposal(1, 1_001, 13).checked(Epoch(10)).unwrap_err();
        assert_eq!(error.to_string(), "slash_bp may be 0 to 1000, not 1001");
    }

    #[test]
    fn more_than_half_of_a_quorum_decides() {
        let verdict = |yes, no, now| {
            proposal(1, 200, 13).verdict(Ballot { yes, no, total: 100 }, Epoch(now), &Parameters::default())
        };
        assert_eq!(verdict(100, 0, 11), Verdict::Open);
        assert_eq!(verdict(49, 0, 12), Verdict::NoQuorum);
        assert_eq!(verdict(26, 24, 12), Verdict::Passed);
        assert_eq!(verdict(25, 25, 12), Verdict::Rejected);
        assert_eq!(
            proposal(1, 200, 13).verdict(Ballot::default(), Epoch(12), &Parameters::default()),
            Verdict::NoQuorum
        );
    }

    #[test]
    fn a_change_is_in_force_from_its_epoch_on() {
        let passed = [proposal(3, 300, 14), proposal(1, 200, 13), proposal(2, 250, 14)];
        let at = |epoch| parameters_at(Epoch(epoch), &passed).get(Parameter::SlashBp);
        assert_eq!([12, 13, 14].map(at), [100, 200, 300]);
    }
}
