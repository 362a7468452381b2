//! The content of a session token. It is sealed by the cluster key, so that every gateway of the cluster can open it and no
//! row is needed; only what it names is looked up.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use codec::ClusterKey;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::admin::credentials;
use crate::clock::{Ambient, random};
use crate::s3::auth::{NewSession, TEMPORARY, TemporaryKey};

/// What a token is sealed for; the temporary key's id is its name.
const PURPOSE: &str = "session-token";

/// A session, as its token says.
#[derive(Serialize, Deserialize)]
pub(super) struct SessionToken {
    /// The secret half of the temporary key.
    #[serde(rename = "s")]
    pub(super) secret: String,
    /// The lasting key behind it.
    #[serde(rename = "i")]
    pub(super) issuer: String,
    /// The unique id of the role and the session's name.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<(String, String)>,
    /// The session's policy.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<String>,
    /// When it ends, in seconds since the epoch.
    #[serde(rename = "e")]
    pub(super) expires_at: i64,
}

impl SessionToken {
    /// Opens a token; `None` when it was not made here for this key.
    pub(super) fn open(key: &ClusterKey, id: &str, token: &str) -> Option<Self> {
        let sealed = BASE64_STANDARD.decode(token).ok()?;
        let opened = key.open(PURPOSE, id.as_bytes(), &sealed).ok()?;
        serde_json::from_slice(&opened).ok()
    }
}

impl Drop for SessionToken {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// Generates temporary credentials.
pub(super) fn draw(key: &ClusterKey, session: &NewSession, ambient: &Ambient) -> TemporaryKey {
    let drawn = credentials::generate(ambient.entropy.as_ref());
    let id = format!("{TEMPORARY}{}", drawn.access_key.get(TEMPORARY.len()..).unwrap_or_default());
    let expires_at = ambient.clock.now().seconds() + i64::from(session.seconds);
    let session_token = SessionToken {
        secret: drawn.secret_key.to_string(),
        issuer: session.issuer.clone(),
        role: session.role.clone(),
        policy: session.policy.clone(),
        expires_at,
    };
    let text = Zeroizing::new(serde_json::to_vec(&session_token).expect("text and numbers are always JSON"));
    let sealed = key.seal(PURPOSE, id.as_bytes(), &text, random(ambient.entropy.as_ref()));
    TemporaryKey { id, secret: drawn.secret_key, token: BASE64_STANDARD.encode(sealed), expires_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_for_its_key_only() {
        let (key, other) = (ClusterKey::new(1, [7; 32]), ClusterKey::new(1, [8; 32]));
        let session = NewSession {
            issuer: "AKIAISSUER".to_owned(),
            role: Some(("AROAROLE".to_owned(), "monday".to_owned())),
            policy: Some("{}".to_owned()),
            seconds: 900,
        };
        let drawn = draw(&key, &session, &Ambient::system());
        assert!(drawn.id.starts_with("ASIA") && drawn.id.len() == 20);
        let session_token = SessionToken::open(&key, &drawn.id, &drawn.token).expect("it was made here");
        assert_eq!(session_token.secret, *drawn.secret);
        assert_eq!(
            (session_token.issuer.as_str(), &session_token.role, session_token.expires_at),
            ("AKIAISSUER", &session.role, drawn.expires_at)
        );
        assert!(!drawn.token.contains(drawn.secret.as_str()));
        assert!(SessionToken::open(&key, "ASIAOTHER", &drawn.token).is_none(), "another key");
        assert!(SessionToken::open(&other, &drawn.id, &drawn.token).is_none(), "another cluster");
        for at in 0..drawn.token.len() {
            let mut forged = drawn.token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(SessionToken::open(&key, &drawn.id, &forged).is_none(), "changed at {at}");
        }
        for text in ["", "AAAA", "not base64", "é"] {
            assert!(SessionToken::open(&key, &drawn.id, text).is_none(), "{text}");
        }
    }
}
