//! What PostgreSQL and the network may do at each step of a transaction: the effect is there once, or not at all.

use crate::clock::Ambient;
use crate::metadata::MetadataStore;
use crate::metadata::error::MetadataError;
use crate::metadata::tests::engine::injected_operations::Operation;
use crate::metadata::tests::engine::wire::{At, Fault, Wire};
use crate::metadata::tests::fixture::Fixture;

/// More than any of the operations takes.
const STEPS_MAX: usize = 60;

async fn at_each_step(fault: Fault) {
    let f = Fixture::postgres().await;
    let wire = Wire::to(&f.url).await;
    let remote = MetadataStore::open(&wire.url, Ambient::system()).await.unwrap();
    for operation in Operation::ALL {
        let mut met = 0;
        for step in 1..=STEPS_MAX {
            let name = format!("{operation:?}-{step}").to_lowercase();
            let prepared = operation.prepare(&f, &name).await;
            wire.arm([(At::Step(step), fault)]);
            let result = operation.run(&f, &remote, &name, prepared).await;
            let happened = wire.is_done();
            wire.arm([]);
            let took_effect = operation.took_effect(&f, &name).await;
            operation.clear(&f).await;
            match result {
                Ok(()) => assert!(took_effect, "{fault:?} at {name}: acknowledged and not there"),
                Err(error) => {
                    let is_lost_connection = matches!(fault, Fault::CutBefore | Fault::CutAfter);
                    assert!(is_lost_connection, "{fault:?} at {name} should have been retried: {error}");
                    assert!(matches!(error, MetadataError::Unavailable(_)), "{fault:?} at {name}: {error}");
                    assert!(!took_effect, "{fault:?} at {name}: refused, and it is there");
                }
            }
            if !happened {
                break;
            }
            met = step;
        }
        assert!((3..STEPS_MAX).contains(&met), "{operation:?} was disturbed at each of its steps: {met}");
    }
    f.agrees_with_itself().await;
}

macro_rules! faults {
    ($($name:ident: $fault:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            at_each_step($fault).await;
        }
    )*};
}

faults! {
    a_serialization_failure_is_planned_again: Fault::Raised("40001");
    a_deadlock_is_planned_again: Fault::Raised("40P01");
    a_statement_of_unknown_outcome_is_planned_again: Fault::Raised("40003");
    a_commit_of_unknown_outcome_is_found_out_about: Fault::Replied("40003");
    a_connection_that_ends_before_a_step_changes_nothing: Fault::CutBefore;
    a_connection_that_ends_after_a_step_changes_nothing_but_by_commit: Fault::CutAfter;
}
