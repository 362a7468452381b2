//! Slivers: what one backend stores of one blob. Header, blocks, footer; every byte is given in the format document.

mod error;
mod fields;
mod footer;
mod header;
mod identity;
mod sealer;
mod self_described;
mod verifier;

pub use error::SliverError;
pub(crate) use footer::LEAF_BYTES;
pub use footer::{FOOTER_TAIL_BYTES, Footer, FooterTail};
pub use header::{HEADER_BYTES, SliverHeader};
pub use identity::SliverIdentity;
pub use sealer::{SealedFooter, SliverSealer};
pub use self_described::SelfDescribed;
pub use verifier::SliverVerifier;
