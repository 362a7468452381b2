//! Points at which a test ends the process, or lets an operation fail. Without the feature `failpoints`, which no release has, there
//! are none.
//!
//! `FAILPOINTS="sliver-rename=3*off->1*return(kill)"` in the environment ends the process the fourth time a sliver is about to be
//! renamed; `return(error)` lets that operation fail, `panic` panics there, `sleep(2000)` takes two seconds, and `return(note)` says on
//! standard error that it was passed.

/// Every point there is.
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
    debug_assert!(POINTS.contains(&name), "{name} is not listed");
    let act = |action: Option<String>| match action.as_deref() {
        Some("kill") => std::process::abort(),
        Some("note") => {
            eprintln!("passed the point {name}");
            false
        }
        _ => true,
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
