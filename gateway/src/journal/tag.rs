//! Blobs of the journal, known by their ids: their last four bytes are a code that only the cluster key makes. So a scan of names finds
//! them, and a backend does not.

use codec::{BlobId, ClusterKey};

const PURPOSE: &str = "blob of the journal";

/// The id with its last bytes replaced by the code.
#[must_use]
pub fn tagged(id: BlobId, key: &ClusterKey) -> BlobId {
    let mut bytes = id.0;
    let code = code(&bytes, key);
    bytes[12..].copy_from_slice(&code);
    BlobId(bytes)
}

/// Whether this key, or one beside it, made the id's code. One id in four thousand million has it by chance: what is read decides.
#[must_use]
pub fn is_tagged(id: &BlobId, key: &ClusterKey) -> bool {
    key.each().any(|key| id.0[12..] == code(&id.0, key))
}

fn code(id: &[u8; 16], key: &ClusterKey) -> [u8; 4] {
    let code = key.authenticate(PURPOSE, &id[..12]);
    [code[0], code[1], code[2], code[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_knows_them() {
        let key = ClusterKey::new(1, [1; 32]);
        let id = BlobId([9; 16]);
        assert!(!is_tagged(&id, &key));
        let ours = tagged(id, &key);
        assert_eq!(ours.0[..12], id.0[..12]);
        assert!(is_tagged(&ours, &key) && !is_tagged(&ours, &ClusterKey::new(1, [2; 32])));
        let later = ClusterKey::new(2, [2; 32]).beside(vec![key]);
        assert!(is_tagged(&ours, &later), "after a rotation");
    }
}
