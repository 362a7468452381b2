//! Signatures of version 4: the claim in a header or a query, the canonical request, the signature it should have, and those
//! of the chunks of a streaming body.

pub(crate) mod canonical;
pub(crate) mod chunks;
pub(crate) mod claim;
pub(crate) mod expected;
pub(crate) mod header;
pub(crate) mod query;
pub(crate) mod verify;
