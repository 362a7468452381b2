//! Authentication: verifies signatures. An [`Identity`] exists only as the output of verification.
//!
//! A claim is found in the `Authorization` header (`v4/header`), in the query (`v4/query`) or in the old form of version 2
//! (`v2`), checked for what it must say, and then proven: `v4/expected` computes the signature that the
//! owner of the secret would have made of this very request, and the two are compared in constant time. An unknown key takes the
//! same way with a secret that nobody has.
//!
//! Until then a request is anybody's, so what is done for it is linear in its size, and its size is bounded:
//! - the head is 32 KiB at most (`app/listener/connection.rs`), with [`HEADERS_MAX`](super::body::HEADERS_MAX) headers;
//! - the query has [`PARAMETERS_MAX`](crate::s3::uri::PARAMETERS_MAX) parameters at most; what compares each with each (hoisted
//!   headers, the rows of the route table) stays below that number's square;
//! - `SignedHeaders` is sorted, names each header once, and nothing that is not there (`claim`), so a canonical request
//!   is no larger than three times the head, percent signs being encoded; it is made at most four times, one after the other (`v4`);
//! - a session token is 16 KiB at most (`token`); it is opened once, and so is the policy inside, which was sealed here;
//! - a key that is not remembered costs one query, and that it does not exist is remembered as well (`app/keys.rs`), unless
//!   it is longer than any could be;
//! - a refusal repeats no more than `SHOWN_BYTES_MAX` of what was to be signed;
//! - bodies that are read before their signature can be verified have a share of their own (`s3/body/unverified.rs`): the
//!   forms of IAM and STS, whose access key must exist then, and the fields of `PostObject`, whose policy is parsed once it
//!   is proven.

mod caller;
mod form;
mod keys;
mod payload;
mod refusal;
mod service;
mod signature;
#[cfg(test)]
pub(crate) mod tests;
mod time;
mod token;
pub(crate) mod v2;
pub(crate) mod v4;
mod verified;
mod verifier;
mod verify;

pub use caller::Caller;
pub use keys::{KeyError, KeySource, NewKey, NewSession, TEMPORARY, TemporaryKey};
pub use payload::Payload;
pub use service::Service;
pub use signature::{Signature, SignaturePlace, SignatureVersion};
pub use v4::chunks::ChunkSigner;
pub use verified::{Identity, Verified};
pub use verifier::Verifier;
