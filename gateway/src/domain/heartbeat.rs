//! Heartbeats: how a rollback of the database or of a backend is noticed. Pure.
//!
//! The database and each backend both keep the last heartbeat of that backend. A gateway commits the next one to the
//! database first and writes it to the backend then, and it goes on to the next only when it has read the last back. So the
//! two differ by at most one, with the backend behind, and whatever else they say was not done by a gateway.

use std::fmt;

/// One heartbeat of one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// How often what stands for the backend was replaced, from 1.
    pub generation: u64,
    /// Grows by one with each heartbeat.
    pub counter: u64,
    /// The highest incarnation that the database had begun: blobs that were made before bear this number or a lower one.
    pub incarnation: u32,
    /// Random: tells two databases apart that count alike.
    pub nonce: [u8; 16],
    /// The highest number of a version that the database had given when it committed this.
    pub sequence: u64,
}

/// What the database keeps of one backend's heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptHeartbeat {
    /// The last one that was committed. It may not have reached the backend.
    pub last: Heartbeat,
    /// The counter and nonce of the one before, which was read back from the backend; none when there was none.
    pub before: Option<(u64, [u8; 16])>,
}

/// What a backend says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenBackend {
    /// The generation that its marker claims. Nothing proves it.
    pub generation: u64,
    /// Its heartbeat.
    pub heartbeat: SeenHeartbeat,
}

/// The heartbeat that was found on a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenHeartbeat {
    /// None is there.
    Absent,
    /// The cluster key made it, for this backend of this cluster.
    Authentic(Heartbeat),
    /// Something else is there; what is wrong with it.
    Unauthentic(String),
}

/// How a backend and the database compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeartbeatVerdict {
    /// Both say the same.
    InStep,
    /// The last heartbeat was committed and did not reach the backend: write it again.
    OneBehind,
    /// Neither has ever recorded the other: a new backend, or one that an earlier release made. Adopted once.
    Unknown,
    /// Something that no gateway does; what, and how it shows.
    Flag(BackendFlag, String),
}

/// Why an operator must look at a backend. The worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackendFlag {
    /// It shows a heartbeat that the cluster key did not make. Proves nothing about anything but this backend.
    Forged,
    /// It is older than the database: it was rolled back, or its heartbeat was removed.
    BackendBehind,
    /// It was replaced, and what had been replaced is back.
    OldGeneration,
    /// It is newer than the database: the database was restored.
    DatabaseBehind,
    /// Another database makes heartbeats of this cluster.
    Clone,
}

impl BackendFlag {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Forged, Self::BackendBehind, Self::OldGeneration, Self::DatabaseBehind, Self::Clone];

    /// The word in the database and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::BackendBehind => "backend_behind",
            Self::OldGeneration => "old_generation",
            Self::DatabaseBehind => "database_behind",
            Self::Clone => "clone",
        }
    }

    /// The reverse of [`Self::name`].
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.name() == word)
    }

    /// Whether nothing may be collected on any backend while it is there. A forged heartbeat says nothing about others.
    #[must_use]
    pub fn holds_collection(self) -> bool {
        self != Self::Forged
    }

    /// Whether the backend takes no writes while it is flagged. Where the database is in doubt, backends are not.
    #[must_use]
    pub fn is_about_backend(self) -> bool {
        matches!(self, Self::Forged | Self::BackendBehind | Self::OldGeneration)
    }
}

impl fmt::Display for BackendFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => "its heartbeat was not made by this cluster",
            Self::BackendBehind => "it is older than the database: it was rolled back or swapped",
            Self::OldGeneration => "it was replaced, and what had been replaced is back",
            Self::DatabaseBehind => "the database is older than this backend: it was restored",
            Self::Clone => "another copy of the database makes heartbeats of this cluster",
        })
    }
}

/// The backend's next heartbeat, once the last was read back from it.
#[must_use]
pub fn next_heartbeat(after: &Heartbeat, incarnation: u32, nonce: [u8; 16], sequence: u64) -> KeptHeartbeat {
    KeptHeartbeat {
        last: Heartbeat {
            generation: after.generation,
            counter: after.counter.saturating_add(1),
            incarnation: incarnation.max(after.incarnation),
            nonce,
            sequence,
        },
        before: Some((after.counter, after.nonce)),
    }
}

/// Compares what the database keeps of a backend with what the backend shows. `sequence` is the highest number of a version
/// that the database has given.
#[must_use]
pub fn compare_heartbeats(kept: Option<&KeptHeartbeat>, seen: &SeenBackend, sequence: u64) -> HeartbeatVerdict {
    use HeartbeatVerdict::{Flag, InStep, OneBehind, Unknown};
    let shown = match &seen.heartbeat {
        SeenHeartbeat::Unauthentic(reason) => return Flag(BackendFlag::Forged, reason.clone()),
        SeenHeartbeat::Authentic(shown) => Some(shown),
        SeenHeartbeat::Absent => None,
    };
    let Some(kept) = kept else {
        let Some(shown) = shown else { return Unknown };
        let reason = format!("it shows heartbeat {} and the database knows of none", shown.counter);
        return Flag(BackendFlag::DatabaseBehind, reason);
    };
    let last = &kept.last;
    // What is authentic goes first: a marker is only a claim.
    if let Some(shown) = shown.filter(|shown| shown.generation > last.generation) {
        let reason = format!("it is generation {}, the database knows {}", shown.generation, last.generation);
        return Flag(BackendFlag::DatabaseBehind, reason);
    }
    if seen.generation < last.generation {
        let reason = format!("its marker says generation {}, it should be {}", seen.generation, last.generation);
        return Flag(BackendFlag::OldGeneration, reason);
    }
    if seen.generation > last.generation {
        let reason = format!("its marker claims generation {}, it should be {}", seen.generation, last.generation);
        return Flag(BackendFlag::Forged, reason);
    }
    let Some(shown) = shown else {
        return match kept.before {
            None => OneBehind,
            Some(_) => {
                let reason = format!("it shows no heartbeat, it should show {}", last.counter);
                Flag(BackendFlag::BackendBehind, reason)
            }
        };
    };
    if shown == last {
        if shown.sequence <= sequence {
            return InStep;
        }
        let reason = format!("it has seen version number {}, the database has given {sequence}", shown.sequence);
        return Flag(BackendFlag::DatabaseBehind, reason);
    }
    if kept.before == Some((shown.counter, shown.nonce)) {
        return OneBehind;
    }
    let reason = format!("it shows heartbeat {}, the database keeps {}", shown.counter, last.counter);
    if shown.generation < last.generation {
        Flag(BackendFlag::OldGeneration, reason)
    } else if shown.counter > last.counter {
        Flag(BackendFlag::DatabaseBehind, reason)
    } else if shown.counter == last.counter {
        Flag(BackendFlag::Clone, format!("{reason} and made it itself, with another nonce"))
    } else {
        Flag(BackendFlag::BackendBehind, reason)
    }
}

#[cfg(test)]
mod tests;
