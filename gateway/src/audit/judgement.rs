//! From an answer to a verdict. Pure: whoever has the answer comes to the same verdict.

use backends::{Answer, StoreError, Verdict};
use codec::{PossessionError, PossessionProof, Root, SamplePosition, Scheme, SliverIdentity};

/// A verdict and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What the audit came to.
    pub verdict: Verdict,
    /// Why, in words; empty for what passed.
    pub reason: String,
}

impl Judgement {
    fn new(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { verdict, reason: reason.into() }
    }

    /// That of a proof which leads to the root, or why it does not.
    pub(super) fn of_proof(verified: Result<(), PossessionError>) -> Self {
        match verified {
            Ok(()) => Self::new(Verdict::Passed, ""),
            Err(error) => Self::new(Verdict::Wrong, error.to_string()),
        }
    }
}

/// What a backend showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A proof that the sample is at hand, or what should be one.
    Proof(Answer),
    /// Bytes that are not those of the sliver.
    Other {
        /// What is wrong with them.
        reason: String,
    },
    /// A chunk that decrypts, which its tag proves to whoever has the blob's key, and to nobody else.
    Chunk {
        /// Its sealed bytes.
        bytes: u64,
    },
}

/// What is known of a backend that gave no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nothing but what it answered.
    Unknown,
    /// It answers heartbeats.
    Answering,
    /// It answers heartbeats, and states that what it moves in a day is used up.
    DayUsedUp,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Which sliver.
    pub identity: &'a SliverIdentity,
    /// Its root.
    pub root: &'a Root,
    /// Where in it.
    pub position: SamplePosition,
    /// Of a node, which signs what it proves; others are read by the gateway itself.
    pub is_of_node: bool,
}

/// Judges what a backend answered about a sample.
#[must_use]
pub fn judge(sample: &Sample<'_>, answer: &Result<Shown, StoreError>, presence: Presence) -> Judgement {
    let Sample { identity, root, position, .. } = *sample;
    match answer {
        Ok(Shown::Proof(answer)) => {
            let proof = PossessionProof::parse(&answer.proof);
            Judgement::of_proof(proof.and_then(|proof| proof.verify(identity, root, position)))
        }
        Ok(Shown::Other { reason }) => Judgement::new(Verdict::Wrong, reason),
        Ok(Shown::Chunk { .. }) => Judgement::new(Verdict::Passed, ""),
        Err(StoreError::NotFound) => Judgement::new(Verdict::Missing, "it answered that it has no such sliver"),
        // Only what is shown can be wrong: this is a refusal, and the word of the one who asked.
        Err(error @ StoreError::Damaged { .. }) if sample.is_of_node => {
            Judgement::new(Verdict::Missing, error.to_string())
        }
        Err(error @ StoreError::Damaged { .. }) => Judgement::new(Verdict::Wrong, error.to_string()),
        Err(error @ StoreError::TimedOut) => Judgement::new(Verdict::Contained, error.to_string()),
        Err(error) => match presence {
            Presence::Unknown => Judgement::new(Verdict::Offline, error.to_string()),
            Presence::Answering => Judgement::new(Verdict::Contained, format!("it is there, and refuses: {error}")),
            // No fault of its own, but asked again, or saying so would be a way never to show anything.
            Presence::DayUsedUp => Judgement::new(Verdict::Void, format!("its bytes of this day are used up: {error}")),
        },
    }
}

/// Whether the silence of so many backends says nothing about them, because it is thought to be this side's fault: more than `m` of a
/// scheme are silent together, or fewer than `k` are known to answer, of all there are, whoever was asked just now.
#[must_use]
pub fn is_this_sides_fault(scheme: Scheme, silent: usize, answering: usize) -> bool {
    silent > scheme.m() || answering < scheme.k()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_of_many_is_nobodys_fault_and_silence_of_few_is_theirs() {
        let scheme: Scheme = "rs-4-2".parse().unwrap();
        let fault = |silent, answering| is_this_sides_fault(scheme, silent, answering);
        assert!(!fault(1, 5) && !fault(2, 4), "m may be away");
        assert!(fault(3, 3) && fault(6, 0));
        assert!(fault(3, 17), "three at once, however many there are");
        assert!(fault(1, 3), "four are needed");
    }

    #[test]
    fn errors_are_judged_by_what_they_say_of_the_data() {
        let layout = codec::BlobLayout {
            shape: codec::StripeShape::quilt("rs-4-2".parse().unwrap()),
            content_len: 100,
            catalog_len: 0,
        };
        let identity = SliverIdentity {
            cluster: codec::ClusterId([1; 16]),
            blob: codec::BlobId([2; 16]),
            index: 0,
            layout,
            wrapped_key: codec::WrappedKey([3; 64]),
        };
        let position = SamplePosition { stripe: 0, sample: 0 };
        let sample = Sample { identity: &identity, root: &Root([0; 32]), position, is_of_node: false };
        let verdict = |answer| judge(&sample, &answer, Presence::Unknown).verdict;
        let unavailable = StoreError::Unavailable { reason: "refused".to_owned() };
        for (presence, expected) in [
            (Presence::Unknown, Verdict::Offline),
            (Presence::Answering, Verdict::Contained),
            (Presence::DayUsedUp, Verdict::Void),
        ] {
            let denied = StoreError::Denied { reason: "no".to_owned() };
            for error in [unavailable.clone(), denied, StoreError::Full] {
                assert_eq!(judge(&sample, &Err(error), presence).verdict, expected);
            }
            let lost = judge(&sample, &Err(StoreError::NotFound), presence);
            assert_eq!(lost.verdict, Verdict::Missing, "what it says of its data counts whatever else is known");
        }
        assert_eq!(verdict(Err(StoreError::NotFound)), Verdict::Missing);
        let damaged = || Err(StoreError::Damaged { reason: "cut".to_owned() });
        assert_eq!(verdict(damaged()), Verdict::Wrong, "the gateway has looked itself");
        let of_node = Sample { is_of_node: true, ..sample };
        assert_eq!(
            judge(&of_node, &damaged(), Presence::Unknown).verdict,
            Verdict::Missing,
            "that a node says so proves nothing"
        );
        assert_eq!(verdict(Ok(Shown::Other { reason: "other bytes".to_owned() })), Verdict::Wrong);
        assert_eq!(verdict(Err(StoreError::TimedOut)), Verdict::Contained);
        assert_eq!(verdict(Err(unavailable)), Verdict::Offline);
        for proof in [&b""[..], &b"\x00\x01\x00\x00x"[..]] {
            let answer = Answer { proof: bytes::Bytes::copy_from_slice(proof), signature: None };
            assert_eq!(verdict(Ok(Shown::Proof(answer))), Verdict::Wrong);
        }
    }
}
