//! What blobs are for that bring nothing new, known by their ids: their last four bytes are a code that only the cluster key makes. So a scan of
//! names finds them, and a backend does not.

use codec::{BlobId, ClusterKey};

/// What such a blob is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobPurpose {
    /// It holds a part of the journal, or of a snapshot.
    Journal,
    /// It holds what compaction took over from other blobs, which stay until the journal knows where it went.
    Compaction,
}

impl BlobPurpose {
    fn context(self) -> &'static str {
        match self {
            Self::Journal => "blob of the journal",
            Self::Compaction => "blob of compaction",
        }
    }

    /// The id with its last bytes replaced by the code.
    #[must_use]
    pub fn tag(self, id: BlobId, key: &ClusterKey) -> BlobId {
        let mut bytes = id.0;
        let code = self.code(&bytes, key);
        bytes[12..].copy_from_slice(&code);
        BlobId(bytes)
    }

    /// Whether this key, or one beside it, made the id's code. One id in four thousand million has it by chance.
    #[must_use]
    pub fn is_of(self, id: &BlobId, key: &ClusterKey) -> bool {
        key.each().any(|key| id.0[12..] == self.code(&id.0, key))
    }

    fn code(self, id: &[u8; 16], key: &ClusterKey) -> [u8; 4] {
        let code = key.authenticate(self.context(), &id[..12]);
        [code[0], code[1], code[2], code[3]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_knows_them() {
        let key = ClusterKey::new(1, [1; 32]);
        let id = BlobId([9; 16]);
        let (journal, compaction) = (BlobPurpose::Journal, BlobPurpose::Compaction);
        assert!(!journal.is_of(&id, &key) && !compaction.is_of(&id, &key));
        let ours = journal.tag(id, &key);
        assert_eq!(ours.0[..12], id.0[..12]);
        assert!(journal.is_of(&ours, &key) && !compaction.is_of(&ours, &key));
        assert!(!journal.is_of(&ours, &ClusterKey::new(1, [2; 32])));
        let later = ClusterKey::new(2, [2; 32]).beside(vec![key]);
        assert!(journal.is_of(&ours, &later), "after a rotation");
    }
}
