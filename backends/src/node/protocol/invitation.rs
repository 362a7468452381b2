//! Invitations: a gateway's operator gives a token to a node's operator, whose node admits the gateway and answers with an acceptance.
//!
//! Both are lines of fields between commas, signed, and carried from one operator to the other by people. The document is section 13 of
//! `backends/NODE.md`.

use std::fmt;
use std::str::FromStr;

use codec::ClusterId;

use super::canonical::{digits, fields, number, text};
use super::{GatewayName, PublicKey, Signature, SigningKey};

const INVITATION: &str = "haulout-invitation-1";
const ACCEPTANCE: &str = "haulout-acceptance-1";

/// Bytes of a node's name, at most.
const NAME_BYTES_MAX: usize = 63;

/// Bytes of a node's address, at most: a DNS name and a port.
const ADDRESS_BYTES_MAX: usize = 261;

/// Why a text is no invitation, or no acceptance of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// It is no text of this kind: cut off, changed, or of another version.
    #[error("this is no {0}, or not all of one")]
    Malformed(&'static str),
    /// Somebody else wrote it, or a part of it was changed.
    #[error("the signature is not that of the key that it names")]
    BadSignature,
}

/// The secret that binds an acceptance to its invitation. Whoever has it and a node can use the invitation, once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InvitationSecret(pub [u8; 32]);

impl InvitationSecret {
    /// What a gateway keeps of it: its BLAKE3 hash.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(&self.0).as_bytes()
    }
}

impl fmt::Debug for InvitationSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvitationSecret(hash {})", hex::encode(self.hash()))
    }
}

/// What a gateway offers a node that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// The gateways that the node is to admit.
    pub gateway: GatewayName,
    /// The most bytes of slivers that it is asked to store for the cluster.
    pub quota_bytes: u64,
    /// Until when the invitation is good, in seconds since 1970.
    pub ends: u64,
    /// Binds the acceptance to it.
    pub secret: InvitationSecret,
    signature: Signature,
}

impl Invitation {
    /// An invitation by the gateways of a cluster, signed with their key.
    #[must_use]
    pub fn sign(cluster: ClusterId, key: &SigningKey, quota_bytes: u64, ends: u64, secret: InvitationSecret) -> Self {
        let gateway = GatewayName { cluster, key: key.public() };
        let signature = key.sign(&invitation_text(&gateway, quota_bytes, ends, &secret));
        Self { gateway, quota_bytes, ends, secret, signature }
    }
}

fn invitation_text(gateway: &GatewayName, quota_bytes: u64, ends: u64, secret: &InvitationSecret) -> String {
    let (cluster, hash) = (hex::encode(gateway.cluster.0), hex::encode(secret.hash()));
    text("invitation", &[&cluster, &gateway.key.to_string(), &quota_bytes.to_string(), &ends.to_string(), &hash])
}

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gateway, quota_bytes, ends, secret, signature } = self;
        let cluster = hex::encode(gateway.cluster.0);
        write!(f, "{INVITATION},{cluster},{},{quota_bytes},{ends},{},{signature}", gateway.key, hex::encode(secret.0))
    }
}

impl FromStr for Invitation {
    type Err = InvitationError;

    fn from_str(token: &str) -> Result<Self, InvitationError> {
        let malformed = InvitationError::Malformed("invitation");
        let [INVITATION, cluster, key, quota, ends, secret, signature] = fields(token).ok_or(malformed)? else {
            return Err(malformed);
        };
        let gateway = format!("{cluster}:{key}").parse::<GatewayName>().map_err(|_| malformed)?;
        let read = Self {
            gateway,
            quota_bytes: number(quota).ok_or(malformed)?,
            ends: number(ends).ok_or(malformed)?,
            secret: InvitationSecret(digits(secret).ok_or(malformed)?),
            signature: signature.parse().map_err(|_| malformed)?,
        };
        let signed = invitation_text(&read.gateway, read.quota_bytes, read.ends, &read.secret);
        if read.gateway.key.verifies(&signed, &read.signature) { Ok(read) } else { Err(InvitationError::BadSignature) }
    }
}

/// A node's answer to an invitation: who it is and where it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The cluster whose gateways it has admitted.
    pub cluster: ClusterId,
    /// The invitation's secret.
    pub secret: InvitationSecret,
    /// The node's key, with which this is signed.
    pub node: PublicKey,
    /// What its operator calls it.
    pub name: String,
    /// Where it is reached: host and port.
    pub address: String,
    signature: Signature,
}

impl Acceptance {
    /// The answer of the node with this key, at an address.
    ///
    /// # Errors
    /// [`InvitationError::Malformed`] when name or address cannot be one.
    pub fn sign(invitation: &Invitation, key: &SigningKey, name: &str, address: &str) -> Result<Self, InvitationError> {
        if !is_name(name) {
            return Err(InvitationError::Malformed("name of a node"));
        }
        if !is_address(address) {
            return Err(InvitationError::Malformed("address as host:port"));
        }
        let (cluster, secret, node) = (invitation.gateway.cluster, invitation.secret, key.public());
        let signature = key.sign(&acceptance_text(cluster, &node, &secret, name, address));
        Ok(Self { cluster, secret, node, name: name.to_owned(), address: address.to_owned(), signature })
    }
}

fn acceptance_text(
    cluster: ClusterId,
    node: &PublicKey,
    secret: &InvitationSecret,
    name: &str,
    address: &str,
) -> String {
    let (cluster, hash) = (hex::encode(cluster.0), hex::encode(secret.hash()));
    text("acceptance", &[&cluster, &node.to_string(), &hash, name, address])
}

impl fmt::Display for Acceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, secret, node, name, address, signature } = self;
        let (cluster, secret) = (hex::encode(cluster.0), hex::encode(secret.0));
        write!(f, "{ACCEPTANCE},{cluster},{secret},{node},{name},{address},{signature}")
    }
}

impl FromStr for Acceptance {
    type Err = InvitationError;

    fn from_str(answer: &str) -> Result<Self, InvitationError> {
        let malformed = InvitationError::Malformed("acceptance of an invitation");
        let [ACCEPTANCE, cluster, secret, node, name, address, signature] = fields(answer).ok_or(malformed)? else {
            return Err(malformed);
        };
        let read = Self {
            cluster: ClusterId(digits(cluster).ok_or(malformed)?),
            secret: InvitationSecret(digits(secret).ok_or(malformed)?),
            node: node.parse().map_err(|_| malformed)?,
            name: Some(name).filter(|name| is_name(name)).ok_or(malformed)?.to_owned(),
            address: Some(address).filter(|address| is_address(address)).ok_or(malformed)?.to_owned(),
            signature: signature.parse().map_err(|_| malformed)?,
        };
        let signed = acceptance_text(read.cluster, &read.node, &read.secret, name, address);
        if read.node.verifies(&signed, &read.signature) { Ok(read) } else { Err(InvitationError::BadSignature) }
    }
}

/// The name of a backend, as a gateway's configuration may have it.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
}

/// A host and a port that is not 0: nothing that could make another URL of it.
fn is_address(address: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'[' | b']');
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let port = number(port).is_some_and(|port| (1..=65_535).contains(&port));
    // An address of version 6 stands in brackets, and nothing else has colons.
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_one = match inner {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains([':', '[', ']']),
    };
    port && host_is_one && address.len() <= ADDRESS_BYTES_MAX && address.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLUSTER: ClusterId = ClusterId([3; 16]);

    fn invitation() -> Invitation {
        let key = SigningKey::from_seed(&[1; 32]);
        Invitation::sign(CLUSTER, &key, 5_000_000, 1_800_000_000, InvitationSecret([9; 32]))
    }

    fn acceptance() -> Acceptance {
        Acceptance::sign(&invitation(), &SigningKey::from_seed(&[2; 32]), "friend", "node.example.net:9200").unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(invitation().to_string().parse(), Ok(invitation()));
        assert_eq!(acceptance().to_string().parse(), Ok(acceptance()));
        assert!(!format!("{:?}", invitation()).contains(&hex::encode([9; 32])), "the secret is not shown");
    }

    #[test]
    fn every_changed_field_is_refused() {
        let (invitation, acceptance) = (invitation().to_string(), acceptance().to_string());
        let swapped = |text: &str, at: usize, by: &str| {
            let mut fields: Vec<&str> = text.split(',').collect();
            fields[at] = by;
            fields.join(",")
        };
        let (bytes16, bytes32) = ("04".repeat(16), "04".repeat(32));
        let other = SigningKey::from_seed(&[7; 32]).public().to_string();
        for (at, by) in [(1, &*bytes16), (2, &*other), (3, "5000001"), (4, "1800000001"), (5, &*bytes32)] {
            assert_eq!(swapped(&invitation, at, by).parse::<Invitation>(), Err(InvitationError::BadSignature), "{at}");
        }
        for (at, by) in [(1, &*bytes16), (2, &*bytes32), (3, &*other), (4, "foe"), (5, "node.example.net:9201")] {
            assert_eq!(swapped(&acceptance, at, by).parse::<Acceptance>(), Err(InvitationError::BadSignature), "{at}");
        }
        for (at, by) in [(0, "haulout-invitation-2"), (3, "05"), (3, "+5"), (5, "09"), (6, "")] {
            assert!(matches!(swapped(&invitation, at, by).parse::<Invitation>(), Err(InvitationError::Malformed(_))));
        }
        for (at, by) in
            [(4, ""), (4, "a b"), (5, "host"), (5, "host:0"), (5, "h/p:1"), (5, "u@h:1"), (5, "::1:9"), (5, "[::g]:9")]
        {
            assert!(
                matches!(swapped(&acceptance, at, by).parse::<Acceptance>(), Err(InvitationError::Malformed(_))),
                "{by}"
            );
        }
        assert!(matches!(acceptance.parse::<Invitation>(), Err(InvitationError::Malformed("invitation"))));
    }

    #[test]
    fn addresses_are_hosts_with_ports() {
        for (address, good) in [
            ("host:1", true),
            ("10.0.0.1:9200", true),
            ("[2001:db8::1]:9200", true),
            ("host:65536", false),
            (":1", false),
        ] {
            assert_eq!(is_address(address), good, "{address}");
        }
    }

    proptest! {
        #[test]
        fn cut_off_texts_are_refused(cut in 0_usize..400) {
            let (invitation, acceptance) = (invitation().to_string(), acceptance().to_string());
            prop_assert!(cut >= invitation.len() || invitation[..cut].parse::<Invitation>().is_err());
            prop_assert!(cut >= acceptance.len() || acceptance[..cut].parse::<Acceptance>().is_err());
        }
    }
}
