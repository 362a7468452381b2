//! What PostgreSQL and the network may do at each step of a transaction: the effect is there once, or not at all.

use crate::clock::Ambient;
use crate::metadata::MetadataStore;
use crate::metadata::buckets::bucket::{CreateBucket, NewBucket};
use crate::metadata::commit::{Batch, Change, DeleteChange, Outcome};
use crate::metadata::error::MetadataError;
use crate::metadata::tests::engine::wire::{At, Fault, Wire};
use crate::metadata::tests::fixture::{Fixture, key, whole};

/// More than any of the operations takes.
const STEPS_MAX: usize = 60;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Put,
    Replace,
    Delete,
    CreateBucket,
}

impl Operation {
    /// What it needs to be there.
    async fn prepare(self, f: &Fixture, name: &str) {
        if matches!(self, Self::Replace | Self::Delete) {
            f.put(name, 20).await;
        }
    }

    async fn run(self, f: &Fixture, remote: &MetadataStore, name: &str) -> Result<(), MetadataError> {
        let (blobs, change) = match self {
            Self::Put | Self::Replace => {
                let blob = f.blob(10, false);
                let version = f.version(name, whole(&blob));
                (vec![blob], Change::Put(f.put_change(version)))
            }
            Self::Delete => (Vec::new(), Change::Delete(DeleteChange::current(f.bucket, key(name)))),
            Self::CreateBucket => {
                let made = remote.create_bucket(NewBucket::new(f.owner, name.parse().unwrap(), "")).await?;
                assert!(matches!(made, CreateBucket::Created(_)), "it is answered as the first: {name}");
                return Ok(());
            }
        };
        let outcomes = remote.commit(f.incarnation, Batch { blobs, changes: vec![change] }).await?;
        assert!(outcomes[0] == Outcome::STORED || matches!(self, Self::Delete), "{outcomes:?}");
        Ok(())
    }

    /// Whether it took effect, read by others.
    async fn took_effect(self, f: &Fixture, name: &str) -> bool {
        let current = f.current(name).await.map(|version| version.size);
        match self {
            Self::Put => current == Some(10),
            Self::Replace => {
                assert!(matches!(current, Some(10 | 20)), "one of both is there");
                current == Some(10)
            }
            Self::Delete => current.is_none(),
            Self::CreateBucket => f.one_int(format!("SELECT COUNT(*) FROM bucket WHERE name = '{name}'")).await == 1,
        }
    }
}

async fn at_each_step(fault: Fault) {
    let f = Fixture::postgres().await;
    let wire = Wire::to(&f.url).await;
    let remote = MetadataStore::open(&wire.url, Ambient::system()).await.unwrap();
    for operation in [Operation::Put, Operation::Replace, Operation::Delete, Operation::CreateBucket] {
        let mut met = 0;
        for step in 1..=STEPS_MAX {
            let name = format!("{operation:?}-{step}").to_lowercase();
            operation.prepare(&f, &name).await;
            wire.arm([(At::Step(step), fault)]);
            let result = operation.run(&f, &remote, &name).await;
            let happened = wire.is_done();
            wire.arm([]);
            let took_effect = operation.took_effect(&f, &name).await;
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
