//! Price floors: the lowest prices for which a node's operator takes new slivers, signed by the node.
//!
//! A line of fields between commas that people carry from the node's operator to the gateway's. The document is section 15 of
//! `backends/NODE.md`.

use std::fmt;
use std::str::FromStr;

use codec::ClusterId;

use super::canonical::{digits, fields, number, text};
use super::{PublicKey, Signature, SigningKey};

const PRICE_FLOOR: &str = "haulout-price-floor-1";

/// Why a text is no price floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceFloorError {
    /// It is no text of this kind: cut off, changed, or of another version.
    #[error("this is no price floor, or not all of one")]
    Malformed,
    /// Somebody else wrote it, or a part of it was changed.
    #[error("the signature is not that of the key that it names")]
    BadSignature,
}

/// A price floor under the signature of its node. There is none without a good signature: it is made by signing, or read and verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedPriceFloor {
    /// The cluster whose slivers it is about.
    pub cluster: ClusterId,
    /// The node's key, with which it is signed.
    pub node: PublicKey,
    /// The epoch of money from whose beginning it holds, until the node's next one does.
    pub epoch: u64,
    /// FROST per encoded MiB and epoch.
    pub storage: u64,
    /// FROST per encoded MiB that comes.
    pub write: u64,
    signature: Signature,
}

impl SignedPriceFloor {
    /// The floor of the node with this key, from an epoch on.
    #[must_use]
    pub fn sign(cluster: ClusterId, key: &SigningKey, epoch: u64, storage: u64, write: u64) -> Self {
        let node = key.public();
        let signature = key.sign(&signed_text(cluster, &node, epoch, storage, write));
        Self { cluster, node, epoch, storage, write, signature }
    }
}

fn signed_text(cluster: ClusterId, node: &PublicKey, epoch: u64, storage: u64, write: u64) -> String {
    let cluster = hex::encode(cluster.0);
    text("price-floor", &[&cluster, &node.to_string(), &epoch.to_string(), &storage.to_string(), &write.to_string()])
}

impl fmt::Display for SignedPriceFloor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, node, epoch, storage, write, signature } = self;
        write!(f, "{PRICE_FLOOR},{},{node},{epoch},{storage},{write},{signature}", hex::encode(cluster.0))
    }
}

impl FromStr for SignedPriceFloor {
    type Err = PriceFloorError;

    fn from_str(line: &str) -> Result<Self, PriceFloorError> {
        let malformed = PriceFloorError::Malformed;
        let [PRICE_FLOOR, cluster, node, epoch, storage, write, signature] = fields(line).ok_or(malformed)? else {
            return Err(malformed);
        };
        let read = Self {
            cluster: ClusterId(digits(cluster).ok_or(malformed)?),
            node: node.parse().map_err(|_| malformed)?,
            epoch: number(epoch).ok_or(malformed)?,
            storage: number(storage).ok_or(malformed)?,
            write: number(write).ok_or(malformed)?,
            signature: signature.parse().map_err(|_| malformed)?,
        };
        let signed = signed_text(read.cluster, &read.node, read.epoch, read.storage, read.write);
        if read.node.verifies(&signed, &read.signature) { Ok(read) } else { Err(PriceFloorError::BadSignature) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLUSTER: ClusterId = ClusterId([3; 16]);

    fn floor() -> SignedPriceFloor {
        SignedPriceFloor::sign(CLUSTER, &SigningKey::from_seed(&[2; 32]), 41, 2_100, 20_000)
    }

    fn with(at: usize, by: &str) -> Result<SignedPriceFloor, PriceFloorError> {
        let line = floor().to_string();
        let mut fields: Vec<&str> = line.split(',').collect();
        fields[at] = by;
        fields.join(",").parse()
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(floor().to_string().parse(), Ok(floor()));
    }

    #[test]
    fn every_changed_field_is_refused() {
        let (cluster, other) = ("04".repeat(16), SigningKey::from_seed(&[7; 32]).public().to_string());
        for (at, by) in [(1, &*cluster), (2, &*other), (3, "42"), (4, "2101"), (5, "0")] {
            assert_eq!(with(at, by), Err(PriceFloorError::BadSignature), "{at}");
        }
        // Numbers have one form: no sign, no zero before, no exponent, nothing beyond 64 bits.
        for (at, by) in [
            (0, "haulout-price-floor-2"),
            (3, "041"),
            (4, "+2100"),
            (4, "-1"),
            (4, "1e9"),
            (4, "2100.0"),
            (5, "18446744073709551616"),
            (6, ""),
        ] {
            assert_eq!(with(at, by), Err(PriceFloorError::Malformed), "{by}");
        }
    }

    #[test]
    fn a_signature_for_something_else_is_none_for_a_floor() {
        let key = SigningKey::from_seed(&[2; 32]);
        let node = key.public().to_string();
        let elsewhere = text("epoch", &[&hex::encode(CLUSTER.0), &node, "41", "2100", "20000"]);
        assert_eq!(with(6, &key.sign(&elsewhere).to_string()), Err(PriceFloorError::BadSignature));
    }

    proptest! {
        #[test]
        fn cut_off_texts_are_refused(cut in 0_usize..400) {
            let line = floor().to_string();
            prop_assert!(cut >= line.len() || line[..cut].parse::<SignedPriceFloor>().is_err());
        }
    }
}
