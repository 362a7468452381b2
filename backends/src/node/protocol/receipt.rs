//! What a node signs once a sliver is durable.

use codec::{ClusterId, Root};
use serde::{Deserialize, Serialize};

use super::call::cluster_text;
use super::{PublicKey, Signature, SigningKey, canonical};
use crate::SliverName;

/// What a receipt is about. The gateway knows all of it before the node answers, so only the signature travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whose sliver.
    pub cluster: ClusterId,
    /// The node that has it.
    pub node: PublicKey,
    /// Which sliver: blob, index, attempt.
    pub name: SliverName,
    /// Its root.
    pub root: Root,
    /// Its length in bytes.
    pub len: u64,
    /// The epoch it was stored in, as the request said.
    pub epoch: u64,
    /// Session and counter of the request: no two receipts share them, but for the slivers of one batch.
    pub nonce: ([u8; 16], u64),
}

impl Receipt {
    /// The text to sign.
    #[must_use]
    pub fn text(&self) -> String {
        let fields: [&str; 9] = [
            &cluster_text(&self.cluster),
            &self.node.to_string(),
            &hex::encode(self.name.blob.0),
            &self.name.index.to_string(),
            &self.name.attempt.to_string(),
            &hex::encode(self.root.0),
            &self.len.to_string(),
            &self.epoch.to_string(),
            &format!("{}:{}", hex::encode(self.nonce.0), self.nonce.1),
        ];
        canonical::text("receipt", &fields)
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> SignedReceipt {
        SignedReceipt { signature: key.sign(&self.text()) }
    }
}

/// A node's signature under a [`Receipt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedReceipt {
    /// Of [`Receipt::text`].
    pub signature: Signature,
}

impl SignedReceipt {
    /// Whether the node named in it signed this receipt.
    #[must_use]
    pub fn is_for(&self, receipt: &Receipt) -> bool {
        receipt.node.verifies(&receipt.text(), &self.signature)
    }
}

#[cfg(test)]
mod tests {
    use codec::BlobId;

    use super::*;

    #[test]
    fn a_receipt_is_good_for_exactly_what_it_says() {
        let key = SigningKey::from_seed(&[1; 32]);
        let name = SliverName { blob: BlobId([2; 16]), index: 3, attempt: 4 };
        let (cluster, node) = (ClusterId([5; 16]), key.public());
        let receipt = Receipt { cluster, node, name, root: Root([6; 32]), len: 448, epoch: 0, nonce: ([7; 16], 8) };
        let signed = receipt.sign(&key);
        assert!(signed.is_for(&receipt));
        let others = [
            Receipt { cluster: ClusterId([9; 16]), ..receipt },
            Receipt { node: PublicKey([9; 32]), ..receipt },
            Receipt { name: SliverName { attempt: 5, ..name }, ..receipt },
            Receipt { root: Root([9; 32]), ..receipt },
            Receipt { len: 449, ..receipt },
            Receipt { epoch: 1, ..receipt },
            Receipt { nonce: ([7; 16], 9), ..receipt },
        ];
        for other in others {
            assert!(!signed.is_for(&other), "{other:?}");
        }
    }
}
