//! The directory store on real directories with real faults.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use codec::{BlobId, ClusterId};
use tempfile::TempDir;

use super::*;
use crate::{BackendSpec, Expect, conformance, open_bare};

const CLUSTER: ClusterId = ClusterId([1; 16]);
const MARKER: &str = "haulout-backend.json";
/// The marker is believed for two seconds when nothing else gives a reason to look.
const UNTIL_DOUBT: Duration = Duration::from_millis(2_100);

fn spec(name: &str, url: &Path) -> BackendSpec {
    let (name, url) = (name.to_owned(), url.to_str().unwrap().to_owned());
    BackendSpec { name, url, provider: None, zone: None, options: BTreeMap::new() }
}

async fn open(path: &Path, expect: Expect) -> Result<Arc<dyn SliverStore>, StoreError> {
    open_bare(&spec("east", path), CLUSTER, Path::new("/nowhere"), expect).await
}

async fn formatted() -> (TempDir, PathBuf, Arc<dyn SliverStore>) {
    let home = TempDir::new().unwrap();
    let path = home.path().join("disks/east");
    let store = open(&path, Expect::New).await.unwrap();
    (home, path, store)
}

fn name(number: u8) -> SliverName {
    SliverName { blob: BlobId([number; 16]), index: 3, attempt: 0 }
}

fn bytes(text: &'static str) -> Vec<Bytes> {
    vec![Bytes::from_static(text.as_bytes())]
}

/// Files below a directory, markers aside.
fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else if entry.file_name() != MARKER {
            found.push(entry.path());
        }
    }
    found
}

/// Every operation answers that this is the wrong backend.
async fn assert_refuses(store: &dyn SliverStore, why: &str) {
    let kinds = [
        store.put(&name(200), bytes("x")).await.map_err(|error| error.kind()).err(),
        store.create(&name(201)).await.map_err(|error| error.kind()).err(),
        store.read(&name(1), 0..1).await.map_err(|error| error.kind()).err(),
        store.len(&name(1)).await.map_err(|error| error.kind()).err(),
        store.delete(&name(1)).await.map_err(|error| error.kind()).err(),
        store.trash(&name(1)).await.map_err(|error| error.kind()).err(),
        futures::TryStreamExt::try_collect::<Vec<_>>(store.list()).await.map_err(|error| error.kind()).err(),
        store.probe().await.map_err(|error| error.kind()).err(),
        store.sweep(0).await.map_err(|error| error.kind()).err(),
    ];
    assert_eq!(kinds, [Some("wrong_backend"); 9], "{why}");
}

#[tokio::test]
async fn it_keeps_the_promises_of_a_store() {
    let (_home, path, store) = formatted().await;
    conformance::run(store).await;
    assert!(files(&path.join(".drafts")).is_empty(), "no temporary is left");
}

#[tokio::test]
async fn relative_paths_start_at_the_base() {
    let home = TempDir::new().unwrap();
    let spec = spec("east", Path::new("backends/east"));
    open_bare(&spec, CLUSTER, home.path(), Expect::New).await.unwrap();
    assert!(home.path().join("backends/east").join(MARKER).exists());
}

#[tokio::test]
async fn slivers_outlive_the_process() {
    let (_home, path, store) = formatted().await;
    store.put(&name(1), bytes("sliver")).await.unwrap();
    drop(store);
    for expect in [Expect::Formatted, Expect::New] {
        let store = open(&path, expect).await.unwrap();
        assert_eq!(store.read(&name(1), 0..6).await.unwrap(), b"sliver"[..]);
    }
}

#[tokio::test]
async fn only_an_empty_directory_is_formatted() {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("lost+found")).unwrap();
    fs::create_dir(home.path().join(".drafts")).unwrap();
    assert!(open(home.path(), Expect::New).await.is_ok(), "a fresh file system, and a format that was cut short");

    let home = TempDir::new().unwrap();
    fs::write(home.path().join("thesis.tex"), "mine").unwrap();
    assert_eq!(open(home.path(), Expect::New).await.unwrap_err().kind(), "wrong_backend");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing was added to it");

    let (_home, path, _store) = formatted().await;
    let west = open_bare(&spec("west", &path), CLUSTER, Path::new("/"), Expect::New).await;
    assert_eq!(west.unwrap_err().kind(), "wrong_backend", "another backend's directory");
    let other = open_bare(&spec("east", &path), ClusterId([2; 16]), Path::new("/"), Expect::New).await;
    assert_eq!(other.unwrap_err().kind(), "wrong_backend", "another cluster's directory");
}

#[tokio::test]
async fn a_formatted_backend_that_is_away_opens_and_waits() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("east");
    let store = open(&path, Expect::Formatted).await.unwrap();
    assert_refuses(&*store, "no directory").await;
    assert!(!path.exists(), "it is not made");
    fs::create_dir(&path).unwrap();
    assert_refuses(&*store, "an empty mount point").await;
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "nothing is written to it");
    crate::accept(&spec("east", &path), CLUSTER, Path::new("/"), 1).await.unwrap();
    assert_eq!(store.put(&name(1), bytes("sliver")).await, Ok(()), "an operator accepted the empty disk");
}

#[tokio::test]
async fn a_disk_that_goes_away_and_comes_back_at_run_time() {
    let (home, path, store) = formatted().await;
    store.put(&name(1), bytes("sliver")).await.unwrap();
    let away = home.path().join("away");

    fs::rename(&path, &away).unwrap();
    assert_refuses(&*store, "renamed away").await;
    fs::create_dir(&path).unwrap();
    assert_refuses(&*store, "unmounted").await;
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "nothing is written below the mount point");
    assert_eq!(files(&away).len(), 1, "nor to the disk that was moved");

    fs::remove_dir(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    assert_eq!(store.read(&name(1), 0..6).await.unwrap(), b"sliver"[..]);
    assert_eq!(store.put(&name(2), bytes("more")).await, Ok(()));
}

#[tokio::test]
async fn a_swapped_disk_is_refused() {
    let home = TempDir::new().unwrap();
    let (east, west) = (home.path().join("east"), home.path().join("west"));
    let store = open(&east, Expect::New).await.unwrap();
    open_bare(&spec("west", &west), CLUSTER, Path::new("/"), Expect::New).await.unwrap();
    let between = home.path().join("between");
    fs::rename(&east, &between).unwrap();
    fs::rename(&west, &east).unwrap();
    assert_refuses(&*store, "the other disk").await;
    assert!(files(&east).is_empty() && files(&between).is_empty());
}

#[tokio::test]
async fn a_backend_that_is_deleted_is_not_made_again() {
    let (_home, path, store) = formatted().await;
    store.put(&name(1), bytes("sliver")).await.unwrap();
    fs::remove_dir_all(&path).unwrap();
    assert_refuses(&*store, "removed with everything").await;
    assert!(!path.exists());
}

#[tokio::test(start_paused = true)]
async fn a_marker_that_is_lost_or_replaced_is_noticed_soon() {
    let (_home, path, store) = formatted().await;
    store.put(&name(1), bytes("sliver")).await.unwrap();
    let marker = fs::read(path.join(MARKER)).unwrap();
    fs::remove_file(path.join(MARKER)).unwrap();
    assert_eq!(store.probe().await.unwrap_err().kind(), "wrong_backend", "a probe looks at once");
    assert_refuses(&*store, "no marker").await;

    fs::write(path.join(MARKER), &marker).unwrap();
    assert!(store.probe().await.is_ok(), "it is back");
    fs::write(path.join(MARKER), "{\"format\":1,\"cluster\":\"02\",\"backend\":\"east\"}").unwrap();
    tokio::time::advance(UNTIL_DOUBT).await;
    assert_refuses(&*store, "a foreign marker, noticed without a probe").await;
}

#[tokio::test]
async fn a_disk_exchanged_while_a_sliver_is_written_gets_none_of_it() {
    let (home, path, store) = formatted().await;
    let mut writer = store.create(&name(1)).await.unwrap();
    writer.write(Bytes::from_static(b"sliver")).await.unwrap();
    fs::rename(&path, home.path().join("away")).unwrap();
    let again = open(&path, Expect::New).await.unwrap();
    assert_eq!(writer.seal().await.unwrap_err().kind(), "unavailable");
    assert_eq!(again.len(&name(1)).await, Err(StoreError::NotFound));
}

#[tokio::test]
async fn folders_that_vanish_are_made_again_and_restored_ones_are_found() {
    let (home, path, store) = formatted().await;
    store.put(&name(1), bytes("sliver")).await.unwrap();
    fs::rename(path.join("01"), home.path().join("01")).unwrap();
    fs::create_dir(path.join("01")).unwrap();
    fs::copy(home.path().join("01").join(name(1).to_string()), path.join(name(1).path())).unwrap();
    fs::remove_dir_all(home.path().join("01")).unwrap();
    assert_eq!(store.read(&name(1), 0..6).await.unwrap(), b"sliver"[..], "restored by hand");

    fs::remove_dir_all(path.join("02")).unwrap();
    fs::remove_dir_all(path.join(".drafts")).unwrap();
    assert_eq!(store.len(&name(2)).await, Err(StoreError::NotFound));
    let first = store.put(&name(2), bytes("x")).await;
    let second = store.put(&name(2), bytes("x")).await;
    assert!(first.is_ok() || second.is_ok(), "at the latest the second write heals it: {first:?}, {second:?}");
}

#[tokio::test]
async fn a_file_that_was_cut_or_replaced_is_damaged_not_short() {
    let (_home, path, store) = formatted().await;
    let whole = Bytes::from(vec![7; 3 << 20]);
    store.put(&name(1), vec![whole.clone()]).await.unwrap();
    let file = path.join(name(1).path());
    for (kept, range) in [(whole.len() - 1, 0..whole.len() as u64), (100, 90..101), (0, 0..1)] {
        fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(kept as u64).unwrap();
        let read = store.read(&name(1), range).await;
        assert_eq!(read.map_err(|error| error.kind()), Err("damaged"), "cut to {kept}");
    }
    fs::write(&file, vec![7; 200]).unwrap();
    assert_eq!(store.read(&name(1), 0..150).await.unwrap().len(), 150, "a longer one reads as far as it was asked for");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(store.read(&name(1), 0..1).await.map_err(|error| error.kind()), Err("damaged"), "a folder in its place");
}

#[tokio::test]
async fn trash_is_kept_for_its_time() {
    let (_home, path, store) = formatted().await;
    store.put(&name(1), bytes("old")).await.unwrap();
    store.put(&name(2), bytes("new")).await.unwrap();
    // Long stored, just trashed: its age counts from now.
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let touch = |path: &Path| fs::File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
    touch(&path.join(name(2).path()));
    store.trash(&name(1)).await.unwrap();
    store.trash(&name(2)).await.unwrap();
    touch(&path.join("trash").join(name(1).to_string()));
    assert_eq!(store.sweep(3600).await, Ok(1));
    assert_eq!(fs::read_dir(path.join("trash")).unwrap().count(), 1, "the one that was trashed just now");
    assert_eq!(store.sweep(0).await, Ok(1));
    assert_eq!(fs::read_dir(path.join("trash")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_sweep_spares_the_writers_that_live() {
    let (_home, path, store) = formatted().await;
    let neighbour = open(&path, Expect::Formatted).await.unwrap();
    let mut mine = store.create(&name(1)).await.unwrap();
    let mut theirs = neighbour.create(&name(2)).await.unwrap();
    mine.write(Bytes::from_static(b"mine")).await.unwrap();
    theirs.write(Bytes::from_static(b"theirs")).await.unwrap();
    assert_eq!(store.sweep(0).await, Ok(0));
    assert_eq!(neighbour.sweep(0).await, Ok(0));
    mine.seal().await.unwrap();
    theirs.seal().await.unwrap();
    assert_eq!(store.read(&name(2), 0..6).await.unwrap(), b"theirs"[..]);
}

/// Where the test below, run again as a process of its own, reads where to write and die.
const DIE_IN: &str = "HAULOUT_TEST_DIE_IN";

#[tokio::test]
async fn a_process_that_dies_leaves_only_what_is_swept() {
    if let Some(path) = std::env::var_os(DIE_IN) {
        let store = open(Path::new(&path), Expect::Formatted).await.unwrap();
        store.put(&name(1), bytes("acknowledged")).await.unwrap();
        let mut writer = store.create(&name(2)).await.unwrap();
        writer.write(Bytes::from_static(b"half")).await.unwrap();
        std::process::abort();
    }
    let (_home, path, store) = formatted().await;
    let this = "directory::tests::a_process_that_dies_leaves_only_what_is_swept";
    let mut again = Command::new(std::env::current_exe().unwrap());
    let died = again.args(["--exact", this]).env(DIE_IN, &path).output().unwrap();
    assert!(!died.status.success());
    assert_eq!(files(&path.join(".drafts")).len(), 1, "{}", String::from_utf8_lossy(&died.stdout));
    assert_eq!(store.read(&name(1), 0..12).await.unwrap(), b"acknowledged"[..]);
    assert_eq!(store.len(&name(2)).await, Err(StoreError::NotFound));
    assert_eq!(store.sweep(3600).await, Ok(1));
    assert_eq!(files(&path.join(".drafts")).len(), 0);
    assert_eq!(store.read(&name(1), 0..12).await.unwrap(), b"acknowledged"[..]);
}

#[tokio::test]
async fn a_directory_without_permission_is_down_for_writes() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_home, path, store) = formatted().await;
    store.put(&name(1), bytes("sliver")).await.unwrap();
    let modes = |mode| {
        for folder in [".drafts", "01"].into_iter().map(|folder| path.join(folder)) {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    drop(store);
    modes(0o500);
    let store = open(&path, Expect::Formatted).await.unwrap();
    let (put, delete) = (store.put(&name(2), bytes("x")).await, store.delete(&name(1)).await);
    let read = store.read(&name(1), 0..6).await;
    modes(0o700);
    // Root may do everything: there, only the reading is a test.
    if !rustix::process::geteuid().is_root() {
        assert_eq!(put.unwrap_err().kind(), "unavailable");
        assert_eq!(delete.unwrap_err().kind(), "unavailable");
    }
    if let Ok(read) = read {
        assert_eq!(read, b"sliver"[..]);
    }
}

#[tokio::test]
async fn a_full_disk_takes_no_writes_until_there_is_space() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("small");
    fs::create_dir(&path).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(&path).output();
    // Without the right to mount, a floor above all that is free stands for the full disk.
    let mounted = mount.is_ok_and(|done| done.status.success());
    let mut spec = spec("east", &path);
    spec.options.insert(crate::FREE_FLOOR.into(), if mounted { "300000" } else { "18446744073709551615" }.into());
    let store = open_bare(&spec, CLUSTER, Path::new("/"), Expect::New).await.unwrap();
    let fill = Bytes::from(vec![1; 256 << 10]);
    let mut stored = 0_u8;
    let ended = if mounted {
        loop {
            match store.put(&name(stored), vec![fill.clone()]).await {
                Ok(()) if stored < 32 => stored += 1,
                done => break done,
            }
        }
    } else {
        store.put(&name(0), vec![fill.clone()]).await.unwrap();
        stored = 1;
        store.probe().await.unwrap();
        store.put(&name(1), vec![fill.clone()]).await
    };
    let after = [
        store.put(&name(100), bytes("tiny")).await.err(),
        store.create(&name(101)).await.err(),
        store.read(&name(0), 0..fill.len() as u64).await.err(),
        store.probe().await.err(),
        store.put(&name(102), bytes("tiny")).await.err(),
        store.trash(&name(0)).await.err(),
        store.delete(&name(0)).await.err(),
        store.sweep(0).await.err(),
    ];
    if mounted && stored > 1 {
        store.delete(&name(1)).await.unwrap();
    }
    let probed = store.probe().await;
    let again = store.put(&name(103), bytes("tiny")).await;
    drop(store);
    if mounted {
        assert!(Command::new("umount").arg("-l").arg(&path).status().unwrap().success());
        assert_eq!(again, Ok(()), "a probe saw the space");
    }
    let full = Some(StoreError::Full);
    assert_eq!(ended, Err(StoreError::Full));
    assert_eq!(after, [full.clone(), full.clone(), None, None, full, None, None, None]);
    assert!(probed.unwrap().free_bytes.is_some());
}

#[tokio::test]
async fn the_old_disk_of_a_backend_that_was_replaced_is_refused_when_it_comes_back() {
    let (home, path, store) = formatted().await;
    store.put(&name(1), bytes("sliver")).await.unwrap();
    let old = home.path().join("old");
    fs::rename(&path, &old).unwrap();
    crate::accept(&spec("east", &path), CLUSTER, Path::new("/"), 2).await.unwrap();
    store.require_generation(2);
    assert_eq!(store.put(&name(2), bytes("sliver")).await, Ok(()), "the new disk");
    fs::rename(&path, home.path().join("new")).unwrap();
    fs::rename(&old, &path).unwrap();
    assert_refuses(&*store, "the old disk").await;
    assert_eq!(store.pulse().await.unwrap().generation, 1, "what stands there can still be looked at");
    crate::accept(&spec("east", &path), CLUSTER, Path::new("/"), 3).await.unwrap();
    store.require_generation(3);
    assert_eq!(store.read(&name(1), 0..6).await.unwrap(), "sliver", "accepted as it is, with what it holds");
}

#[tokio::test]
async fn many_slivers_are_stored_with_one_sync_and_each_has_its_own_answer() {
    let (_home, path, store) = formatted().await;
    store.put(&name(3), bytes("taken")).await.unwrap();
    store.put(&name(4), bytes("trash")).await.unwrap();
    store.trash(&name(4)).await.unwrap();
    let batch = DirectoryStore::new(path.clone(), crate::marker::Marker::new(CLUSTER, "east"), Some(0));
    // Few are synced one by one, more together.
    for numbers in [0..2_u8, 3..40] {
        let slivers = numbers.clone().map(|number| (name(number), Bytes::from(vec![number; 3000])));
        let stored =
            batch.put_all_new(slivers.collect(), |place| if place == 7 { Err("checked") } else { Ok(()) }).await;
        for ((place, number), stored) in numbers.enumerate().zip(stored) {
            let expected = match (place, number) {
                (7, _) => Err("checked"),
                (_, 3 | 4) => Ok(Err(StoreError::AlreadyExists)),
                _ => Ok(Ok(())),
            };
            assert_eq!(stored, expected, "{number}");
            let read = store.read(&name(number), 0..5).await;
            match (place, number) {
                (7, _) | (_, 4) => assert_eq!(read.unwrap_err(), StoreError::NotFound),
                (_, 3) => assert_eq!(read.unwrap()[..], *b"taken"),
                _ => assert_eq!(read.unwrap()[..], [number; 5]),
            }
        }
    }
    let staged = files(&path.join(".drafts"));
    assert!(staged.is_empty(), "{staged:?}");
    fs::remove_file(path.join(MARKER)).unwrap();
    let other = DirectoryStore::new(path, crate::marker::Marker::new(CLUSTER, "east"), Some(0));
    let slivers = [50, 51].map(|number| (name(number), Bytes::from_static(b"x")));
    let refused = other.put_all_new(slivers.into(), |_| Ok::<_, ()>(())).await;
    assert!(refused.iter().all(|stored| matches!(stored, Ok(Err(StoreError::WrongBackend { .. })))), "{refused:?}");
}
