//! What kind of signature a request was verified by: conditions of policies and the access log ask.

/// A version of Amazon's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureVersion {
    /// HMAC-SHA1 over a short text.
    V2,
    /// HMAC-SHA256 over the canonical request.
    V4,
}

/// Where in a request a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignaturePlace {
    /// In the `Authorization` header.
    Header,
    /// In the query: a presigned URL.
    Query,
    /// In the fields of a form.
    Form,
}

/// A signature that was found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Its version.
    pub version: SignatureVersion,
    /// Where it stood.
    pub location: SignaturePlace,
    /// Seconds since the epoch of the date it was made with, where it covers one.
    pub signed_at: Option<i64>,
    /// It covers what `x-amz-content-sha256` says about the body.
    pub covers_payload: bool,
}
