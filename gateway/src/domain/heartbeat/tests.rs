//! Every comparison, and that no order of crashes and gateways looks like a rollback.

use super::*;

fn beat(generation: u64, counter: u64, nonce: u8) -> Heartbeat {
    Heartbeat { generation, counter, incarnation: 3, nonce: [nonce; 16], sequence: 100 }
}

fn kept(generation: u64, counter: u64, nonce: u8, before: Option<(u64, u8)>) -> KeptHeartbeat {
    let before = before.map(|(counter, nonce)| (counter, [nonce; 16]));
    KeptHeartbeat { last: beat(generation, counter, nonce), before }
}

fn shows(generation: u64, heartbeat: Option<Heartbeat>) -> SeenBackend {
    SeenBackend { generation, heartbeat: heartbeat.map_or(SeenHeartbeat::Absent, SeenHeartbeat::Authentic) }
}

fn word(verdict: &HeartbeatVerdict) -> &'static str {
    match verdict {
        HeartbeatVerdict::InStep => "in step",
        HeartbeatVerdict::OneBehind => "one behind",
        HeartbeatVerdict::Unknown => "unknown",
        HeartbeatVerdict::Flag(flag, _) => flag.name(),
    }
}

#[test]
fn every_comparison_has_its_verdict() {
    let nine = Some(kept(1, 9, 90, Some((8, 80))));
    let first = Some(kept(1, 1, 10, None));
    let replaced = Some(kept(2, 10, 100, Some((9, 90))));
    let replaced_by_empty = Some(kept(2, 10, 100, None));
    // What the database keeps, the marker's generation, the heartbeat that the backend shows.
    let table = [
        (nine, 1, Some(beat(1, 9, 90)), "in step"),
        (nine, 1, Some(beat(1, 8, 80)), "one behind"),
        (nine, 1, Some(beat(1, 8, 81)), "backend_behind"),
        (nine, 1, Some(beat(1, 7, 70)), "backend_behind"),
        (nine, 1, Some(beat(1, 1, 10)), "backend_behind"),
        (nine, 1, None, "backend_behind"),
        (nine, 1, Some(beat(1, 9, 91)), "clone"),
        (nine, 1, Some(beat(1, 10, 100)), "database_behind"),
        (nine, 1, Some(beat(1, 900, 1)), "database_behind"),
        (nine, 2, Some(beat(2, 10, 100)), "database_behind"),
        (nine, 2, Some(beat(2, 9, 90)), "database_behind"),
        (nine, 2, Some(beat(1, 9, 90)), "forged"),
        (nine, 2, None, "forged"),
        (None, 1, None, "unknown"),
        (None, 7, None, "unknown"),
        (None, 1, Some(beat(1, 1, 10)), "database_behind"),
        (first, 1, None, "one behind"),
        (first, 1, Some(beat(1, 1, 10)), "in step"),
        (first, 1, Some(beat(1, 1, 11)), "clone"),
        (replaced, 2, Some(beat(2, 10, 100)), "in step"),
        (replaced, 2, Some(beat(1, 9, 90)), "one behind"),
        (replaced, 1, Some(beat(1, 9, 90)), "old_generation"),
        (replaced, 1, Some(beat(1, 8, 80)), "old_generation"),
        (replaced, 2, Some(beat(1, 8, 80)), "old_generation"),
        (replaced, 2, Some(beat(1, 12, 80)), "old_generation"),
        (replaced_by_empty, 2, None, "one behind"),
        (replaced_by_empty, 1, None, "old_generation"),
        (replaced_by_empty, 1, Some(beat(1, 9, 90)), "old_generation"),
    ];
    for (kept, generation, heartbeat, expected) in table {
        let seen = shows(generation, heartbeat);
        let verdict = compare_heartbeats(kept.as_ref(), &seen, 100);
        assert_eq!(word(&verdict), expected, "{kept:?} against {seen:?}: {verdict:?}");
    }
}

#[test]
fn what_is_not_authentic_is_about_its_backend_alone() {
    let seen = SeenBackend { generation: 1, heartbeat: SeenHeartbeat::Unauthentic("wrong code".to_owned()) };
    for kept in [None, Some(kept(1, 9, 90, None)), Some(kept(2, 9, 90, None))] {
        let verdict = compare_heartbeats(kept.as_ref(), &seen, 100);
        assert_eq!(verdict, HeartbeatVerdict::Flag(BackendFlag::Forged, "wrong code".to_owned()));
    }
    assert!(!BackendFlag::Forged.holds_collection());
    for flag in BackendFlag::ALL {
        assert_eq!(BackendFlag::named(flag.name()), Some(flag));
    }
}

#[test]
fn a_database_that_gave_fewer_numbers_than_the_backend_has_seen_is_behind() {
    let kept = kept(1, 9, 90, None);
    let seen = shows(1, Some(beat(1, 9, 90)));
    assert_eq!(word(&compare_heartbeats(Some(&kept), &seen, 99)), "database_behind");
    assert_eq!(word(&compare_heartbeats(Some(&kept), &seen, 101)), "in step");
}

/// A random walk over everything that gateways do with one backend, several at once, each step of each lost or not. A gateway
/// reads the row, reads the backend, commits if the row is as it was, and writes. It takes over from another only when that has
/// written, has crashed or has given up, which is what the time is for that the database lets pass.
#[test]
fn no_order_of_crashes_looks_like_a_rollback() {
    /// One gateway's round so far.
    #[derive(Clone, Copy)]
    enum Gateway {
        Idle,
        Begun(Option<KeptHeartbeat>),
        Read { row: Option<KeptHeartbeat>, shown: Option<Heartbeat> },
        Committed(Heartbeat),
    }
    for seed in 1..3_000_u64 {
        let mut state = seed;
        let mut draw = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let (mut row, mut backend, mut nonce, mut maker) = (None::<KeptHeartbeat>, None::<Heartbeat>, 0_u8, 0);
        let mut gateways = [Gateway::Idle; 3];
        for step in 0..300 {
            let at = usize::try_from(draw(3)).unwrap();
            // A crash at any point, a disk that takes no writes, a backend that cannot be read, a reply that was lost.
            if draw(5) == 0 {
                gateways[at] = Gateway::Idle;
                continue;
            }
            gateways[at] = match gateways[at] {
                Gateway::Idle => Gateway::Begun(row),
                Gateway::Begun(row) => Gateway::Read { row, shown: backend },
                Gateway::Read { row: before, .. } if before != row => Gateway::Idle,
                Gateway::Read { shown, .. } => {
                    let verdict = compare_heartbeats(row.as_ref(), &shows(1, shown), 1_000);
                    let takes_over = maker == at || !matches!(gateways[maker], Gateway::Committed(_));
                    nonce = nonce.wrapping_add(1);
                    let next = match (verdict, row) {
                        (HeartbeatVerdict::Unknown, _) => Some(kept(1, 1, nonce, None)),
                        (HeartbeatVerdict::InStep, Some(kept)) => Some(next_heartbeat(&kept.last, 3, [nonce; 16], 100)),
                        (HeartbeatVerdict::OneBehind, Some(kept)) => Some(kept),
                        (alarm, row) => panic!("seed {seed}, step {step}: {alarm:?} of {row:?} and {shown:?}"),
                    };
                    match next.filter(|_| takes_over) {
                        Some(next) => {
                            (row, maker) = (Some(next), at);
                            Gateway::Committed(next.last)
                        }
                        None => Gateway::Idle,
                    }
                }
                Gateway::Committed(heartbeat) => {
                    backend = Some(heartbeat);
                    Gateway::Idle
                }
            };
        }
        assert!(row.is_some_and(|row| row.last.counter > 5), "the walk got somewhere");
    }
}
