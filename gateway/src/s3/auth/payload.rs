//! `x-amz-content-sha256`: how the body is signed.

use http::HeaderMap;

use crate::s3::auth::v4::chunks::ChunkSigner;
use crate::s3::error::{Code, S3Error};
use crate::s3::uri::Query;

/// The literal of a body that no signature covers.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The digest of an empty body, as text.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// How the body is covered by the signature.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Nothing: `UNSIGNED-PAYLOAD`, presigned, version 2, anonymous.
    Unsigned,
    /// The body has this SHA-256.
    Digest([u8; 32]),
    /// The body is in chunks, unsigned, followed by a trailer (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`).
    UnsignedTrailer,
    /// The body is in chunks that carry their own signatures.
    SignedChunks {
        /// Computes what each of them should be.
        context: Box<ChunkSigner>,
        /// A signed trailer follows the last one.
        trailer: bool,
    },
}

/// The header's meaning, not yet tied to a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    Missing,
    Unsigned,
    Digest([u8; 32]),
    UnsignedTrailer,
    SignedChunks { trailer: bool },
}

impl Declared {
    /// Reads the header's text.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, S3Error> {
        Ok(match text {
            None => Self::Missing,
            Some(UNSIGNED) => Self::Unsigned,
            Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER") => Self::UnsignedTrailer,
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") => Self::SignedChunks { trailer: false },
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") => Self::SignedChunks { trailer: true },
            Some(asymmetric) if asymmetric.starts_with("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD") => {
                return Err(S3Error::with(Code::NotImplemented, "Signature version 4A is not supported"));
            }
            Some(text) => {
                let mut digest = [0; 32];
                hex::decode_to_slice(text, &mut digest).map_err(|_| {
                    S3Error::argument(
                        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                         STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid \
                         sha256 value.",
                        "x-amz-content-sha256",
                        text.get(..80).unwrap_or(text),
                    )
                })?;
                Self::Digest(digest)
            }
        })
    }

    /// Whether the body is framed as a stream, which announces the length of its content.
    pub(super) fn is_stream(self) -> bool {
        matches!(self, Self::UnsignedTrailer | Self::SignedChunks { .. })
    }

    /// What an anonymous request may declare. Unsigned chunks are as good as an unsigned body here: there is no
    /// identity that could be borrowed, and what anybody may write is decided later. boto3 sends them over https.
    ///
    /// # Errors
    /// `AccessDenied` for signed chunks, which need a signature to begin from.
    pub(super) fn of_anonymous(self) -> Result<Payload, S3Error> {
        match self {
            Self::UnsignedTrailer => Ok(Payload::UnsignedTrailer),
            other => other.without_stream(),
        }
    }

    /// What a request may declare that claims an identity but signs no body (presigned, version 2): never a stream,
    /// whose framing nothing would vouch for.
    ///
    /// # Errors
    /// `AccessDenied` for a stream.
    pub(super) fn without_stream(self) -> Result<Payload, S3Error> {
        match self {
            Self::Missing | Self::Unsigned => Ok(Payload::Unsigned),
            Self::Digest(digest) => Ok(Payload::Digest(digest)),
            Self::UnsignedTrailer | Self::SignedChunks { .. } => Err(S3Error::with(
                Code::AccessDenied,
                "A streaming payload needs a signature of version 4 in the Authorization header",
            )),
        }
    }

    /// What the last line of the canonical request may be, and whether it then stands for an empty body.
    ///
    /// Clients that send no header at all (davix, curl before 8) sign `UNSIGNED-PAYLOAD` or the digest of nothing; if
    /// it is the digest, it binds the body.
    pub(super) fn candidates(self, text: Option<&str>, presigned: bool) -> Vec<(&str, Self)> {
        let text = text.unwrap_or(UNSIGNED);
        match self {
            Self::Missing if presigned => vec![(UNSIGNED, self)],
            Self::Missing => vec![(UNSIGNED, self), (NOTHING, Self::Digest(nothing()))],
            // A presigned URL is made before the content is known, whatever header the upload adds later.
            Self::Digest(_) if presigned => vec![(UNSIGNED, self), (text, self)],
            _ => vec![(text, self)],
        }
    }

    /// The payload of a request whose signature was right.
    pub(super) fn verified(self, chunks: impl FnOnce() -> ChunkSigner) -> Payload {
        match self {
            Self::Missing | Self::Unsigned => Payload::Unsigned,
            Self::Digest(digest) => Payload::Digest(digest),
            Self::UnsignedTrailer => Payload::UnsignedTrailer,
            Self::SignedChunks { trailer } => Payload::SignedChunks { context: Box::new(chunks()), trailer },
        }
    }
}

fn nothing() -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"").as_ref());
    digest
}

/// The text of the header, or of the parameter a presigned URL carries instead.
pub(super) fn text<'a>(headers: &'a HeaderMap, query: Option<&'a Query>) -> Result<Option<&'a str>, S3Error> {
    let mut values = headers.get_all("x-amz-content-sha256").iter();
    let first = values.next().map(|value| value.to_str().unwrap_or_default());
    if values.next().is_some() {
        return Err(S3Error::with(Code::InvalidArgument, "Only one x-amz-content-sha256 header is allowed"));
    }
    let named = |name: &str| name.eq_ignore_ascii_case("x-amz-content-sha256");
    let hoisted = || query.and_then(|query| query.iter().find(|(name, _)| named(name)).map(|(_, value)| value));
    Ok(first.or_else(hoisted))
}
