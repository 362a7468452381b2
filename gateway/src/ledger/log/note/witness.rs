//! What a witness answers, decided from the request and from what it cosigned last; and what a log takes from the answer.

use super::key::{NoteKey, NoteSigner};
use super::signature::NoteSignature;
use super::signed_note::{SIGNATURES_MAX, SignedNote};
use super::witness_request::AddCheckpoint;
use crate::ledger::log::tree::{Hash, is_consistent};

/// The size and root of a tree: what a witness keeps of each log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// How many leaves the tree has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl TreeHead {
    /// The tree that every log begins with.
    #[must_use]
    pub fn empty() -> Self {
        Self { size: 0, root: Hash::of_empty_tree() }
    }
}

/// A witness's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// The witness cosigns. What it cosigned must be durable before the answer is sent, and must replace `before`: if something
    /// else is kept by then, there is no answer but to decide again.
    Cosigned {
        /// What it cosigned.
        head: TreeHead,
        /// What it had cosigned before.
        before: TreeHead,
        /// The cosignature.
        signature: NoteSignature,
    },
    /// The request is not of the format, or claims an old size above the new one.
    BadRequest(String),
    /// No signature by a key that the witness knows for this log, or a wrong one.
    Forbidden,
    /// The witness does not know the log.
    UnknownLog,
    /// The witness last cosigned this size and not the one that the request names.
    Conflict(u64),
    /// The proof does not show that the tree extends the one before, or the same size has another root.
    Unprocessable,
}

impl WitnessAnswer {
    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Cosigned { .. } => 200,
            Self::BadRequest(_) => 400,
            Self::Forbidden => 403,
            Self::UnknownLog => 404,
            Self::Conflict(_) => 409,
            Self::Unprocessable => 422,
        }
    }

    /// The type of its body.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Conflict(_) => "text/x.tlog.size",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// Its body.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::Cosigned { signature, .. } => format!("{signature}\n"),
            Self::BadRequest(cause) => format!("{cause}\n"),
            Self::Forbidden => "no good signature by a known key of this log\n".to_owned(),
            Self::UnknownLog => "this log is not known here\n".to_owned(),
            Self::Conflict(size) => format!("{size}\n"),
            Self::Unprocessable => {
                "the proof does not lead from the tree that was cosigned last to this one\n".to_owned()
            }
        }
    }
}

/// Decides about the body of a request. `logs` are the keys of known logs, `kept` gives what was cosigned last for an origin, and
/// `time` is in seconds since 1970.
#[must_use]
pub fn cosign(
    body: &[u8],
    logs: &[NoteKey],
    kept: impl FnOnce(&str) -> TreeHead,
    signer: &NoteSigner,
    time: u64,
) -> WitnessAnswer {
    let request = match AddCheckpoint::read(body) {
        Ok(request) => request,
        Err(error) => return WitnessAnswer::BadRequest(error.to_string()),
    };
    let AddCheckpoint { old, proof, note, checkpoint } = request;
    let keys: Vec<_> = logs.iter().filter(|key| key.name.as_str() == checkpoint.origin).collect();
    if keys.is_empty() {
        return WitnessAnswer::UnknownLog;
    }
    // One wrong signature by a known key spoils the note.
    let signed: Result<Vec<_>, _> = keys.iter().map(|key| note.signed_by(key)).collect();
    if !signed.is_ok_and(|times| times.iter().any(Option::is_some)) {
        return WitnessAnswer::Forbidden;
    }
    if old > checkpoint.size {
        return WitnessAnswer::BadRequest(format!("the old size {old} is above the new one, {}", checkpoint.size));
    }
    let before = kept(&checkpoint.origin);
    if before.size != old {
        return WitnessAnswer::Conflict(before.size);
    }
    let head = TreeHead { size: checkpoint.size, root: checkpoint.root };
    let is_a_tree = head.size > 0 || head == TreeHead::empty();
    if !is_a_tree || !is_consistent((before.size, before.root), (head.size, head.root), &proof) {
        return WitnessAnswer::Unprocessable;
    }
    WitnessAnswer::Cosigned { head, before, signature: signer.sign(note.text(), time) }
}

/// The good cosignatures in the body of a witness's answer, by keys that the log knows. Others are left out, as are lines that
/// are none.
#[must_use]
pub fn cosignatures_in(body: &str, note: &SignedNote, witnesses: &[NoteKey]) -> Vec<NoteSignature> {
    let lines = body.lines().take(SIGNATURES_MAX).filter_map(|line| line.parse::<NoteSignature>().ok());
    let is_good = |signature: &NoteSignature| {
        let mut keys = witnesses.iter().filter(|key| key.is_named_by(signature));
        keys.any(|key| key.time_of(note.text(), signature).is_some())
    };
    lines.filter(is_good).collect()
}
