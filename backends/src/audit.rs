//! What passes between a gateway that audits and a storage node, beside challenges.

use codec::SamplePosition;

use crate::name::SliverName;

/// A node's part in an epoch: it drew these bytes after the gateway had committed to a secret, so neither side alone chooses what is
/// audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochNonce {
    /// 32 bytes that the node drew.
    pub nonce: [u8; 32],
    /// The node's signature, which has been verified: see [`crate::node::protocol::verify_epoch_nonce`].
    pub signature: [u8; 64],
}

/// What a gateway found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The proof leads to the root.
    Passed,
    /// It signed a proof that does not, which is evidence against it, or gave no proof because what it has is damaged.
    Wrong,
    /// It answered that it does not have the sliver, or it never gave its bytes: the word of the one who asked.
    Missing,
    /// The node was reached and gave no bytes: it will be asked again.
    Contained,
    /// The node was not reached.
    Offline,
    /// The audit cannot be held for or against the node.
    Void,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Passed, Self::Wrong, Self::Missing, Self::Contained, Self::Offline, Self::Void];

    /// The verdict of a word.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.text() == text)
    }

    /// Whether the sliver is lost, and must be rebuilt.
    #[must_use]
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Wrong | Self::Missing)
    }

    /// The verdict in one word.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Wrong => "wrong",
            Self::Missing => "missing",
            Self::Contained => "contained",
            Self::Offline => "offline",
            Self::Void => "void",
        }
    }
}

/// A verdict, for the node that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictReport {
    /// The evidence's id in the gateway's database. A report that is sent again has the same.
    pub id: [u8; 16],
    /// The epoch.
    pub epoch: u64,
    /// The sliver that was asked for.
    pub name: SliverName,
    /// The place in it.
    pub position: SamplePosition,
    /// What was found.
    pub verdict: Verdict,
    /// Why, for people: at most [`VerdictReport::REASON_MAX`] characters, none of them a control character.
    pub reason: String,
    /// When, in seconds since 1970 UTC.
    pub time: u64,
}

impl VerdictReport {
    /// Characters of a reason, at most.
    pub const REASON_MAX: usize = 200;
}
