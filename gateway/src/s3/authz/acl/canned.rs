//! Canned ACLs.

use crate::domain::{AccessList, Grant, Grantee, Right};

/// A canned list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canned {
    /// The owner alone.
    Private,
    /// Everybody reads.
    PublicRead,
    /// Everybody reads and writes.
    PublicReadWrite,
    /// Everybody with an account reads.
    AuthenticatedRead,
    /// Only meaningful on AWS; same as private here.
    AwsExecRead,
    /// The owner of the bucket reads.
    BucketOwnerRead,
    /// The owner of the bucket has all rights, too.
    BucketOwnerFullControl,
    /// Logs may be delivered.
    LogDeliveryWrite,
}

const NAMES: [(&str, Canned); 8] = [
    ("private", Canned::Private),
    ("public-read", Canned::PublicRead),
    ("public-read-write", Canned::PublicReadWrite),
    ("authenticated-read", Canned::AuthenticatedRead),
    ("aws-exec-read", Canned::AwsExecRead),
    ("bucket-owner-read", Canned::BucketOwnerRead),
    ("bucket-owner-full-control", Canned::BucketOwnerFullControl),
    ("log-delivery-write", Canned::LogDeliveryWrite),
];

impl Canned {
    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        NAMES.iter().find(|(name, _)| *name == word).map(|(_, canned)| *canned)
    }

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, canned)| *canned == self).map_or("", |(name, _)| *name)
    }

    /// The list it stands for. `bucket_owner` is given for objects; what is about the bucket's owner means nothing on a
    /// bucket.
    #[must_use]
    pub fn list(self, owner: &str, bucket_owner: Option<&str>) -> AccessList {
        let mut list = AccessList::private(owner);
        let mut grant = |to: Grantee, right| list.grants.push(Grant { to, right });
        let other_owner = bucket_owner.filter(|other| *other != owner).map(|id| Grantee::Account(id.to_owned()));
        match self {
            Self::Private | Self::AwsExecRead => {}
            Self::PublicRead => grant(Grantee::Everybody, Right::Read),
            Self::PublicReadWrite => {
                grant(Grantee::Everybody, Right::Read);
                grant(Grantee::Everybody, Right::Write);
            }
            Self::AuthenticatedRead => grant(Grantee::Authenticated, Right::Read),
            Self::BucketOwnerRead => other_owner.into_iter().for_each(|owner| grant(owner, Right::Read)),
            Self::BucketOwnerFullControl => {
                other_owner.into_iter().for_each(|owner| grant(owner, Right::FullControl));
            }
            Self::LogDeliveryWrite => {
                grant(Grantee::LogDelivery, Right::Write);
                grant(Grantee::LogDelivery, Right::ReadAcp);
            }
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_lists() {
        for (word, public, beyond_owner, beyond_bucket_owner) in [
            ("private", false, false, false),
            ("aws-exec-read", false, false, false),
            ("public-read", true, true, true),
            ("public-read-write", true, true, true),
            ("authenticated-read", true, true, true),
            ("bucket-owner-read", false, true, false),
            ("bucket-owner-full-control", false, true, false),
            ("log-delivery-write", false, true, true),
        ] {
            let canned = Canned::parse(word).expect(word);
            let object = canned.list("anna", Some("bert"));
            assert_eq!((object.is_public(), object.reaches_beyond("anna")), (public, beyond_owner), "{word}");
            assert_eq!(canned.list("anna", Some("anna")).reaches_beyond("anna"), beyond_bucket_owner, "{word}");
            assert_eq!(canned.list("anna", None).reaches_beyond("anna"), beyond_bucket_owner, "{word}");
        }
        assert_eq!(Canned::parse("public-ready"), None);
        assert!(NAMES.iter().all(|(name, canned)| canned.name() == *name));
    }
}
