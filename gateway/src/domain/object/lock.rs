//! Object lock: which versions may be deleted, and which retentions may change. Pure, and evaluated inside the committing
//! transaction, with the time of the database.

use crate::domain::timestamp::Timestamp;

/// The mode of a retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetentionMode {
    /// Whoever has the permission to bypass it may.
    Governance,
    /// Nobody may, the root user included.
    Compliance,
}

impl RetentionMode {
    /// The word in headers and XML.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    /// The reverse of [`Self::name`]; the words are exact.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [Self::Governance, Self::Compliance].into_iter().find(|mode| mode.name() == word)
    }
}

/// Keeps a version until a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retention {
    /// How strictly.
    pub mode: RetentionMode,
    /// The version may be deleted from this time on.
    pub until: Timestamp,
}

/// What keeps one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct VersionLock {
    /// Its retention, past or not.
    pub retention: Option<Retention>,
    /// Its legal hold; none when it was never set.
    pub legal_hold: Option<bool>,
}

impl VersionLock {
    /// Nothing was ever set.
    pub const NONE: Self = Self { retention: None, legal_hold: None };

    /// Whether a version that is locked like this may be removed for good. `bypass`: the caller asks to pass over
    /// governance and is permitted to.
    #[must_use]
    pub fn may_remove(&self, now: Timestamp, bypass: bool) -> bool {
        self.legal_hold != Some(true) && self.retention.is_none_or(|kept| kept.yields(now, bypass))
    }

    /// Whether its retention may be replaced by another, or by none. A retention may always be extended, in its own mode.
    #[must_use]
    pub fn may_retain(&self, wanted: Option<Retention>, now: Timestamp, bypass: bool) -> bool {
        let Some(kept) = self.retention else { return true };
        let extended = wanted.is_some_and(|wanted| wanted.mode == kept.mode && wanted.until >= kept.until);
        extended || kept.yields(now, bypass)
    }
}

impl Retention {
    /// Whether it no longer binds, or may be passed over.
    fn yields(self, now: Timestamp, bypass: bool) -> bool {
        self.until <= now || (bypass && self.mode == RetentionMode::Governance)
    }
}

/// How long the default retention of a bucket lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetentionPeriod {
    /// Days of 24 hours.
    Days(u32),
    /// Years of 365 days.
    Years(u32),
}

impl RetentionPeriod {
    /// The longest, as Amazon has it.
    pub const DAYS_MAX: u32 = 36_500;
    /// The longest in years.
    pub const YEARS_MAX: u32 = 100;

    /// Its length in microseconds.
    #[must_use]
    pub fn micros(self) -> i64 {
        const DAY: i64 = 86_400_000_000;
        match self {
            Self::Days(days) => i64::from(days).saturating_mul(DAY),
            Self::Years(years) => i64::from(years).saturating_mul(365 * DAY),
        }
    }
}

/// What new versions of a bucket get that bring no retention of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DefaultRetention {
    /// How strictly.
    pub mode: RetentionMode,
    /// How long from their making.
    pub period: RetentionPeriod,
}

impl DefaultRetention {
    /// The retention of a version made now.
    #[must_use]
    pub fn from(self, now: Timestamp) -> Retention {
        Retention { mode: self.mode, until: Timestamp(now.0.saturating_add(self.period.micros())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn kept(mode: RetentionMode, until: i64) -> Option<Retention> {
        Some(Retention { mode, until: Timestamp(until) })
    }

    #[test]
    fn who_may_remove_what() {
        use RetentionMode::{Compliance, Governance};
        // retention, hold, may be removed, may be removed by bypass
        for (retention, legal_hold, plainly, bypassing) in [
            (None, None, true, true),
            (None, Some(false), true, true),
            (None, Some(true), false, false),
            (kept(Governance, 1_001), None, false, true),
            (kept(Governance, 1_001), Some(true), false, false),
            (kept(Governance, 1_000), None, true, true),
            (kept(Governance, 1_000), Some(true), false, false),
            (kept(Compliance, 1_001), None, false, false),
            (kept(Compliance, 1_001), Some(false), false, false),
            (kept(Compliance, 1_000), None, true, true),
        ] {
            let lock = VersionLock { retention, legal_hold };
            assert_eq!(lock.may_remove(NOW, false), plainly, "{lock:?}");
            assert_eq!(lock.may_remove(NOW, true), bypassing, "{lock:?} bypassing");
        }
    }

    #[test]
    fn who_may_change_which_retention_into_what() {
        use RetentionMode::{Compliance, Governance};
        for (before, after, plainly, bypassing) in [
            (None, kept(Compliance, 5_000), true, true),
            (None, None, true, true),
            (kept(Governance, 2_000), kept(Governance, 2_000), true, true),
            (kept(Governance, 2_000), kept(Governance, 3_000), true, true),
            (kept(Governance, 2_000), kept(Compliance, 2_000), false, true),
            (kept(Governance, 2_000), kept(Compliance, 1_500), false, true),
            (kept(Governance, 2_000), kept(Governance, 1_500), false, true),
            (kept(Governance, 2_000), None, false, true),
            (kept(Governance, 1_000), None, true, true),
            (kept(Compliance, 2_000), kept(Compliance, 3_000), true, true),
            (kept(Compliance, 2_000), kept(Compliance, 1_999), false, false),
            (kept(Compliance, 2_000), kept(Governance, 3_000), false, false),
            (kept(Compliance, 2_000), None, false, false),
            (kept(Compliance, 1_000), kept(Governance, 1_001), true, true),
        ] {
            let lock = VersionLock { retention: before, legal_hold: Some(true) };
            assert_eq!(lock.may_retain(after, NOW, false), plainly, "{before:?} -> {after:?}");
            assert_eq!(lock.may_retain(after, NOW, true), bypassing, "{before:?} -> {after:?} bypassing");
        }
    }

    #[test]
    fn the_default_counts_from_the_making() {
        let day = DefaultRetention { mode: RetentionMode::Governance, period: RetentionPeriod::Days(1) };
        assert_eq!(day.from(NOW).until, Timestamp(86_400_001_000));
        assert_eq!(RetentionPeriod::Years(2).micros(), RetentionPeriod::Days(730).micros());
        for mode in [RetentionMode::Governance, RetentionMode::Compliance] {
            assert_eq!(RetentionMode::named(mode.name()), Some(mode));
        }
        assert_eq!(RetentionMode::named("governance"), None);
    }
}
