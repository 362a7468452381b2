//! Slivers: what one backend stores of one blob. Header, blocks, footer; every byte is given in the format document.

mod error;
mod fields;
mod footer;
mod header;
mod identity;
mod incoming;
mod leaf_hasher;
mod root;
mod sealer;
mod self_described;
mod sizes;
mod verifier;

pub use error::SliverError;
pub use footer::{Footer, FooterTail};
pub use header::SliverHeader;
pub use identity::SliverIdentity;
pub use incoming::IncomingSliver;
pub use sealer::{SealedFooter, SliverSealer};
pub use self_described::SelfDescribed;
pub(crate) use sizes::LEAF_BYTES;
pub use sizes::{FOOTER_TAIL_BYTES, HEADER_BYTES};
pub use verifier::SliverVerifier;
