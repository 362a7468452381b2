//! The end of a streamed body: what the gateway says was sent.

use codec::Root;

use super::{Authorization, PublicKey, Signature, SigningKey, canonical};
use crate::SliverName;

/// Bytes of a trailer: root (32), length of the sliver (8, big-endian), signature (64).
pub const TRAILER_BYTES: usize = 104;

/// A trailer. It follows the sliver's bytes and is not one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// The root of the sliver.
    pub root: Root,
    /// Its length in bytes.
    pub len: u64,
    /// Of [`Trailer::text`].
    pub signature: Signature,
}

impl Trailer {
    /// Signs what was sent with the request of this authorization.
    #[must_use]
    pub fn sign(key: &SigningKey, of: (&Authorization, PublicKey, &SliverName), root: Root, len: u64) -> Self {
        let unsigned = Self { root, len, signature: Signature([0; 64]) };
        Self { signature: key.sign(&unsigned.text(of)), ..unsigned }
    }

    /// The text to sign: session and counter bind it to its request.
    #[must_use]
    pub fn text(&self, (authorization, node, name): (&Authorization, PublicKey, &SliverName)) -> String {
        let fields: [&str; 7] = [
            &super::call::cluster_text(&authorization.cluster),
            &node.to_string(),
            &hex::encode(authorization.session),
            &authorization.counter.to_string(),
            &name.to_string(),
            &hex::encode(self.root.0),
            &self.len.to_string(),
        ];
        canonical::text("trailer", &fields)
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; TRAILER_BYTES] {
        let mut bytes = [0; TRAILER_BYTES];
        bytes[..32].copy_from_slice(&self.root.0);
        bytes[32..40].copy_from_slice(&self.len.to_be_bytes());
        bytes[40..].copy_from_slice(&self.signature.0);
        bytes
    }

    /// Reads the bytes; all of them mean something.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; TRAILER_BYTES]) -> Self {
        let (mut root, mut len, mut signature) = ([0; 32], [0; 8], [0; 64]);
        root.copy_from_slice(&bytes[..32]);
        len.copy_from_slice(&bytes[32..40]);
        signature.copy_from_slice(&bytes[40..]);
        Self { root: Root(root), len: u64::from_be_bytes(len), signature: Signature(signature) }
    }
}

#[cfg(test)]
mod tests {
    use codec::{BlobId, ClusterId};

    use super::super::BodyDigest;
    use super::*;

    #[test]
    fn a_trailer_reads_back_and_belongs_to_its_request() {
        let key = SigningKey::from_seed(&[1; 32]);
        let (body, signature) = (BodyDigest::Streamed, Signature([0; 64]));
        let request =
            Authorization { cluster: ClusterId([1; 16]), session: [2; 16], counter: 3, time: 4, body, signature };
        let (node, name) = (PublicKey([5; 32]), SliverName { blob: BlobId([6; 16]), index: 0, attempt: 0 });
        let trailer = Trailer::sign(&key, (&request, node, &name), Root([7; 32]), 448);
        assert_eq!(Trailer::from_bytes(&trailer.to_bytes()), trailer);
        let good = |of| key.public().verifies(&trailer.text(of), &trailer.signature);
        assert!(good((&request, node, &name)));
        let next = Authorization { counter: 4, ..request };
        assert!(!good((&next, node, &name)));
        assert!(!good((&request, PublicKey([6; 32]), &name)));
        assert!(!good((&request, node, &SliverName { index: 1, ..name })));
    }
}
