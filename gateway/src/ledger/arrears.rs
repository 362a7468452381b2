//! What becomes of a bucket whose payer owes for past epochs: no new content, then nothing but reading and deleting, then the operator
//! decides. Dates are announced before they come, and once announced they only ever move to later.

use crate::domain::Timestamp;
use crate::domain::money::frost::Frost;

/// How far it has come with a bucket that owes. Reads, deletions, aborts and expiration go on in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArrearsStage {
    /// It owes nothing, or its payer has what it owes.
    #[default]
    Paid,
    /// It takes no new content.
    Grace,
    /// It takes no change but deletions.
    ReadOnly,
    /// As before, and what becomes of it is the operator's decision.
    Ended,
}

impl ArrearsStage {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Paid, Self::Grace, Self::ReadOnly, Self::Ended];

    /// Its name in messages and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Grace => "grace",
            Self::ReadOnly => "read-only",
            Self::Ended => "ended",
        }
    }

    /// Its number in the database.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Paid => 0,
            Self::Grace => 1,
            Self::ReadOnly => 2,
            Self::Ended => 3,
        }
    }
}

/// What was announced about a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// The last stage that was announced.
    pub stage: ArrearsStage,
    /// When grace began.
    pub since: Timestamp,
    /// When grace ends.
    pub read_only_at: Timestamp,
    /// When it becomes the operator's decision.
    pub ends_at: Timestamp,
}

/// What the stage of a bucket follows from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrearsFacts {
    /// Money is charged, and not only computed.
    pub is_charged: bool,
    /// What earlier epochs cost and its payer could not pay.
    pub unpaid: Frost,
    /// What its payer has.
    pub free: Frost,
    /// What was announced.
    pub announced: Announced,
}

/// How long the stages last, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrearsTerms {
    /// From the announcement of grace to its end.
    pub grace: i64,
    /// From the end of grace to the decision.
    pub notice: i64,
}

impl ArrearsFacts {
    /// How far it is. Whoever has what is owed is in arrears no more, even before it was charged. A stage that was not announced is never
    /// skipped: whatever the clock says, the end comes only after its notice.
    #[must_use]
    pub fn stage(&self, now: Timestamp) -> ArrearsStage {
        let Announced { stage, read_only_at, ends_at, .. } = self.announced;
        if !self.is_charged || self.unpaid <= self.free {
            return ArrearsStage::Paid;
        }
        match stage {
            ArrearsStage::Paid => ArrearsStage::Grace,
            _ if now < read_only_at => ArrearsStage::Grace,
            ArrearsStage::Grace => ArrearsStage::ReadOnly,
            ArrearsStage::ReadOnly | ArrearsStage::Ended if now < ends_at => ArrearsStage::ReadOnly,
            ArrearsStage::ReadOnly | ArrearsStage::Ended => ArrearsStage::Ended,
        }
    }

    /// What is to be announced now, if anything: the next stage with its dates, or that all is paid.
    #[must_use]
    pub fn announcement(&self, terms: &ArrearsTerms, now: Timestamp) -> Option<Announced> {
        let (before, stage) = (self.announced, self.stage(now));
        if self.unpaid.is_zero() {
            return (before.stage > ArrearsStage::Paid).then(Announced::default);
        }
        if stage <= before.stage {
            return None;
        }
        Some(match stage {
            ArrearsStage::Paid => return None,
            ArrearsStage::Grace => {
                let read_only_at = later(now, terms.grace);
                Announced { stage, since: now, read_only_at, ends_at: later(read_only_at, terms.notice) }
            }
            ArrearsStage::ReadOnly => {
                Announced { stage, ends_at: before.ends_at.max(later(now, terms.notice)), ..before }
            }
            ArrearsStage::Ended => Announced { stage, ..before },
        })
    }
}

impl Announced {
    /// The same with later dates: what an operator gives. The next date that is to come moves, and those after it.
    #[must_use]
    pub fn extended(self, micros: i64, now: Timestamp) -> Self {
        let micros = micros.max(0);
        match self.stage {
            ArrearsStage::Paid => self,
            ArrearsStage::Grace => Self {
                read_only_at: later(self.read_only_at.max(now), micros),
                ends_at: later(self.ends_at.max(now), micros),
                ..self
            },
            ArrearsStage::ReadOnly | ArrearsStage::Ended => {
                Self { stage: ArrearsStage::ReadOnly, ends_at: later(self.ends_at.max(now), micros), ..self }
            }
        }
    }
}

fn later(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp(at.0.saturating_add(micros.max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: ArrearsTerms = ArrearsTerms { grace: 100, notice: 1_000 };

    fn facts(unpaid: u64, free: u64, announced: Announced) -> ArrearsFacts {
        ArrearsFacts { is_charged: true, unpaid: Frost(unpaid), free: Frost(free), announced }
    }

    fn announced(stage: ArrearsStage, read_only_at: i64, ends_at: i64) -> Announced {
        Announced { stage, since: Timestamp(1), read_only_at: Timestamp(read_only_at), ends_at: Timestamp(ends_at) }
    }

    #[test]
    fn stages_follow_from_what_is_owed_and_what_was_announced() {
        use ArrearsStage::{Ended, Grace, Paid, ReadOnly};
        // Unpaid, free, announced stage, end of grace, end of notice, now: stage.
        let table = [
            (0, 0, Paid, 0, 0, 5, Paid),
            (10, 10, Paid, 0, 0, 5, Paid),
            (10, 9, Paid, 0, 0, 5, Grace),
            (10, 9, Grace, 100, 1_000, 99, Grace),
            (10, 9, Grace, 100, 1_000, 100, ReadOnly),
            // Nobody announced that it is read-only yet: it does not end.
            (10, 9, Grace, 100, 1_000, 5_000, ReadOnly),
            (10, 9, ReadOnly, 100, 1_000, 999, ReadOnly),
            (10, 9, ReadOnly, 100, 1_000, 1_000, Ended),
            (10, 9, Ended, 100, 1_000, 1_000, Ended),
            // The clock went back.
            (10, 9, Ended, 100, 1_000, 500, ReadOnly),
            (10, 9, Ended, 100, 1_000, 50, Grace),
            // Paying ends it at once, wherever it is.
            (10, 10, Ended, 100, 1_000, 2_000, Paid),
            (0, 0, ReadOnly, 100, 1_000, 2_000, Paid),
        ];
        for (unpaid, free, stage, read_only_at, ends_at, now, expected) in table {
            let facts = facts(unpaid, free, announced(stage, read_only_at, ends_at));
            assert_eq!(facts.stage(Timestamp(now)), expected, "{facts:?} at {now}");
            let tracked = ArrearsFacts { is_charged: false, ..facts };
            assert_eq!(tracked.stage(Timestamp(now)), Paid, "nobody owes where money is only computed");
        }
    }

    #[test]
    fn dates_are_announced_before_they_come_and_never_move_to_earlier() {
        let mut facts = facts(10, 0, Announced::default());
        let mut seen = Vec::new();
        // As if a gateway looked at these times: it was away from 40 to 5,000.
        for now in [7, 8, 40, 5_000, 5_001, 5_999, 6_000, 6_001] {
            let before = facts.announced;
            if let Some(next) = facts.announcement(&TERMS, Timestamp(now)) {
                assert!(next.ends_at >= before.ends_at && next.read_only_at >= before.read_only_at, "{next:?}");
                assert!(next.stage > before.stage);
                facts.announced = next;
                seen.push((now, next.stage.as_str(), next.read_only_at.0, next.ends_at.0));
            }
        }
        let expected = [(7, "grace", 107, 1_107), (5_000, "read-only", 107, 6_000), (6_000, "ended", 107, 6_000)];
        assert_eq!(seen, expected);
        // Another configuration changes nothing that was announced.
        let short = ArrearsTerms { grace: 0, notice: 0 };
        assert_eq!(facts.announcement(&short, Timestamp(6_002)), None);
        // Enough funds end it, and it is announced when it is paid.
        let funded = ArrearsFacts { free: Frost(10), ..facts };
        assert_eq!(funded.announcement(&TERMS, Timestamp(6_003)), None);
        let paid = ArrearsFacts { unpaid: Frost(0), ..facts };
        assert_eq!(paid.announcement(&TERMS, Timestamp(6_003)), Some(Announced::default()));
        let never = ArrearsFacts { announced: Announced::default(), ..paid };
        assert_eq!(never.announcement(&TERMS, Timestamp(6_003)), None);
    }

    #[test]
    fn an_operator_gives_more_time_and_never_less() {
        let grace = announced(ArrearsStage::Grace, 100, 1_000);
        assert_eq!(grace.extended(50, Timestamp(20)), announced(ArrearsStage::Grace, 150, 1_050));
        assert_eq!(grace.extended(-50, Timestamp(20)), grace);
        let ended = announced(ArrearsStage::Ended, 100, 1_000);
        let extended = ended.extended(50, Timestamp(2_000));
        assert_eq!(extended, announced(ArrearsStage::ReadOnly, 100, 2_050));
        assert_eq!(facts(10, 0, extended).stage(Timestamp(2_049)), ArrearsStage::ReadOnly);
        assert_eq!(facts(10, 0, extended).stage(Timestamp(2_050)), ArrearsStage::Ended);
        assert_eq!(Announced::default().extended(50, Timestamp(9)), Announced::default());
    }
}
