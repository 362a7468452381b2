//! How a session begins.

use codec::ClusterId;
use serde::{Deserialize, Serialize};

use super::call::cluster_text;
use super::{BACKEND_NAME_MAX, Failure, FailureCode, PROTOCOL, PublicKey, Signature, canonical};

/// The body of `POST /v1/sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// [`PROTOCOL`].
    pub protocol: String,
    /// The cluster.
    pub cluster: ClusterId,
    /// The key of its gateways that signs the requests of the session.
    pub gateway: PublicKey,
    /// The node that is meant.
    pub node: PublicKey,
    /// What the gateway calls the node: the marker of the store carries it.
    pub backend: String,
    /// Markers of earlier generations are refused from now on.
    pub generation: u64,
    /// When it was signed, in seconds since 1970 UTC.
    pub time: u64,
    /// 32 digits that the gateway draws.
    pub nonce: String,
    /// Of [`SessionRequest::text`].
    pub signature: Signature,
}

impl SessionRequest {
    /// The text to sign.
    #[must_use]
    pub fn text(&self) -> String {
        let fields: [&str; 7] = [
            &cluster_text(&self.cluster),
            &self.gateway.to_string(),
            &self.node.to_string(),
            &self.backend,
            &self.generation.to_string(),
            &self.time.to_string(),
            &self.nonce,
        ];
        canonical::text("session", &fields)
    }

    /// Reads one and checks everything that can be checked without knowing anything.
    ///
    /// # Errors
    /// [`FailureCode::UnknownVersion`], [`FailureCode::Malformed`].
    pub fn parse(body: &[u8]) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Version {
            protocol: String,
        }
        let malformed = |error: serde_json::Error| Failure::new(FailureCode::Malformed, error.to_string());
        // The version first: a later one may have other fields.
        if serde_json::from_slice::<Version>(body).map_err(malformed)?.protocol != PROTOCOL {
            return Err(Failure::new(FailureCode::UnknownVersion, format!("this node speaks {PROTOCOL} only")));
        }
        let request: Self = serde_json::from_slice(body).map_err(malformed)?;
        let name_fits = (1..=BACKEND_NAME_MAX).contains(&request.backend.chars().count())
            && !request.backend.chars().any(char::is_control);
        let nonce_fits = request.nonce.len() == 32 && request.nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
        if name_fits && nonce_fits {
            Ok(request)
        } else {
            Err(Failure::new(FailureCode::Malformed, "backend or nonce cannot be read"))
        }
    }
}

/// The reply: the session's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionReply {
    /// 32 digits that the node drew.
    pub session: String,
}

impl SessionReply {
    /// The id as bytes; none if it is none.
    #[must_use]
    pub fn id(&self) -> Option<[u8; 16]> {
        let mut id = [0; 16];
        hex::decode_to_slice(&self.session, &mut id).ok().map(|()| id)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::SigningKey;
    use super::*;

    pub(in crate::node::protocol) fn request() -> SessionRequest {
        let key = SigningKey::from_seed(&[1; 32]);
        let mut request = SessionRequest {
            protocol: PROTOCOL.to_owned(),
            cluster: ClusterId([1; 16]),
            gateway: key.public(),
            node: PublicKey([2; 32]),
            backend: "east".to_owned(),
            generation: 1,
            time: 5,
            nonce: "0".repeat(32),
            signature: Signature([0; 64]),
        };
        request.signature = key.sign(&request.text());
        request
    }

    #[test]
    fn a_request_reads_back_and_whatever_else_is_refused() {
        let text = serde_json::to_string(&request()).unwrap();
        assert_eq!(SessionRequest::parse(text.as_bytes()), Ok(request()));
        let cases = [
            (text.replace("haulout-node/1", "haulout-node/2"), FailureCode::UnknownVersion),
            (text.replace("\"east\"", "\"\""), FailureCode::Malformed),
            (text.replace("\"east\"", "\"a\\nb\""), FailureCode::Malformed),
            (text.replace("\"time\"", "\"times\""), FailureCode::Malformed),
            (text.replace("{", "{\"more\":1,"), FailureCode::Malformed),
            (text.replace(&"0".repeat(32), "0"), FailureCode::Malformed),
            (String::new(), FailureCode::Malformed),
        ];
        for (text, code) in cases {
            assert_eq!(SessionRequest::parse(text.as_bytes()).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn every_field_is_signed() {
        let texts = [
            SessionRequest { cluster: ClusterId([9; 16]), ..request() },
            SessionRequest { gateway: PublicKey([9; 32]), ..request() },
            SessionRequest { node: PublicKey([9; 32]), ..request() },
            SessionRequest { backend: "west".to_owned(), ..request() },
            SessionRequest { generation: 9, ..request() },
            SessionRequest { time: 9, ..request() },
            SessionRequest { nonce: "9".repeat(32), ..request() },
        ];
        for other in texts {
            assert!(!other.gateway.verifies(&other.text(), &other.signature), "{other:?}");
        }
        assert!(request().gateway.verifies(&request().text(), &request().signature));
    }
}
