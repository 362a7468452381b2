//! What a verifier trusts, as in C2SP tlog-policy: logs, witnesses, and which witnesses are enough.

use super::checkpoint::{Checkpoint, CheckpointError};
use super::key::NoteKey;
use super::key_name::KeyName;
use super::signed_note::{NoteError, SignedNote};

/// A witness of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name within the policy, as bytes: whatever the file says.
    pub name: Vec<u8>,
    /// Its key.
    pub key: NoteKey,
    /// Where it takes checkpoints.
    pub url: Option<Vec<u8>>,
}

/// Who must have seen a checkpoint. Witnesses go by their place in the policy's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Quorum {
    /// Nobody.
    None,
    /// This witness.
    Witness(usize),
    /// So many of these.
    AtLeast(usize, Vec<Quorum>),
}

/// A policy. It is read from a text: see [`Policy::read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The logs, any of which is trusted.
    pub logs: Vec<NoteKey>,
    /// The witnesses whose cosignatures are verified.
    pub witnesses: Vec<Witness>,
    pub(super) quorum: Quorum,
}

/// A checkpoint that a policy accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The witnesses that cosigned it, by their names in the policy, with the time of each, in seconds since 1970.
    pub cosigned: Vec<(String, u64)>,
}

/// Why a policy does not accept a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// It is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A signature by a key of the policy is wrong.
    #[error(transparent)]
    Signature(#[from] NoteError),
    /// The log is none of the policy's.
    #[error("`{0}` is no log of the policy")]
    UnknownLog(String),
    /// The log's signature is missing.
    #[error("{0} has not signed it")]
    Unsigned(KeyName),
    /// Not enough witnesses.
    #[error("too few witnesses have cosigned it ({0} of the policy's)")]
    NoQuorum(usize),
}

impl Policy {
    /// The policy that trusts these logs and asks for no witness.
    #[must_use]
    pub fn of_logs(logs: Vec<NoteKey>) -> Self {
        Self { logs, witnesses: Vec::new(), quorum: Quorum::None }
    }

    /// Checks the signatures of a checkpoint: the log's and those of all witnesses known here must be right, and enough witnesses
    /// must have cosigned.
    ///
    /// # Errors
    /// [`PolicyRefusal`].
    pub fn accept(&self, note: &SignedNote) -> Result<Accepted, PolicyRefusal> {
        let accepted = self.verify(note)?;
        let names: Vec<_> = accepted.cosigned.iter().map(|(index, _)| *index).collect();
        if !self.quorum.is_met(&names) {
            return Err(PolicyRefusal::NoQuorum(names.len()));
        }
        Ok(self.named(accepted))
    }

    /// As [`Self::accept`], for a checkpoint that need not have its witnesses yet.
    ///
    /// # Errors
    /// [`PolicyRefusal`], [`PolicyRefusal::NoQuorum`] excepted.
    pub fn accept_unwitnessed(&self, note: &SignedNote) -> Result<Accepted, PolicyRefusal> {
        self.verify(note).map(|accepted| self.named(accepted))
    }

    fn verify(&self, note: &SignedNote) -> Result<Verified, PolicyRefusal> {
        let checkpoint: Checkpoint = note.text().parse()?;
        let mut keys = self.logs.iter().filter(|key| key.name.as_str() == checkpoint.origin).peekable();
        let Some(name) = keys.peek().map(|key| key.name.clone()) else {
            return Err(PolicyRefusal::UnknownLog(checkpoint.origin));
        };
        let mut is_signed = false;
        for key in keys {
            is_signed |= note.signed_by(key)?.is_some();
        }
        if !is_signed {
            return Err(PolicyRefusal::Unsigned(name));
        }
        let mut cosigned = Vec::new();
        for (index, witness) in self.witnesses.iter().enumerate() {
            cosigned.extend(note.signed_by(&witness.key)?.map(|time| (index, time)));
        }
        Ok(Verified { checkpoint, cosigned })
    }

    fn named(&self, verified: Verified) -> Accepted {
        let name = |index: usize| String::from_utf8_lossy(&self.witnesses[index].name).into_owned();
        let cosigned = verified.cosigned.into_iter().map(|(index, time)| (name(index), time)).collect();
        Accepted { checkpoint: verified.checkpoint, cosigned }
    }
}

/// A checkpoint with good signatures, and the places of the witnesses among them.
struct Verified {
    checkpoint: Checkpoint,
    cosigned: Vec<(usize, u64)>,
}

impl Quorum {
    fn is_met(&self, cosigned: &[usize]) -> bool {
        match self {
            Self::None => true,
            Self::Witness(index) => cosigned.contains(index),
            Self::AtLeast(least, members) => members.iter().filter(|member| member.is_met(cosigned)).count() >= *least,
        }
    }
}
