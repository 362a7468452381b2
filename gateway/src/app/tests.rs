//! Starting, stopping and being operated, with real parts in a folder of their own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::commands::Asker;
use super::data_folder::DataFolder;
use super::foundation::Foundation;
use super::house::House;
use super::root_user;
use super::sockets::Sockets;
use super::tenure::{Lease, Tenure};
use crate::admin::users::{AddUser, ListUsers, RemoveUser};
use crate::admin::{AcceptBackend, AdminError, CallError, Check, Collect, ListBackends, call};
use crate::clock::Ambient;
use crate::config::{Config, Environment, Overrides, RootCredentials, parse};

/// A place for a gateway, and its configuration.
struct Place {
    _folder: TempDir,
    config: Config,
}

impl Place {
    fn new() -> Self {
        Self::named("data")
    }

    /// With a data folder of this name in a folder of its own.
    fn named(data: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let overrides = Overrides { data: Some(folder.path().join(data)), s3_listen: Some(([127, 0, 0, 1], 0).into()) };
        let config = parse("[ops]\nlisten = \"127.0.0.1:0\"", None, &overrides, &Environment::default()).unwrap();
        Self { _folder: folder, config }
    }

    fn data(&self) -> DataFolder {
        DataFolder::make(&self.config.data).unwrap()
    }

    async fn foundation(&self) -> anyhow::Result<Foundation> {
        Foundation::lay(&self.config, self.data(), &Ambient::system()).await
    }

    async fn house(&self) -> House {
        let sockets = Sockets::bind(&self.config).unwrap();
        House::open(&self.config, self.data(), sockets, &Ambient::system(), &page()).await.unwrap()
    }

    fn asker(&self) -> Asker {
        Asker::new(self.config.clone(), Ambient::system()).unwrap()
    }

    async fn settle(&self, given: Option<&RootCredentials>) -> root_user::RootKey {
        let foundation = self.foundation().await.unwrap();
        let (key, metadata) = (foundation.cluster.key(), foundation.metadata.clone());
        let settled = root_user::settle(given, &self.data(), &metadata, &key, &Ambient::system()).await.unwrap();
        let users = metadata.users().await.unwrap();
        assert_eq!(users.len(), 1);
        assert_eq!(users[0].1, std::slice::from_ref(&settled.credentials.access_key), "no other key opens everything");
        metadata.close().await;
        settled
    }
}

/// A recorder of its own: the global one belongs to a process, not to a test.
fn page() -> metrics_exporter_prometheus::PrometheusHandle {
    metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    heard
}

#[tokio::test]
async fn a_cluster_is_founded_once() {
    let place = Place::new();
    let first = place.foundation().await.unwrap();
    first.metadata.close().await;
    assert_eq!(mode(&place.config.data.join("cluster.key")), 0o600);
    let elsewhere = Place::new();
    let error =
        Foundation::find(&elsewhere.config, elsewhere.data(), &Ambient::system()).await.expect_err("nothing is there");
    assert!(error.to_string().contains("haulout serve"), "{error}");
    assert_eq!(std::fs::read_dir(&elsewhere.config.data).unwrap().count(), 0, "looking makes nothing");
    let again = Foundation::find(&place.config, place.data(), &Ambient::system()).await.unwrap();
    assert_eq!(again.cluster.id, first.cluster.id);
    again.metadata.close().await;
}

#[tokio::test]
async fn a_key_that_is_missing_or_another_stops_the_start_and_is_left_alone() {
    let place = Place::new();
    place.foundation().await.unwrap().metadata.close().await;
    let file = place.config.data.join("cluster.key");
    let right = std::fs::read_to_string(&file).unwrap();

    std::fs::remove_file(&file).unwrap();
    let error = place.foundation().await.expect_err("no key").to_string();
    assert!(error.contains("whose key is missing") && !file.exists(), "{error}");

    let wrong = "0".repeat(64);
    std::fs::write(&file, &wrong).unwrap();
    let error = place.foundation().await.expect_err("another key").to_string();
    assert!(error.contains("is not the key of cluster"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), wrong);

    std::fs::write(&file, "not hexadecimal").unwrap();
    let error = place.foundation().await.expect_err("no key at all").to_string();
    assert!(error.contains("damaged"), "{error}");

    std::fs::write(&file, right).unwrap();
    place.foundation().await.unwrap().metadata.close().await;
}

#[tokio::test]
async fn the_root_key_is_made_once_and_replaced_by_the_environment() {
    let place = Place::new();
    let made = place.settle(None).await;
    assert!(made.fresh && made.in_file);
    assert_eq!(mode(&place.config.data.join(root_user::FILE)), 0o600);
    let again = place.settle(None).await;
    assert!(!again.fresh && again.credentials == made.credentials, "made once");

    let given = RootCredentials { access_key: "operator".into(), secret_key: "a-secret-of-my-own".to_owned().into() };
    assert!(!place.settle(Some(&given)).await.in_file);
    let other = RootCredentials { secret_key: "another-secret".to_owned().into(), ..given.clone() };
    assert_eq!(place.settle(Some(&other)).await.credentials, other, "the same key with another secret");

    std::fs::remove_file(place.config.data.join(root_user::FILE)).unwrap();
    let kept = place.settle(None).await;
    assert_eq!(kept.credentials, other, "without the environment the database knows");
    assert!(std::fs::read_to_string(place.config.data.join(root_user::FILE)).unwrap().contains("another-secret"));
}

#[tokio::test]
async fn a_gateway_opens_its_doors_and_leaves_nothing_behind() {
    let place = Place::new();
    let house = place.house().await;
    let plate = house.door_plate();
    let ready = get(plate.ops, "/health/ready").await;
    assert!(
        ready.starts_with("HTTP/1.1 200")
            && ready.ends_with("{\"ready\":true,\"reads\":true,\"writes\":true,\"reasons\":[]}"),
        "{ready}"
    );
    assert!(get(plate.ops, "/health/live").await.starts_with("HTTP/1.1 200"));
    let metrics = get(plate.ops, "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert!(get(plate.ops, "/elsewhere").await.starts_with("HTTP/1.1 404"));
    let socket = place.data().socket();
    assert_eq!(mode(&socket), 0o600);

    let s3 = plate.s3[0].0;
    house.leave(Duration::from_secs(5), std::future::pending()).await;
    assert!(tokio::net::TcpStream::connect(s3).await.is_err(), "nobody listens any more");
    assert!(!socket.exists());
    place.house().await.leave(Duration::from_secs(5), std::future::pending()).await;
}

#[tokio::test]
async fn too_few_backends_are_said_by_readiness() {
    let place = Place::new();
    place.foundation().await.unwrap().metadata.close().await;
    for (lost, status, said) in [
        (
            ["b2", "b5"],
            200,
            "\"reads\":true,\"writes\":false,\"reasons\":[\"4 failure domains take writes and 5 are needed\"]",
        ),
        (
            ["b1", "b3"],
            503,
            "\"reads\":false,\"writes\":false,\"reasons\":[\"2 failure domains answer and 4 are needed to read\"",
        ),
    ] {
        for backend in lost {
            std::fs::remove_dir_all(place.config.data.join("backends").join(backend)).unwrap();
        }
        let house = place.house().await;
        let ready = get(house.door_plate().ops, "/health/ready").await;
        assert!(ready.starts_with(&format!("HTTP/1.1 {status}")) && ready.contains(said), "{ready}");
        house.leave(Duration::from_secs(5), std::future::pending()).await;
    }
}

/// The same questions, with a gateway running and without.
async fn operate(place: &Place, suffix: &str) {
    let asker = place.asker();
    let name = format!("anna-{suffix}");
    let added = asker.ask(AddUser { name: name.clone(), credentials: None }).await.unwrap();
    assert_eq!((added.secret_key.len(), added.canonical_id.len()), (40, 64));
    let taken = asker.ask(AddUser { name: name.clone(), credentials: None }).await.err().unwrap();
    assert!(taken.to_string().contains("already a user"), "{taken}");
    let own = Some((added.access_key.clone(), "a-secret-of-my-own".to_owned()));
    let taken = asker.ask(AddUser { name: "other".into(), credentials: own }).await.err().unwrap();
    assert!(taken.to_string().contains("is taken"), "{taken}");
    let weak = Some(("weakling".to_owned(), "minioadmin".to_owned()));
    assert!(asker.ask(AddUser { name: "other".into(), credentials: weak }).await.is_err());
    assert!(asker.ask(AddUser { name: "Root".into(), credentials: None }).await.is_err());

    let users = asker.ask(ListUsers {}).await.unwrap();
    let anna = users.iter().find(|user| user.name == name).unwrap();
    assert_eq!(anna.access_keys, [added.access_key]);
    assert!(users.iter().all(|user| user.name != "other"), "what was refused left nothing behind: {users:?}");
    asker.ask(RemoveUser { name: name.clone() }).await.unwrap();
    assert!(asker.ask(RemoveUser { name }).await.is_err());
    assert!(asker.ask(RemoveUser { name: "root".into() }).await.is_err());

    assert!(asker.ask(Check { deep: true }).await.unwrap().clean());
    assert_eq!(asker.ask(Collect {}).await.unwrap().orphans_refused, None);

    let disk = place.config.data.join("backends/b3");
    std::fs::remove_dir_all(&disk).unwrap();
    std::fs::create_dir(&disk).unwrap();
    let listed = asker.ask(ListBackends {}).await.unwrap();
    let wrong: Vec<_> =
        listed.iter().filter(|backend| backend.problem.is_some()).map(|backend| &backend.name).collect();
    assert_eq!(wrong, ["b3"], "an empty disk in the old place is noticed");
    let accepted = asker.ask(AcceptBackend { name: "b3".into() }).await.unwrap();
    assert_eq!(accepted.problem, None);
    assert!(asker.ask(AcceptBackend { name: "b9".into() }).await.is_err());
}

#[tokio::test]
async fn operators_get_the_same_answers_whether_or_not_it_runs() {
    let place = Place::new();
    let house = place.house().await;
    operate(&place, "running").await;
    house.leave(Duration::from_secs(5), std::future::pending()).await;
    operate(&place, "stopped").await;
}

#[tokio::test]
async fn the_socket_says_what_kind_of_no_it_is() {
    let place = Place::new();
    let socket = place.data().socket();
    let nobody = call(&socket, &ListUsers {}).await.err().unwrap();
    assert!(matches!(nobody, CallError::NobodyThere), "{nobody}");
    let house = place.house().await;
    let refused = call(&socket, &RemoveUser { name: "nobody".into() }).await.err().unwrap();
    assert!(matches!(refused, CallError::Answered(AdminError::Refused(_))), "{refused}");
    house.leave(Duration::from_secs(5), std::future::pending()).await;
    std::fs::write(&socket, "").unwrap();
    assert!(matches!(call(&socket, &ListUsers {}).await, Err(CallError::NobodyThere)), "a file that was left behind");
}

#[tokio::test]
async fn a_deep_folder_has_a_socket_too() {
    let place = Place::named(&"deep/".repeat(40));
    let house = place.house().await;
    assert!(place.data().socket().as_os_str().len() > 108);
    assert_eq!(call(&place.data().socket(), &ListUsers {}).await.unwrap().len(), 1);
    house.leave(Duration::from_secs(5), std::future::pending()).await;
    assert!(!place.data().socket().exists());
}

#[tokio::test]
async fn commands_do_not_run_over_a_gateway_that_does_not_answer() {
    let place = Place::new();
    place.foundation().await.unwrap().metadata.close().await;
    let lock = place.data().lock().unwrap();
    let error = place.asker().ask(ListUsers {}).await.err().unwrap().to_string();
    assert!(error.contains("already serves"), "{error}");
    drop(lock);
    place.asker().ask(ListUsers {}).await.unwrap();
}

#[tokio::test]
async fn a_buried_incarnation_is_noticed() {
    let place = Place::new();
    let metadata = place.foundation().await.unwrap().metadata;
    let lease = Lease { seconds: 60, renewal: Duration::from_millis(20), retry: Duration::from_millis(20) };
    let tenure = Tenure::begin(&metadata, "one", lease, 0).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!tenure.fenced.is_cancelled());
    metadata.end_incarnation(tenure.incarnation).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), tenure.fenced.cancelled()).await.expect("noticed");
    metadata.close().await;
}

#[tokio::test]
async fn two_gateways_do_not_share_a_file_of_sqlite() {
    let place = Place::new();
    let first = place.foundation().await.unwrap();
    let error = format!("{:#}", place.foundation().await.expect_err("it is locked"));
    assert!(error.contains("another process uses this database"), "{error}");
    first.metadata.close().await;
}

/// A second key is put beside the first; after the rotation the second alone opens everything.
#[tokio::test]
async fn the_cluster_key_can_be_replaced() {
    let place = Place::new();
    let file = place.config.data.join(super::cluster_key::FILE);
    place.house().await.leave(Duration::from_secs(5), std::future::pending()).await;
    let asker = place.asker();
    let first = std::fs::read_to_string(&file).unwrap();
    let second = format!("2 {}\n", "5c".repeat(32));
    std::fs::write(&file, format!("{first}{second}")).unwrap();
    let rotated = asker.ask(crate::admin::RotateKeys { kind: crate::admin::KeyKind::Cluster }).await.unwrap();
    assert!(rotated.rewrapped > 0 && rotated.failed == 0, "{rotated:?}");
    std::fs::write(&file, &second).unwrap();
    let again = asker.ask(crate::admin::RotateKeys { kind: crate::admin::KeyKind::Cluster }).await.unwrap();
    assert_eq!((again.rewrapped, again.current, again.failed), (0, rotated.rewrapped, 0));
    std::fs::write(&file, &first).unwrap();
    let refused = asker.ask(crate::admin::RotateKeys { kind: crate::admin::KeyKind::Kms }).await;
    assert!(refused.is_err(), "the first key is not the cluster's any more");
}
