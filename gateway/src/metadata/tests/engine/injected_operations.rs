//! The operations that are disturbed at each of their steps: what they need, what they do, and how others see whether they did it.

use codec::BlobId;

use crate::domain::{Placement, WriteCondition};
use crate::metadata::buckets::bucket::{CreateBucket, NewBucket};
use crate::metadata::commit::{AppendChange, Batch, DeleteChange, NewBlob, Outcome, PutChange, RenameChange};
use crate::metadata::error::MetadataError;
use crate::metadata::objects::complete::{CompleteChange, CompleteOutcome};
use crate::metadata::tests::fixture::{Fixture, key, whole};
use crate::metadata::tests::objects::uploads;
use crate::metadata::{MetadataStore, SliverLocation, SliverMove};

/// The lease that is acquired.
const TASK: &str = "injected";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Put,
    Replace,
    Append,
    Rename,
    Copy,
    Delete,
    CreateBucket,
    CompleteUpload,
    MoveSliver,
    Reclaim,
    Lease,
}

impl Operation {
    pub(super) const ALL: [Self; 11] = [
        Self::Put,
        Self::Replace,
        Self::Append,
        Self::Rename,
        Self::Copy,
        Self::Delete,
        Self::CreateBucket,
        Self::CompleteUpload,
        Self::MoveSliver,
        Self::Reclaim,
        Self::Lease,
    ];

    /// Makes what it needs to be there.
    pub(super) async fn prepare(self, f: &Fixture, name: &str) -> Prepared {
        let mut blobs = Vec::new();
        let change = match self {
            Self::Put => put_of(f, name, &mut blobs).into(),
            Self::Replace => {
                f.put(name, 20).await;
                put_of(f, name, &mut blobs).into()
            }
            Self::Append => {
                f.put(name, 20).await;
                let PutChange { bucket, version, condition, events, .. } = put_of(f, name, &mut blobs);
                AppendChange { bucket, offset: 20, version, condition, events }.into()
            }
            Self::Rename => {
                let (bucket, version) = (f.bucket, f.put(name, 20).await);
                let (to, condition) = (key(&other(name)), WriteCondition::None);
                RenameChange { bucket, version, parts: Vec::new(), to, condition, events: [Vec::new(), Vec::new()] }
                    .into()
            }
            Self::Copy => {
                let source = f.put(name, 20).await;
                let copy = f.put_change(f.version(&other(name), source.extents));
                PutChange { source: Some(source.id), ..copy }.into()
            }
            Self::Delete => {
                f.put(name, 20).await;
                DeleteChange::current(f.bucket, key(name)).into()
            }
            Self::CreateBucket | Self::Lease => return Prepared::Nothing,
            Self::CompleteUpload => {
                let upload = uploads::begin(f, name).await;
                let mut parts = Vec::new();
                for (number, size) in [(1, 8), (2, 2)] {
                    parts.push(uploads::send(f, &upload, number, size).await.1);
                }
                return Prepared::Upload(uploads::completion(f, &upload, &parts));
            }
            Self::MoveSliver => return Prepared::Move(announced(f, name).await),
            Self::Reclaim => return Prepared::Dead(claimed(f, name).await),
        };
        Prepared::Changes(Batch { blobs, changes: vec![change] })
    }

    pub(super) async fn run(
        self,
        f: &Fixture,
        remote: &MetadataStore,
        name: &str,
        prepared: Prepared,
    ) -> Result<(), MetadataError> {
        match prepared {
            Prepared::Changes(batch) => {
                let outcomes = remote.commit(f.incarnation, batch).await?;
                assert!(outcomes.iter().all(Outcome::is_made), "{outcomes:?}");
            }
            Prepared::Upload(change) => {
                let outcome = remote.complete_upload(f.incarnation, change).await?;
                assert!(matches!(outcome, CompleteOutcome::Completed(_)), "{outcome:?}");
            }
            Prepared::Move(sliver) => assert!(remote.move_sliver(f.incarnation, sliver).await?, "it is moved"),
            Prepared::Dead(blob) => remote.reclaimed(&[blob]).await?,
            Prepared::Nothing if self == Self::Lease => {
                let held = remote.acquire_leased_task::<u64>(TASK, f.incarnation, 60).await?;
                assert!(held.is_some(), "nobody else has it");
            }
            Prepared::Nothing => {
                let made = remote.create_bucket(NewBucket::new(f.owner, name.parse().unwrap(), "")).await?;
                assert!(matches!(made, CreateBucket::Created(_)), "it is answered as the first: {name}");
            }
        }
        Ok(())
    }

    /// Whether it took effect, read by others. What can be seen of it is there at once or not at all.
    pub(super) async fn took_effect(self, f: &Fixture, name: &str) -> bool {
        let size = async |name: &str| f.current(name).await.map(|version| version.size);
        let current = size(name).await;
        match self {
            Self::Put | Self::CompleteUpload => current == Some(10),
            Self::Replace => {
                assert!(matches!(current, Some(10 | 20)), "one of both is there");
                current == Some(10)
            }
            Self::Append => {
                assert!(matches!(current, Some(20 | 30)), "with all that was appended, or nothing");
                current == Some(30)
            }
            Self::Rename => {
                let renamed = size(&other(name)).await;
                assert!(current.is_some() != renamed.is_some(), "it has one name");
                renamed == Some(20)
            }
            Self::Copy => size(&other(name)).await == Some(20),
            Self::Delete => current.is_none(),
            Self::CreateBucket => f.one_int(format!("SELECT COUNT(*) FROM bucket WHERE name = '{name}'")).await == 1,
            Self::MoveSliver => f.one_int("SELECT COUNT(*) FROM sliver WHERE attempt = 99").await == 1,
            Self::Reclaim => f.one_int("SELECT COUNT(*) FROM reclaim WHERE claimed_until > 0").await == 0,
            Self::Lease => f.one_int(format!("SELECT COUNT(*) FROM errand WHERE name = '{TASK}'")).await == 1,
        }
    }

    /// Takes away what would be seen of it the next time.
    pub(super) async fn clear(self, f: &Fixture) {
        match self {
            Self::MoveSliver => f.meddle("UPDATE sliver SET attempt = 98 WHERE attempt = 99").await,
            Self::Reclaim => f.meddle("UPDATE reclaim SET claimed_until = 0, not_before = 4000000000000000").await,
            Self::Lease => f.meddle(format!("DELETE FROM errand WHERE name = '{TASK}'")).await,
            _ => {}
        }
    }
}

/// What an operation needs.
#[expect(clippy::large_enum_variant, reason = "there are a few of them, in tests")]
pub(super) enum Prepared {
    Nothing,
    Changes(Batch),
    Upload(CompleteChange),
    Move(SliverMove),
    Dead(BlobId),
}

fn other(name: &str) -> String {
    format!("{name}-other")
}

/// A write of ten bytes in a blob of its own.
fn put_of(f: &Fixture, name: &str, blobs: &mut Vec<NewBlob>) -> PutChange {
    let blob = f.blob(10, false);
    let change = f.put_change(f.version(name, whole(&blob)));
    blobs.push(blob);
    change
}

/// A sliver of a new object that is about to be moved.
async fn announced(f: &Fixture, name: &str) -> SliverMove {
    let id = f.put(name, 20).await.extents[0].blob;
    let blob = f.store.blob_of_rows(&id).await.unwrap().unwrap();
    let from = blob.placements[0].clone();
    let to = Placement { attempt: 99, backend: "b6".parse().unwrap(), ..from.clone() };
    let place = SliverLocation { blob: id, index: to.index, attempt: to.attempt, backend: to.backend.clone() };
    let stamp = f.store.announce_slivers(f.incarnation, vec![place]).await.unwrap();
    SliverMove { blob: id, from: Some(from), to, stamp, discard: true, bytes: 20 }
}

/// A dead blob that was claimed to be deleted.
async fn claimed(f: &Fixture, name: &str) -> BlobId {
    let id = f.put(name, 20).await.extents[0].blob;
    f.delete(name).await;
    let dead = f.store.claim_dead(vec![id]).await.unwrap();
    assert_eq!(dead.len(), 1);
    id
}
