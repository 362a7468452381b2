//! What is thought of a provider: the beta model of reputation (Jøsang and Ismail, 2002), as Storj uses it for audits. Outcomes are
//! counted in two sums, good and bad, that decay with each new outcome, so that the score, the good part of both, follows what was
//! seen lately. Integers throughout: every gateway comes to the same score.

use backends::Verdict;

/// One outcome, in the units of the sums.
const ONE: i64 = 1_000_000;

/// Two decaying sums of outcomes, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Good outcomes.
    pub good: i64,
    /// Bad outcomes.
    pub bad: i64,
}

impl Record {
    /// The record after one more outcome, where `kept` thousandths stay of each earlier one.
    #[must_use]
    pub fn after(self, is_good: bool, kept: i64) -> Self {
        let decayed = |sum: i64| sum.saturating_mul(kept) / 1_000;
        let (good, bad) = (decayed(self.good), decayed(self.bad));
        if is_good { Self { good: good + ONE, bad } } else { Self { good, bad: bad + ONE } }
    }

    /// The good part, in thousandths; all of it while there is nothing.
    #[must_use]
    pub fn score(self) -> i64 {
        let all = self.good.saturating_add(self.bad);
        if all == 0 { 1_000 } else { self.good.saturating_mul(1_000) / all }
    }
}

/// How records decay, in thousandths that stay of each earlier outcome. Storj's are 999 for data and 950 for answers without a clear
/// meaning (the satellite's defaults).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decay {
    /// Of outcomes about data.
    pub data: i64,
    /// Of answers without a clear meaning, and of being reached.
    pub answers: i64,
}

impl Default for Decay {
    fn default() -> Self {
        Self { data: 999, answers: 950 }
    }
}

/// The reputation of one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reputation {
    /// What it has of what it should have.
    pub data: Record,
    /// Whether it gave data when it was reached.
    pub answers: Record,
    /// Whether it was reached.
    pub presence: Record,
    /// Audits that were judged.
    pub audits: u64,
}

impl Default for Reputation {
    /// That of a newcomer: a thousand good outcomes about data, as with Storj, so that one bad disk block is not the end.
    fn default() -> Self {
        let nothing = Record { good: 0, bad: 0 };
        Self { data: Record { good: 1_000 * ONE, bad: 0 }, answers: nothing, presence: nothing, audits: 0 }
    }
}

impl Reputation {
    /// The reputation after one more verdict.
    #[must_use]
    pub fn after(self, verdict: Verdict, decay: Decay) -> Self {
        let reached = || self.presence.after(true, decay.answers);
        match verdict {
            Verdict::Void => self,
            Verdict::Offline => Self { presence: self.presence.after(false, decay.answers), ..self },
            Verdict::Contained => {
                Self { presence: reached(), answers: self.answers.after(false, decay.answers), ..self }
            }
            Verdict::Passed | Verdict::Wrong | Verdict::Missing => Self {
                data: self.data.after(!verdict.is_loss(), decay.data),
                answers: self.answers.after(true, decay.answers),
                presence: reached(),
                audits: self.audits + 1,
            },
        }
    }
}

/// Below which scores, in thousandths, a backend is not relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Of data: below it the backend is suspended.
    pub data: i64,
    /// Of answers and of presence: below it the backend counts as away.
    pub answers: i64,
}

/// What follows from a reputation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It has shown enough of what it should have.
    Trusted,
    /// Settlements have counted too few audits so far to go by them.
    Vetting,
    /// It is hardly ever there, or does not answer.
    Unreliable,
    /// It lost or changed too much: nothing new goes there, and what is there is moved.
    Suspended,
}

impl Standing {
    /// What a reputation comes to, of a backend that is vetted or is not.
    #[must_use]
    pub fn of(reputation: &Reputation, thresholds: Thresholds, is_vetted: bool) -> Self {
        let Reputation { data, answers, presence, .. } = reputation;
        if data.score() < thresholds.data {
            Self::Suspended
        } else if answers.score().min(presence.score()) < thresholds.answers {
            Self::Unreliable
        } else if is_vetted {
            Self::Trusted
        } else {
            Self::Vetting
        }
    }

    /// The word in replies and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Vetting => "vetting",
            Self::Unreliable => "unreliable",
            Self::Suspended => "suspended",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const THRESHOLDS: Thresholds = Thresholds { data: 960, answers: 600 };

    fn after(verdicts: impl IntoIterator<Item = Verdict>) -> Reputation {
        verdicts.into_iter().fold(Reputation::default(), |known, verdict| known.after(verdict, Decay::default()))
    }

    fn standing(verdicts: impl IntoIterator<Item = Verdict>) -> Standing {
        Standing::of(&after(verdicts), THRESHOLDS, true)
    }

    #[test]
    fn newcomers_are_vetted_and_then_trusted() {
        let newcomer = |verdicts: &[Verdict]| Standing::of(&after(verdicts.iter().copied()), THRESHOLDS, false);
        assert_eq!((newcomer(&[]), standing([])), (Standing::Vetting, Standing::Trusted));
        assert_eq!(newcomer(&[Verdict::Wrong; 50]), Standing::Suspended, "whoever it is");
        assert_eq!(newcomer(&[Verdict::Offline; 50]), Standing::Unreliable);
    }

    #[test]
    fn some_forty_losses_in_a_row_suspend_and_one_does_not() {
        let losses = (1..).find(|count| standing(vec![Verdict::Wrong; *count]) == Standing::Suspended).unwrap();
        assert!((35..45).contains(&losses), "{losses}");
        let one = [Verdict::Passed; 200].into_iter().chain([Verdict::Missing]);
        assert_eq!(standing(one), Standing::Trusted);
    }

    #[test]
    fn silence_makes_unreliable_and_never_suspends() {
        assert_eq!(standing([Verdict::Offline; 10_000]), Standing::Unreliable);
        assert_eq!(standing([Verdict::Contained; 10_000]), Standing::Unreliable);
        let back = [Verdict::Offline; 10_000].into_iter().chain([Verdict::Passed; 100]);
        assert_eq!(standing(back), Standing::Trusted, "who is back is trusted again");
    }

    #[test]
    fn one_in_ten_lost_is_found_out_and_one_in_a_thousand_is_not() {
        let every =
            |period: usize| (0..20_000).map(move |at| if at % period == 0 { Verdict::Wrong } else { Verdict::Passed });
        assert_eq!(standing(every(10)), Standing::Suspended);
        assert_eq!(standing(every(1_000)), Standing::Trusted);
    }

    proptest! {
        #[test]
        fn scores_stay_between_nothing_and_all(verdicts in proptest::collection::vec(0..6_usize, 0..2_000)) {
            let known = after(verdicts.into_iter().map(|at| Verdict::ALL[at]));
            for record in [known.data, known.answers, known.presence] {
                prop_assert!(record.good >= 0 && record.bad >= 0);
                prop_assert!((0..=1_000).contains(&record.score()));
                prop_assert!(record.good + record.bad <= 1_001 * ONE);
            }
        }
    }
}
