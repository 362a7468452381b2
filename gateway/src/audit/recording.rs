//! What is recorded of the steps of all backends.

use std::collections::BTreeMap;

use backends::Verdict;

use crate::audit::auditor::Auditor;
use crate::audit::backend_step::{Audited, BackendStep};
use crate::audit::judgement::{Judgement, Presence, is_this_sides_fault};
use crate::audit::pacing::seconds_until_next_day;
use crate::clock::time_ordered_id;
use crate::config::AuditConfig;
use crate::domain::BackendId;
use crate::metadata::{Absence, Decay, ReputationRules, Thresholds, VerdictBatch, VerdictRow};

/// What follows from verdicts under these settings.
#[must_use]
pub fn rules(settings: &AuditConfig) -> ReputationRules {
    let thresholds = Thresholds { data: settings.suspend_below.into(), answers: settings.unreliable_below.into() };
    ReputationRules { decay: Decay::default(), thresholds }
}

impl Auditor {
    /// What is recorded of the steps of all backends, where these are away.
    pub(super) fn batch(&self, steps: Vec<BackendStep>, away: &BTreeMap<BackendId, Absence>) -> VerdictBatch {
        let (silent, answering) = self.reached(&steps, away);
        let is_excused = is_this_sides_fault(self.scheme, silent, answering);
        let (mut verdicts, mut contained, mut progress) = (Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            progress.extend(step.progress);
            for mut audit in step.audits {
                if audit.gave_no_data() {
                    audit.conclude(is_excused, self.settings.tries);
                }
                if audit.gave_no_data() {
                    contained.push((audit.contained(), self.ask_again_after(&audit)));
                }
                verdicts.push(self.row(audit, is_excused));
            }
        }
        VerdictBatch { verdicts, contained, progress, rules: rules(&self.settings) }
    }

    /// How many backends are silent, and how many answer: as they did in these steps, and who was not asked as it did to the last
    /// heartbeat. What counts as lost is no news, and counts as neither.
    fn reached(&self, steps: &[BackendStep], away: &BTreeMap<BackendId, Absence>) -> (usize, usize) {
        let asked: BTreeMap<_, _> = steps.iter().filter_map(|step| Some((&step.backend, step.is_reached()?))).collect();
        let of_all = self.backends.keys().map(|backend| match (asked.get(backend), away.get(backend)) {
            (Some(true), _) | (None, None) => (0, 1),
            (_, Some(absence)) if absence.lost => (0, 0),
            _ => (1, 0),
        });
        of_all.fold((0, 0), |(silent, answering), (away, here)| (silent + away, answering + here))
    }

    /// In how many seconds a backend is asked again; one that moves no more bytes today, when its day is over.
    fn ask_again_after(&self, audit: &Audited) -> i64 {
        match audit.presence {
            Presence::DayUsedUp => seconds_until_next_day(self.ambient.clock.now()),
            Presence::Unknown | Presence::Answering => self.settings.retry_seconds.into(),
        }
    }

    fn row(&self, audit: Audited, is_excused: bool) -> VerdictRow {
        let epoch = audit.epoch();
        let Judgement { mut verdict, mut reason } = audit.judgement;
        if is_excused && audit.presence == Presence::Unknown && matches!(verdict, Verdict::Offline | Verdict::Contained)
        {
            verdict = Verdict::Void;
            reason = format!("too many backends were silent at once; this one: {reason}");
        }
        VerdictRow {
            id: time_ordered_id(&self.ambient),
            backend: audit.sliver.placement.backend.clone(),
            epoch,
            blob: audit.sliver.blob.id,
            index: audit.sliver.placement.index,
            attempt: audit.sliver.placement.attempt,
            method: audit.method,
            verdict,
            reason,
            evidence: serde_json::to_string(&audit.evidence).unwrap_or_default(),
            judged_at: self.ambient.clock.now(),
        }
    }
}
