//! What gateway and node write to each other, as data: targets, bodies, texts that are signed. No I/O; both sides use it.
//!
//! The document is `backends/NODE.md`. Parsers refuse whatever the other side would not have written itself.

mod authorization;
mod bodies;
mod call;
mod canonical;
mod challenge;
mod epochs;
mod failure;
mod invitation;
mod keys;
mod price_floor;
#[cfg(any(test, feature = "fuzzing"))]
pub mod probe;
mod receipt;
mod records;
mod session;
mod trailer;
mod verdicts;

pub use authorization::{Authorization, BodyDigest, SignedRequest};
pub use bodies::{
    BatchReply, FormatRequest, LengthReply, ListedSliver, PageReply, PulseReply, SealReply, SpaceReply, SweepReply,
};
pub use call::Call;
pub use challenge::{
    ANSWER_BYTES_MAX, ChallengeRequest, Question, sign_answer, split_answer, verify_answer, verify_challenge,
};
pub use epochs::{Epoch, EpochReply, EpochRequest, PublicBytes, SecretRequest, commitment, verify_epoch_nonce};
pub use failure::{Failure, FailureCode};
pub use invitation::{Acceptance, Invitation, InvitationError, InvitationSecret};
pub use keys::{GatewayName, KeyTextError, PublicKey, Signature, SigningKey};
pub use price_floor::{PriceFloorError, SignedPriceFloor};
pub use receipt::{Receipt, SignedReceipt};
pub use records::{Record, RecordsError, parse_records, write_head};
pub use session::{SessionReply, SessionRequest};
pub use trailer::{TRAILER_BYTES, Trailer};
pub use verdicts::{VERDICTS_MAX, VerdictRecord, VerdictsRequest};

/// The protocol that this version speaks. A node refuses every other.
pub const PROTOCOL: &str = "haulout-node/1";

/// A signed time that is more seconds away from the node's clock is refused.
pub const CLOCK_SKEW_SECONDS: u64 = 300;

/// How far counters of one session may overtake each other: an older one is refused whether or not it was used.
pub const COUNTER_WINDOW: u64 = 65_536;

/// Slivers in a page of a list, at most.
pub const PAGE_MAX: u32 = 1000;

/// Bytes of a body that carries whole slivers, at most; a longer sliver is streamed.
pub const BATCH_BYTES_MAX: u64 = 16 << 20;

/// Slivers in one request, at most.
pub const BATCH_MAX: usize = 256;

/// Bytes of any other body, request or reply, apart from content, at most.
pub const SMALL_BODY_MAX: u64 = 512 << 10;

/// Characters of the name of a backend, at most.
pub const BACKEND_NAME_MAX: usize = 128;
