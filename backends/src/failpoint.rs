//! Points at which a test ends the process, or lets an operation fail. Without the feature `failpoints`, which no release has, there
//! are none.
//!
//! `FAILPOINTS="sliver-rename=3*off->1*return(kill)"` in the environment ends the process the fourth time a sliver is about to be
//! renamed; `return(error)` lets that operation fail, `panic` panics there, `return(delay)` takes two seconds, and `return(note)` does
//! nothing. Whatever is returned is said on standard error.

/// The points that writing, deleting and collecting passes.
pub const POINTS: [&str; 15] = [
    "begin",
    "begun",
    "commit",
    "committed",
    "sliver-write",
    "sliver-sync",
    "sliver-rename",
    "sliver-sync-folder",
    "sliver-published",
    "sliver-delete",
    "sliver-deleted",
    "slivers-deleted",
    "small-sync",
    "small-rename",
    "small-sync-folder",
];

/// The points of what follows: uploads of many parts, collection, compaction, repair, drains and audits.
pub const LATER_POINTS: [&str; 26] = [
    "upload-created",
    "part-stored",
    "upload-chosen",
    "upload-completed",
    "upload-aborted",
    "reclaim-claimed",
    "reclaim-forgotten",
    "compact-written",
    "compact-moved",
    "repair-claimed",
    "repair-announced",
    "repair-copied",
    "repair-rebuilt",
    "repair-proven",
    "repair-moved",
    "repair-ended",
    "discard-claimed",
    "discard-deleted",
    "drain-begun",
    "drain-enqueued",
    "rebalance-enqueued",
    "audit-drawn",
    "audit-begun",
    "audit-asked",
    "audit-judged",
    "audit-recorded",
];

/// The points of money: epochs that begin and are charged, settlement and publication.
pub const MONEY_POINTS: [&str; 6] = [
    "epoch-begun",
    "epoch-charged",
    "hold-reserved",
    "settlement-planned",
    "settlement-applied",
    "settlement-published",
];

/// How long a delay takes.
#[cfg(feature = "failpoints")]
const DELAY: std::time::Duration = std::time::Duration::from_secs(2);

/// Keeps the points of the environment in force.
#[derive(Debug)]
pub struct Armed(
    #[cfg(feature = "failpoints")]
    #[expect(dead_code, reason = "holding it is its use")]
    Scenario,
);

#[cfg(feature = "failpoints")]
struct Scenario(#[expect(dead_code, reason = "holding it is its use")] fail::FailScenario<'static>);

#[cfg(feature = "failpoints")]
impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scenario")
    }
}

/// Puts the points that the environment names in force.
#[must_use]
pub fn arm() -> Armed {
    #[cfg(feature = "failpoints")]
    return Armed(Scenario(fail::FailScenario::setup()));
    #[cfg(not(feature = "failpoints"))]
    return Armed();
}

/// Whether the operation must fail here. Does not return where the process must end.
#[cfg(feature = "failpoints")]
#[must_use]
pub fn fails_at(name: &str) -> bool {
    let listed = POINTS.iter().chain(&LATER_POINTS).chain(&MONEY_POINTS);
    debug_assert!(listed.into_iter().any(|listed| *listed == name), "{name} is not listed");
    let act = |action: Option<String>| {
        eprintln!("passed the point {name}");
        match action.as_deref() {
            Some("kill") => std::process::abort(),
            Some("note") => false,
            Some("delay") => {
                std::thread::sleep(DELAY);
                false
            }
            _ => true,
        }
    };
    fail::eval(name, act).unwrap_or(false)
}

/// Whether the operation must fail here: never.
#[cfg(not(feature = "failpoints"))]
#[must_use]
#[inline]
pub const fn fails_at(_name: &str) -> bool {
    false
}
