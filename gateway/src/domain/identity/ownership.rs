//! Who owns what others write into a bucket, and with that whether access lists count in it.

use serde::{Deserialize, Serialize};

/// Who owns the objects of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// The bucket's owner, always; access lists count for nothing.
    #[default]
    BucketOwnerEnforced,
    /// The bucket's owner, when the writer gives full control away; else the writer.
    BucketOwnerPreferred,
    /// Whoever wrote them.
    ObjectWriter,
}

impl Ownership {
    /// Reads the word S3 uses.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::BucketOwnerEnforced, Self::BucketOwnerPreferred, Self::ObjectWriter]
            .into_iter()
            .find(|ownership| ownership.name() == word)
    }

    /// The word S3 uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BucketOwnerEnforced => "BucketOwnerEnforced",
            Self::BucketOwnerPreferred => "BucketOwnerPreferred",
            Self::ObjectWriter => "ObjectWriter",
        }
    }

    /// Whether access lists count.
    #[must_use]
    pub fn has_lists(self) -> bool {
        self != Self::BucketOwnerEnforced
    }
}
