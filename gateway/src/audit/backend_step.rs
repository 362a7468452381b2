//! What one step of the audits came to for one backend.

use backends::Verdict;

use crate::audit::judgement::{Judgement, Presence};
use crate::audit::selection::Draw;
use crate::domain::BackendId;
use crate::metadata::{AuditMethod, AuditedSliver, ContainedAudit, Evidence, ShareProgress};

/// What one backend's step came to.
pub(super) struct BackendStep {
    pub(super) backend: BackendId,
    pub(super) audits: Vec<Audited>,
    pub(super) progress: Option<ShareProgress>,
}

/// One audit.
pub(super) struct Audited {
    pub(super) sliver: AuditedSliver,
    pub(super) draw: Draw,
    pub(super) method: AuditMethod,
    pub(super) judgement: Judgement,
    pub(super) evidence: Evidence,
    pub(super) tries: u32,
    pub(super) presence: Presence,
}

impl BackendStep {
    /// Whether anybody was there; none where nothing was asked. Who refuses is there.
    pub(super) fn is_reached(&self) -> Option<bool> {
        let last = self.audits.last()?;
        Some(!self.is_silent() || last.presence != Presence::Unknown)
    }

    /// The last one that was asked gave nothing: there is no use in asking on.
    pub(super) fn is_silent(&self) -> bool {
        let last = self.audits.last().map(|audit| audit.judgement.verdict);
        matches!(last, Some(Verdict::Offline | Verdict::Contained | Verdict::Void))
    }
}

impl Audited {
    /// The epoch whose secret chose it: of one that is asked again, an earlier one.
    pub(super) fn epoch(&self) -> u64 {
        self.evidence.draw.epoch
    }

    /// It was reached and is asked again.
    pub(super) fn gave_no_data(&self) -> bool {
        let verdict = self.judgement.verdict;
        verdict == Verdict::Contained || verdict == Verdict::Void && self.presence == Presence::DayUsedUp
    }

    /// The backend lacks what it gave no data for often enough; where silence is excused, this time does not count.
    pub(super) fn conclude(&mut self, is_excused: bool, tries_max: u32) {
        let tries = self.tries;
        if is_excused && self.presence == Presence::Unknown {
            self.tries = tries.saturating_sub(1);
        } else if tries >= tries_max {
            let reason =
                format!("it gave no data when it was asked {tries} times; the last time: {}", self.judgement.reason);
            self.judgement = Judgement { verdict: Verdict::Missing, reason };
        }
    }

    pub(super) fn contained(&self) -> ContainedAudit {
        ContainedAudit {
            backend: self.sliver.placement.backend.clone(),
            blob: self.sliver.blob.id,
            index: self.sliver.placement.index,
            attempt: self.sliver.placement.attempt,
            epoch: self.epoch(),
            draw: self.draw.number,
            tries: self.tries,
        }
    }
}
