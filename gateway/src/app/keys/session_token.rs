//! The content of a session token. It is sealed by the cluster key, so that every gateway of the cluster can open it and no
//! row is needed; only what it names is looked up.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use codec::ClusterKey;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::admin::credentials;
use crate::clock::{Ambient, random};
use crate::domain::AccessKey;
use crate::s3::auth::{NewSession, TEMPORARY, TemporaryKey};

/// What a token is sealed for; the temporary key's id is its name.
const PURPOSE: &str = "session-token";

/// What the digest of an issuer is for.
const ISSUER: &[u8] = b"Haulout v1 issuer of sessions";

/// A session, as its token says.
#[derive(Serialize, Deserialize)]
pub(super) struct SessionToken {
    /// The secret half of the temporary key.
    #[serde(rename = "s")]
    pub(super) secret: String,
    /// The lasting key behind it.
    #[serde(rename = "i")]
    pub(super) issuer: String,
    /// What distinguishes the secret of that key from others: a key can get another secret under the same id, as the root user's does. None
    /// in tokens of an earlier release, which end with their time.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(super) issuer_digest: Option<[u8; 16]>,
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

    /// Whether the lasting key is the one that issued it, with the same secret.
    pub(super) fn is_issued_by(&self, key: &AccessKey) -> bool {
        let same = |digest: &[u8; 16]| bool::from(digest.ct_eq(&digest_of(key)));
        self.issuer == key.id && self.issuer_digest.as_ref().is_none_or(same)
    }
}

/// What distinguishes the secret of a lasting key from others.
fn digest_of(key: &AccessKey) -> [u8; 16] {
    let tag = sign(&Key::new(HMAC_SHA256, key.secret.as_bytes()), &[ISSUER, key.id.as_bytes()].concat());
    let mut digest = [0; 16];
    digest.copy_from_slice(&tag.as_ref()[..16]);
    digest
}

impl Drop for SessionToken {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// Generates temporary credentials for a caller. Those that a session gets come from the lasting key behind it.
pub(super) fn draw(key: &ClusterKey, caller: &AccessKey, session: &NewSession, ambient: &Ambient) -> TemporaryKey {
    let (issuer, issuer_digest) = match &caller.session {
        Some(session) => (session.issuer.clone(), session.issuer_digest),
        None => (caller.id.clone(), Some(digest_of(caller))),
    };
    let drawn = credentials::generate(ambient.entropy.as_ref());
    let id = format!("{TEMPORARY}{}", drawn.access_key.get(TEMPORARY.len()..).unwrap_or_default());
    let asked = ambient.clock.now().seconds() + i64::from(session.seconds);
    // What cannot end with its secret ends with its time, and so does what is drawn from it.
    let expires_at = match &caller.session {
        Some(old) if old.issuer_digest.is_none() => asked.min(old.expires_at.seconds()),
        _ => asked,
    };
    let session_token = SessionToken {
        secret: drawn.secret_key.to_string(),
        issuer,
        issuer_digest,
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
    use std::sync::Arc;

    use super::*;
    use crate::domain::{CanonicalId, Session, Timestamp, User, UserId};

    fn lasting(id: &str, secret: &str) -> AccessKey {
        let user = User {
            id: UserId(1),
            name: "anna".to_owned(),
            canonical_id: CanonicalId("a".repeat(64)),
            root: true,
            created_at: Timestamp(0),
        };
        let (secret, account_policies) = (Zeroizing::new(secret.to_owned()), Vec::new());
        AccessKey { id: id.to_owned(), secret, user, principal_policies: None, session: None, account_policies }
    }

    #[test]
    fn a_token_knows_the_secret_of_its_issuer() {
        let (key, issuer) = (ClusterKey::new(1, [7; 32]), lasting("AKIAISSUER", "secret"));
        let session = NewSession { role: None, policy: None, seconds: 900 };
        let drawn = draw(&key, &issuer, &session, &Ambient::system());
        let token = SessionToken::open(&key, &drawn.id, &drawn.token).expect("it was made here");
        assert!(token.is_issued_by(&issuer));
        assert!(!token.is_issued_by(&lasting("AKIAISSUER", "another")), "the key got another secret");
        assert!(!token.is_issued_by(&lasting("AKIAANOTHER", "secret")));
        let digest = token.issuer_digest;
        let session_of = Session {
            name: None,
            policy: None,
            issuer: issuer.id.clone(),
            issuer_digest: digest,
            expires_at: Timestamp(0),
        };
        let caller = AccessKey { session: Some(Arc::new(session_of)), ..lasting(&drawn.id, &drawn.secret) };
        let chained = draw(&key, &caller, &session, &Ambient::system());
        let token = SessionToken::open(&key, &chained.id, &chained.token).expect("it was made here");
        assert!(token.is_issued_by(&issuer), "it comes from the lasting key, too");
        assert!(!token.is_issued_by(&lasting("AKIAISSUER", "another")));
    }

    #[test]
    fn a_token_of_an_earlier_release_goes_on() {
        let text = r#"{"s":"secret","i":"AKIAISSUER","e":1}"#;
        let token: SessionToken = serde_json::from_str(text).expect("a token");
        assert!(token.is_issued_by(&lasting("AKIAISSUER", "any")) && !token.is_issued_by(&lasting("AKIAOTHER", "any")));
    }

    #[test]
    fn a_token_opens_for_its_key_only() {
        let (key, other) = (ClusterKey::new(1, [7; 32]), ClusterKey::new(1, [8; 32]));
        let issuer = lasting("AKIAISSUER", "secret");
        let session = NewSession {
            role: Some(("AROAROLE".to_owned(), "monday".to_owned())),
            policy: Some("{}".to_owned()),
            seconds: 900,
        };
        let drawn = draw(&key, &issuer, &session, &Ambient::system());
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
