//! Backends that are left alone for a while, longer each time, because they did not answer when they were to delete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::BackendId;

/// For how long: the first time, and at most.
const LEFT_ALONE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(600));

/// Backends that did not answer when they were to delete: how often, and until when they are left alone.
#[derive(Debug, Default)]
pub(crate) struct DiscardPauses(Mutex<BTreeMap<BackendId, (u32, Instant)>>);

impl DiscardPauses {
    /// Those that may be asked now.
    pub(crate) fn due(&self, backends: BTreeSet<BackendId>, now: Instant) -> Vec<BackendId> {
        let paused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |backend: &BackendId| paused.get(backend).is_none_or(|(_, until)| *until <= now);
        backends.into_iter().filter(is_due).collect()
    }

    /// Notes which answered and which did not.
    pub(crate) fn note(&self, answered: &BTreeSet<&BackendId>, away: &BTreeSet<BackendId>, now: Instant) {
        let mut paused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paused.retain(|backend, _| !answered.contains(backend) || away.contains(backend));
        for backend in away {
            let (times, until) = paused.entry(backend.clone()).or_insert((0, now));
            *until = now + LEFT_ALONE.1.min(LEFT_ALONE.0 * 2_u32.saturating_pow((*times).min(16)));
            *times += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_that_is_away_is_asked_ever_more_seldom_and_no_other_waits_for_it() {
        let [one, other]: [BackendId; 2] = ["one", "other"].map(|name| name.parse().expect("a name"));
        let both = || BTreeSet::from([one.clone(), other.clone()]);
        let (pauses, start) = (DiscardPauses::default(), Instant::now());
        let mut now = start;
        let mut asked = 0;
        while now < start + Duration::from_secs(7_200) {
            let due = pauses.due(both(), now);
            assert!(due.contains(&other));
            if due.contains(&one) {
                asked += 1;
                pauses.note(&BTreeSet::from([&other]), &BTreeSet::from([one.clone()]), now);
            }
            now += Duration::from_secs(5);
        }
        assert_eq!(asked, 17, "after 15 s, 30, 60, 120, 240, 480, and then each ten minutes");
        pauses.note(&BTreeSet::from([&one]), &BTreeSet::new(), now);
        assert_eq!(pauses.due(both(), now).len(), 2, "one that answers is asked as ever");
    }
}
