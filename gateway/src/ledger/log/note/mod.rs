//! Signed texts about the log: keys, notes, checkpoints, proofs in files, policies, and the protocol of witnesses.

mod checkpoint;
mod decimal;
mod key;
mod key_name;
mod policy;
mod policy_text;
mod proof_file;
mod refusal;
mod signature;
mod signed_note;
mod witness;
mod witness_request;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use key::{NoteKey, NoteSigner, SignatureKind, VkeyError};
pub use key_name::{KeyName, KeyNameError};
pub use policy::{Accepted, Policy, PolicyRefusal, Witness};
pub use policy_text::{POLICY_BYTES_MAX, PolicyError};
pub use proof_file::{PROOF_FILE_BYTES_MAX, ProofError, ProofFile};
pub use refusal::{RefusalError, WitnessRefusal};
pub use signature::{NoteSignature, SignatureLineError};
pub use signed_note::{NOTE_BYTES_MAX, NoteError, SIGNATURES_MAX, SignedNote};
pub use witness::{TreeHead, WitnessAnswer, cosign, cosignatures_in};
pub use witness_request::{AddCheckpoint, REQUEST_BYTES_MAX, RequestError};
