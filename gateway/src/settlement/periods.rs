//! Periods: what audits say of one provider in one epoch.

use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::staking::{Parameter, Parameters, WHOLE_BP};

use super::inputs::Verdicts;

/// Why a period is settled at zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It gave a wrong answer.
    Wrong,
    /// It had lost too much of what it was asked for.
    Missing,
    /// It was silent too often; it takes no new slivers until it answers.
    Silent,
    /// It stayed open for too long.
    Expired,
    /// It is excluded.
    Disqualified,
}

impl Fault {
    /// Its name in what is printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Missing => "missing",
            Self::Silent => "silent",
            Self::Expired => "expired",
            Self::Disqualified => "disqualified",
        }
    }
}

/// What becomes of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is proven, and paid.
    Proven {
        /// What it earned, in FROST.
        paid: Frost,
    },
    /// It is settled at zero.
    Faulted(Fault),
    /// It waits; the escrow of its epoch keeps what it may still earn.
    Open {
        /// What is kept, in FROST.
        reserved: Frost,
    },
}

/// The outcome of one period of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Whose.
    pub provider: String,
    /// Of which epoch.
    pub epoch: Epoch,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// What audits say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It passed so many of so many.
    Passed(u64, u64),
    Fault(Fault),
    Undecided,
}

/// Judges a period. One wrong answer is a fault; so is more of the missing or of silence than the parameters allow, and those
/// below that lower what is paid. What nobody asked about, or what is still to be asked, is undecided as long as it `may_wait`.
pub(super) fn judge(verdicts: &Verdicts, may_wait: bool, parameters: &Parameters) -> Judgement {
    let asked = verdicts.asked();
    let above = |count: u64, share: Parameter| {
        u128::from(count) * u128::from(WHOLE_BP) > u128::from(asked) * u128::from(parameters.get(share))
    };
    if verdicts.wrong > 0 {
        Judgement::Fault(Fault::Wrong)
    } else if above(verdicts.missing, Parameter::FaultsMaxBp) {
        Judgement::Fault(Fault::Missing)
    } else if above(verdicts.silent, Parameter::SilenceMaxBp) {
        Judgement::Fault(Fault::Silent)
    } else if verdicts.pending == 0 && asked > 0 {
        Judgement::Passed(verdicts.passed, asked)
    } else if may_wait {
        Judgement::Undecided
    } else {
        Judgement::Fault(Fault::Expired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audits_prove_fault_or_leave_open() {
        let judged = |[passed, missing, wrong, silent, pending]: [u64; 5], may_wait| {
            judge(&Verdicts { passed, missing, wrong, silent, pending }, may_wait, &Parameters::default())
        };
        assert_eq!(judged([100, 0, 0, 0, 0], true), Judgement::Passed(100, 100));
        assert_eq!(judged([95, 5, 0, 0, 0], true), Judgement::Passed(95, 100), "a little is paid for less");
        assert_eq!(judged([94, 6, 0, 0, 0], true), Judgement::Fault(Fault::Missing));
        assert_eq!(judged([99, 0, 1, 0, 0], true), Judgement::Fault(Fault::Wrong));
        assert_eq!(judged([60, 0, 0, 40, 0], true), Judgement::Passed(60, 100), "silence earns nothing");
        assert_eq!(judged([59, 0, 0, 41, 0], true), Judgement::Fault(Fault::Silent));
        assert_eq!(judged([99, 0, 0, 0, 1], true), Judgement::Undecided);
        assert_eq!(judged([99, 0, 0, 0, 1], false), Judgement::Fault(Fault::Expired));
        assert_eq!(judged([0; 5], true), Judgement::Undecided, "nobody asked");
        assert_eq!(judged([0, 50, 0, 0, 50], true), Judgement::Fault(Fault::Missing), "what waits can't help");
    }
}
