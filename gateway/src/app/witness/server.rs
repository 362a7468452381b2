//! Decides what a witness answers. What it cosigns and what it recomputed is durable before the answer.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use super::allowed_logs::AllowedLogs;
use super::answer::Answer;
use super::kept_log::KeptLog;
use crate::clock::Ambient;
use crate::ledger::log::decode_section;
use crate::ledger::log::note::{
    AddCheckpoint, Checkpoint, NoteKey, NoteSigner, SignedNote, TreeHead, WitnessAnswer, WitnessRefusal, cosign,
};
use crate::ledger::log::verify::{GivenSection, Plan, RecomputeError, recompute};

/// A witness.
pub(in crate::app) struct WitnessServer {
    data: PathBuf,
    signer: NoteSigner,
    ambient: Ambient,
    /// Held while what is kept is read and written.
    keeping: Mutex<()>,
}

impl WitnessServer {
    /// The witness of the node with this data folder.
    pub(in crate::app) fn new(data: &Path, signer: NoteSigner, ambient: Ambient) -> Self {
        Self { data: data.to_owned(), signer, ambient, keeping: Mutex::default() }
    }

    /// `POST /add-checkpoint`.
    pub(super) fn add_checkpoint(&self, body: &[u8]) -> Answer {
        self.cosign(body).unwrap_or_else(|error| Answer::failed(&error))
    }

    fn cosign(&self, body: &[u8]) -> Result<Answer> {
        let allowed = AllowedLogs::read(&self.data)?;
        let keys: Vec<NoteKey> = allowed.0.iter().map(|log| log.key.clone()).collect();
        let _keeping = self.keep();
        let mut read = None;
        let kept_of = |origin: &str| {
            let kept = KeptLog::read(&self.data, origin);
            let head = kept.as_ref().map_or_else(|_| TreeHead::empty(), |kept| kept.cosigned);
            read = Some(kept.map(|kept| (origin.to_owned(), kept)));
            head
        };
        let answer = cosign(body, &keys, kept_of, &self.signer, self.now());
        let Some((origin, mut kept)) = read.transpose()? else { return Ok(answer.into()) };
        match &answer {
            WitnessAnswer::Cosigned { head, .. } => {
                let is_recomputed = allowed.0.iter().any(|log| log.key.name.as_str() == origin && log.is_recomputed);
                let tree = &kept.recomputed.tree;
                if is_recomputed && *head != (TreeHead { size: tree.size(), root: tree.root() }) {
                    // Another root of this size is what the log signed twice.
                    if head.size == tree.size() {
                        return self.refuse_fork(body, &origin, kept);
                    }
                    return Ok(Answer::size(412, tree.size()));
                }
                kept.cosigned = *head;
                kept.write(&self.data, &origin)?;
            }
            WitnessAnswer::Unprocessable if is_fork(body, &kept) => return self.refuse_fork(body, &origin, kept),
            _ => {}
        }
        Ok(answer.into())
    }

    /// The log signed two trees of one size: that is published, and nothing is cosigned.
    fn refuse_fork(&self, body: &[u8], origin: &str, mut kept: KeptLog) -> Result<Answer> {
        let Ok(request) = AddCheckpoint::read(body) else { return Ok(WitnessAnswer::Unprocessable.into()) };
        tracing::error!(origin, size = request.checkpoint.size, "a log has signed two trees of one size");
        let reason = "the log has signed another tree of this size before";
        self.record(&mut kept, &request.checkpoint, reason)?;
        Ok(WitnessAnswer::Unprocessable.into())
    }

    /// Signs a refusal, and keeps it if it is new; the note.
    fn record(&self, kept: &mut KeptLog, checkpoint: &Checkpoint, reason: &str) -> Result<String> {
        let refusal = WitnessRefusal::of(checkpoint, reason);
        let known = kept
            .refusals
            .iter()
            .find(|note| SignedNote::read(note.as_bytes()).is_ok_and(|note| note.text() == refusal.to_string()));
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let mut note = SignedNote::new(refusal.to_string())?;
        note.add(self.signer.sign(note.text(), self.now()));
        kept.refuse(note.to_string());
        kept.write(&self.data, &checkpoint.origin)?;
        Ok(note.to_string())
    }

    /// The checkpoint of `POST /add-section`, whose signature is verified before the body is read, and whether it begins where what was
    /// recomputed ends.
    pub(super) fn expect_section(&self, note: &[u8], old: u64) -> Result<Checkpoint, Answer> {
        let Ok((checkpoint, note)) = Checkpoint::read(note) else {
            return Err(Answer::text(400, "the header haulout-checkpoint is no checkpoint in base64"));
        };
        let failed = |error: anyhow::Error| Answer::failed(&error);
        let allowed = AllowedLogs::read(&self.data).map_err(failed)?;
        let mut logs = allowed.0.iter().filter(|log| log.key.name.as_str() == checkpoint.origin).peekable();
        if logs.peek().is_none() {
            return Err(WitnessAnswer::UnknownLog.into());
        }
        let signed: Result<Vec<_>, _> = logs.map(|log| note.signed_by(&log.key)).collect();
        if !signed.is_ok_and(|times| times.iter().any(Option::is_some)) {
            return Err(WitnessAnswer::Forbidden.into());
        }
        let _keeping = self.keep();
        let size = KeptLog::read(&self.data, &checkpoint.origin).map_err(failed)?.recomputed.tree.size();
        if size != old || checkpoint.size <= size { Err(Answer::size(409, size)) } else { Ok(checkpoint) }
    }

    /// Recomputes an epoch.
    pub(super) fn add_section(&self, checkpoint: &Checkpoint, body: &[u8], plan: Plan<'_>) -> Answer {
        self.recompute(checkpoint, body, plan).unwrap_or_else(|error| Answer::failed(&error))
    }

    fn recompute(&self, checkpoint: &Checkpoint, body: &[u8], plan: Plan<'_>) -> Result<Answer> {
        let Some((inputs, leaves)) = decode_section(body) else {
            return Ok(Answer::text(400, "the body is no inputs and leaves"));
        };
        let before = {
            let _keeping = self.keep();
            KeptLog::read(&self.data, &checkpoint.origin)?.recomputed
        };
        let recomputed = recompute(&before, checkpoint, GivenSection { inputs, leaves: &leaves }, plan);
        let _keeping = self.keep();
        let mut kept = KeptLog::read(&self.data, &checkpoint.origin)?;
        if kept.recomputed != before {
            return Ok(Answer::size(409, kept.recomputed.tree.size()));
        }
        match recomputed {
            Ok(head) => {
                kept.recomputed = head;
                kept.write(&self.data, &checkpoint.origin)?;
                Ok(Answer::size(200, checkpoint.size))
            }
            Err(RecomputeError::NotOfCheckpoint(cause)) => Ok(Answer::text(400, cause)),
            Err(error @ RecomputeError::TooLarge(_)) => Ok(Answer::text(413, error.to_string())),
            Err(RecomputeError::Wrong(reason)) => {
                tracing::error!(
                    origin = checkpoint.origin,
                    size = checkpoint.size,
                    reason,
                    "an epoch does not follow from its inputs and the epochs before"
                );
                let note = self.record(&mut kept, checkpoint, &reason)?;
                Ok(Answer::note(422, note))
            }
        }
    }

    /// `GET /refusals`: what was refused, as signed notes.
    pub(super) fn refusals(&self) -> Answer {
        let read = || -> Result<String> {
            let mut notes = Vec::new();
            for log in AllowedLogs::read(&self.data)?.0 {
                let kept = KeptLog::read(&self.data, log.key.name.as_str())?;
                notes.extend(kept.refusals.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>());
            }
            Ok(serde_json::json!({ "refusals": notes }).to_string())
        };
        read().map_or_else(|error| Answer::failed(&error), Answer::json)
    }

    fn keep(&self) -> MutexGuard<'_, ()> {
        self.keeping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.ambient.clock.now().seconds()).unwrap_or(0)
    }
}

/// Whether a request shows another tree of the size that was cosigned last.
fn is_fork(body: &[u8], kept: &KeptLog) -> bool {
    AddCheckpoint::read(body).is_ok_and(|request| {
        request.checkpoint.size == kept.cosigned.size && request.checkpoint.root != kept.cosigned.root
    })
}
