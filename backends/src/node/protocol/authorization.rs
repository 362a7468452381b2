//! The header that carries a request's signature, and the text it signs.

use std::fmt;
use std::str::FromStr;

use codec::ClusterId;

use super::call::cluster_text;
use super::{Call, Failure, FailureCode, PROTOCOL, PublicKey, Signature, canonical};

/// What a request says of its body before the body comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyDigest {
    /// Its length and its BLAKE3 hash: `<length>:<64 digits>`.
    Whole {
        /// Bytes.
        len: u64,
        /// The hash.
        hash: [u8; 32],
    },
    /// `streamed`: it ends in a [`super::Trailer`] that proves it.
    Streamed,
}

impl BodyDigest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self::Whole { len: body.len() as u64, hash: *blake3::hash(body).as_bytes() }
    }
}

impl fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { len, hash } => write!(f, "{len}:{}", hex::encode(hash)),
            Self::Streamed => f.write_str("streamed"),
        }
    }
}

impl FromStr for BodyDigest {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "streamed" {
            return Ok(Self::Streamed);
        }
        let (len, digits) = text.split_once(':').ok_or(())?;
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).map_err(drop)?;
        Ok(Self::Whole { len: len.parse().map_err(drop)?, hash })
    }
}

/// The value of the `authorization` header: protocol, cluster, session, counter, time, body, signature, with spaces between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The cluster that asks.
    pub cluster: ClusterId,
    /// The session the node gave.
    pub session: [u8; 16],
    /// Counts the requests of the session; each number is used once.
    pub counter: u64,
    /// When it was signed, in seconds since 1970 UTC.
    pub time: u64,
    /// The body.
    pub body: BodyDigest,
    /// Of [`SignedRequest::text`].
    pub signature: Signature,
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cluster, session) = (cluster_text(&self.cluster), hex::encode(self.session));
        let Self { counter, time, body, signature, .. } = self;
        write!(f, "{PROTOCOL} {cluster} {session} {counter} {time} {body} {signature}")
    }
}

impl FromStr for Authorization {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let (protocol, rest) = text.split_once(' ').unwrap_or((text, ""));
        if protocol != PROTOCOL {
            return Err(Failure::new(FailureCode::UnknownVersion, format!("this node speaks {PROTOCOL} only")));
        }
        let parse = || {
            let mut fields = rest.split(' ');
            let mut next = || fields.next();
            let (mut cluster, mut session) = ([0; 16], [0; 16]);
            hex::decode_to_slice(next()?, &mut cluster).ok()?;
            hex::decode_to_slice(next()?, &mut session).ok()?;
            Some(Self {
                cluster: ClusterId(cluster),
                session,
                counter: next()?.parse().ok()?,
                time: next()?.parse().ok()?,
                body: next()?.parse().ok()?,
                signature: next()?.parse().ok()?,
            })
        };
        // One meaning, one spelling.
        let parsed = parse().filter(|parsed: &Self| parsed.to_string() == text);
        parsed.ok_or_else(|| Failure::new(FailureCode::Malformed, "the authorization header cannot be read"))
    }
}

/// Everything a request's signature is over.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// What the header says, whose signature is not looked at here.
    pub authorization: &'a Authorization,
    /// The node that is asked: another one refuses it.
    pub node: PublicKey,
    /// What is asked.
    pub call: &'a Call,
}

impl SignedRequest<'_> {
    /// The text to sign.
    #[must_use]
    pub fn text(&self) -> String {
        let Authorization { cluster, session, counter, time, body, .. } = self.authorization;
        let method = self.call.method();
        let fields: [&str; 9] = [
            &cluster_text(cluster),
            &self.node.to_string(),
            &hex::encode(session),
            &counter.to_string(),
            &time.to_string(),
            method.as_str(),
            &self.call.path(),
            &self.call.query(),
            &body.to_string(),
        ];
        canonical::text("request", &fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization() -> Authorization {
        let body = BodyDigest::of(b"body");
        let signature = Signature([9; 64]);
        Authorization { cluster: ClusterId([1; 16]), session: [2; 16], counter: 3, time: 4, body, signature }
    }

    #[test]
    fn a_header_reads_back_and_has_one_spelling() {
        let text = authorization().to_string();
        assert_eq!(text.parse(), Ok(authorization()));
        let streamed = Authorization { body: BodyDigest::Streamed, ..authorization() };
        assert_eq!(streamed.to_string().parse(), Ok(streamed));
        for wrong in [text.replace(" 3 ", " +3 "), text.replace(" 3 ", " 03 "), text.to_uppercase(), format!("{text} ")]
        {
            assert!(wrong.parse::<Authorization>().is_err(), "{wrong}");
        }
        let other = text.replace("haulout-node/1", "haulout-node/2").parse::<Authorization>().unwrap_err();
        assert_eq!(other.code, FailureCode::UnknownVersion);
    }

    #[test]
    fn the_signed_text_is_pinned() {
        let call = Call::Sweep { seconds: 7 };
        let authorization = Authorization { body: BodyDigest::Streamed, ..authorization() };
        let request = SignedRequest { authorization: &authorization, node: PublicKey([5; 32]), call: &call };
        let (cluster, node, session) = ("01".repeat(16), "05".repeat(32), "02".repeat(16));
        let expected =
            format!("haulout-node/1 request\n{cluster}\n{node}\n{session}\n3\n4\nPOST\n/v1/sweep\nseconds=7\nstreamed");
        assert_eq!(request.text(), expected);
    }
}
