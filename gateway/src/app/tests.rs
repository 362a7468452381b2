//! Starting, stopping and being operated, with real parts in a folder of their own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::admin::users::{AddUser, ListUsers, RemoveUser};
use crate::admin::{AcceptBackend, AdminError, CallError, Check, Collect, ListBackends, call};
use crate::app::commands::OperationRunner;
use crate::app::incarnation_lease::{IncarnationLease, LeaseTiming};
use crate::app::server::Server;
use crate::app::startup::components::Components;
use crate::app::startup::data_folder::DataFolder;
use crate::app::startup::root_user;
use crate::app::startup::sockets::Sockets;
use crate::clock::Ambient;
use crate::config::{Config, Environment, Overrides, RootCredentials, parse};
use crate::tests::wait_until;

/// A place for a gateway, and its configuration.
struct TestSetup {
    _folder: TempDir,
    config: Config,
}

impl TestSetup {
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

    async fn components(&self) -> anyhow::Result<Components> {
        Components::open_or_create(&self.config, self.data(), &Ambient::system()).await
    }

    async fn server(&self) -> Server {
        let sockets = Sockets::bind(&self.config).unwrap();
        Server::open(&self.config, self.data(), sockets, &Ambient::system(), &page()).await.unwrap()
    }

    fn runner(&self) -> OperationRunner {
        OperationRunner::new(self.config.clone(), Ambient::system()).unwrap()
    }

    async fn ensure_root_key(&self, given: Option<&RootCredentials>) -> root_user::RootKey {
        let components = self.components().await.unwrap();
        let (key, metadata) = (components.cluster.key(), components.metadata.clone());
        let root_key =
            root_user::ensure_root_key(given, &self.data(), &metadata, &key, &Ambient::system()).await.unwrap();
        let users = metadata.users().await.unwrap();
        assert_eq!(users.len(), 1);
        assert_eq!(users[0].1, std::slice::from_ref(&root_key.credentials.access_key), "no other key opens everything");
        metadata.close().await;
        root_key
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
async fn a_cluster_is_created_once() {
    let setup = TestSetup::new();
    let first = setup.components().await.unwrap();
    first.metadata.close().await;
    assert_eq!(mode(&setup.config.data.join("cluster.key")), 0o600);
    let elsewhere = TestSetup::new();
    let error =
        Components::find(&elsewhere.config, elsewhere.data(), &Ambient::system()).await.expect_err("nothing is there");
    assert!(error.to_string().contains("haulout serve"), "{error}");
    assert_eq!(std::fs::read_dir(&elsewhere.config.data).unwrap().count(), 0, "looking makes nothing");
    let again = Components::find(&setup.config, setup.data(), &Ambient::system()).await.unwrap();
    assert_eq!(again.cluster.id, first.cluster.id);
    again.metadata.close().await;
}

#[tokio::test]
async fn a_key_that_is_missing_or_another_stops_the_start_and_is_left_alone() {
    let setup = TestSetup::new();
    setup.components().await.unwrap().metadata.close().await;
    let file = setup.config.data.join("cluster.key");
    let right = std::fs::read_to_string(&file).unwrap();

    std::fs::remove_file(&file).unwrap();
    let error = setup.components().await.expect_err("no key").to_string();
    assert!(error.contains("whose key is missing") && !file.exists(), "{error}");

    let wrong = "0".repeat(64);
    std::fs::write(&file, &wrong).unwrap();
    let error = setup.components().await.expect_err("another key").to_string();
    assert!(error.contains("is not the key of cluster"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), wrong);

    std::fs::write(&file, "not hexadecimal").unwrap();
    let error = setup.components().await.expect_err("no key at all").to_string();
    assert!(error.contains("damaged"), "{error}");

    std::fs::write(&file, right).unwrap();
    setup.components().await.unwrap().metadata.close().await;
}

#[tokio::test]
async fn the_root_key_is_made_once_and_replaced_by_the_environment() {
    let setup = TestSetup::new();
    let made = setup.ensure_root_key(None).await;
    assert!(made.fresh && made.in_file);
    assert_eq!(mode(&setup.config.data.join(root_user::FILE)), 0o600);
    let again = setup.ensure_root_key(None).await;
    assert!(!again.fresh && again.credentials == made.credentials, "made once");

    let given = RootCredentials { access_key: "operator".into(), secret_key: "a-secret-of-my-own".to_owned().into() };
    assert!(!setup.ensure_root_key(Some(&given)).await.in_file);
    let other = RootCredentials { secret_key: "another-secret".to_owned().into(), ..given.clone() };
    assert_eq!(setup.ensure_root_key(Some(&other)).await.credentials, other, "the same key with another secret");

    std::fs::remove_file(setup.config.data.join(root_user::FILE)).unwrap();
    let kept = setup.ensure_root_key(None).await;
    assert_eq!(kept.credentials, other, "without the environment the database knows");
    assert!(std::fs::read_to_string(setup.config.data.join(root_user::FILE)).unwrap().contains("another-secret"));
}

#[tokio::test]
async fn a_gateway_starts_and_shuts_down_cleanly() {
    let setup = TestSetup::new();
    let server = setup.server().await;
    let info = server.startup_info();
    let ready = get(info.ops, "/health/ready").await;
    assert!(
        ready.starts_with("HTTP/1.1 200")
            && ready.ends_with("{\"ready\":true,\"reads\":true,\"writes\":true,\"reasons\":[]}"),
        "{ready}"
    );
    assert!(get(info.ops, "/health/live").await.starts_with("HTTP/1.1 200"));
    let metrics = get(info.ops, "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert!(get(info.ops, "/elsewhere").await.starts_with("HTTP/1.1 404"));
    let socket = setup.data().socket();
    assert_eq!(mode(&socket), 0o600);

    let s3 = info.s3[0].0;
    server.shut_down(Duration::from_secs(5), std::future::pending()).await;
    assert!(tokio::net::TcpStream::connect(s3).await.is_err(), "nobody listens any more");
    assert!(!socket.exists());
    setup.server().await.shut_down(Duration::from_secs(5), std::future::pending()).await;
}

#[tokio::test]
async fn too_few_backends_are_said_by_readiness() {
    let setup = TestSetup::new();
    setup.components().await.unwrap().metadata.close().await;
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
            std::fs::remove_dir_all(setup.config.data.join("backends").join(backend)).unwrap();
        }
        let server = setup.server().await;
        let ready = get(server.startup_info().ops, "/health/ready").await;
        assert!(ready.starts_with(&format!("HTTP/1.1 {status}")) && ready.contains(said), "{ready}");
        server.shut_down(Duration::from_secs(5), std::future::pending()).await;
    }
}

/// The same questions, with a gateway running and without.
async fn operate(setup: &TestSetup, suffix: &str) {
    let runner = setup.runner();
    let name = format!("anna-{suffix}");
    let added = runner.run(AddUser { name: name.clone(), credentials: None }).await.unwrap();
    assert_eq!((added.secret_key.len(), added.canonical_id.len()), (40, 64));
    let taken = runner.run(AddUser { name: name.clone(), credentials: None }).await.err().unwrap();
    assert!(taken.to_string().contains("already a user"), "{taken}");
    let own = Some((added.access_key.clone(), "a-secret-of-my-own".to_owned()));
    let taken = runner.run(AddUser { name: "other".into(), credentials: own }).await.err().unwrap();
    assert!(taken.to_string().contains("is taken"), "{taken}");
    let weak = Some(("weakling".to_owned(), "minioadmin".to_owned()));
    assert!(runner.run(AddUser { name: "other".into(), credentials: weak }).await.is_err());
    assert!(runner.run(AddUser { name: "Root".into(), credentials: None }).await.is_err());

    let users = runner.run(ListUsers {}).await.unwrap();
    let anna = users.iter().find(|user| user.name == name).unwrap();
    assert_eq!(anna.access_keys, [added.access_key]);
    assert!(users.iter().all(|user| user.name != "other"), "what was refused left nothing behind: {users:?}");
    runner.run(RemoveUser { name: name.clone() }).await.unwrap();
    assert!(runner.run(RemoveUser { name }).await.is_err());
    assert!(runner.run(RemoveUser { name: "root".into() }).await.is_err());

    let report = runner.run(Check { deep: true, repair: false }).await.unwrap();
    assert!(report.clean(), "{report:?}");
    assert_eq!(runner.run(Collect { orphans: 0 }).await.unwrap().orphans_refused, None);

    let disk = setup.config.data.join("backends/b3");
    std::fs::remove_dir_all(&disk).unwrap();
    std::fs::create_dir(&disk).unwrap();
    let listed = runner.run(ListBackends {}).await.unwrap();
    let wrong: Vec<_> =
        listed.iter().filter(|backend| backend.problem.is_some()).map(|backend| &backend.name).collect();
    assert_eq!(wrong, ["b3"], "an empty disk in the old place is noticed");
    let accepted = runner.run(AcceptBackend { name: "b3".into() }).await.unwrap();
    assert_eq!(accepted.problem, None);
    assert!(runner.run(AcceptBackend { name: "b9".into() }).await.is_err());
}

#[tokio::test]
async fn operators_get_the_same_answers_whether_or_not_it_runs() {
    let setup = TestSetup::new();
    let server = setup.server().await;
    operate(&setup, "running").await;
    server.shut_down(Duration::from_secs(5), std::future::pending()).await;
    // Another, whose disks are all there.
    let setup = TestSetup::new();
    setup.server().await.shut_down(Duration::from_secs(5), std::future::pending()).await;
    operate(&setup, "stopped").await;
}

#[tokio::test]
async fn the_socket_says_what_kind_of_no_it_is() {
    let setup = TestSetup::new();
    let socket = setup.data().socket();
    let nobody = call(&socket, &ListUsers {}).await.err().unwrap();
    assert!(matches!(nobody, CallError::NobodyThere), "{nobody}");
    let server = setup.server().await;
    let refused = call(&socket, &RemoveUser { name: "nobody".into() }).await.err().unwrap();
    assert!(matches!(refused, CallError::Answered(AdminError::Refused(_))), "{refused}");
    server.shut_down(Duration::from_secs(5), std::future::pending()).await;
    std::fs::write(&socket, "").unwrap();
    assert!(matches!(call(&socket, &ListUsers {}).await, Err(CallError::NobodyThere)), "a file that was left behind");
}

#[tokio::test]
async fn a_deep_folder_has_a_socket_too() {
    let setup = TestSetup::named(&"deep/".repeat(40));
    let server = setup.server().await;
    assert!(setup.data().socket().as_os_str().len() > 108);
    assert_eq!(call(&setup.data().socket(), &ListUsers {}).await.unwrap().len(), 1);
    server.shut_down(Duration::from_secs(5), std::future::pending()).await;
    assert!(!setup.data().socket().exists());
}

#[tokio::test]
async fn commands_do_not_run_over_a_gateway_that_does_not_answer() {
    let setup = TestSetup::new();
    setup.components().await.unwrap().metadata.close().await;
    let lock = setup.data().lock().unwrap();
    let error = setup.runner().run(ListUsers {}).await.err().unwrap().to_string();
    assert!(error.contains("already serves"), "{error}");
    drop(lock);
    setup.runner().run(ListUsers {}).await.unwrap();
}

#[tokio::test]
async fn a_dead_incarnation_is_noticed() {
    let setup = TestSetup::new();
    let metadata = setup.components().await.unwrap().metadata;
    let lease = LeaseTiming { seconds: 60, renewal: Duration::from_millis(20), retry: Duration::from_millis(20) };
    let incarnation_lease = IncarnationLease::begin(&metadata, "one", lease, 0).await.unwrap();
    for _ in 0..2 {
        let before = metadata.lease_until(incarnation_lease.incarnation).await;
        wait_until("the lease is renewed", async || {
            (metadata.lease_until(incarnation_lease.incarnation).await > before).then_some(())
        })
        .await;
    }
    assert!(!incarnation_lease.fenced.is_cancelled());
    metadata.end_incarnation(incarnation_lease.incarnation).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), incarnation_lease.fenced.cancelled()).await.expect("noticed");
    metadata.close().await;
}

#[tokio::test]
async fn two_gateways_do_not_share_a_file_of_sqlite() {
    let setup = TestSetup::new();
    let first = setup.components().await.unwrap();
    let error = format!("{:#}", setup.components().await.expect_err("it is locked"));
    assert!(error.contains("another process uses this database"), "{error}");
    first.metadata.close().await;
}

/// A second key is put beside the first; after the rotation the second alone opens everything.
#[tokio::test]
async fn the_cluster_key_can_be_replaced() {
    let setup = TestSetup::new();
    let file = setup.config.data.join(crate::app::startup::cluster_key::FILE);
    setup.server().await.shut_down(Duration::from_secs(5), std::future::pending()).await;
    let runner = setup.runner();
    let first = std::fs::read_to_string(&file).unwrap();
    let second = format!("2 {}\n", "5c".repeat(32));
    std::fs::write(&file, format!("{first}{second}")).unwrap();
    let rotated = runner.run(crate::admin::RotateKeys { kind: crate::admin::KeyKind::Cluster }).await.unwrap();
    assert!(rotated.rewrapped > 0 && rotated.failed == 0, "{rotated:?}");
    std::fs::write(&file, &second).unwrap();
    let again = runner.run(crate::admin::RotateKeys { kind: crate::admin::KeyKind::Cluster }).await.unwrap();
    assert_eq!((again.rewrapped, again.failed), (0, 0), "the journal too is under the new key");
    assert!(again.current >= rotated.rewrapped, "{again:?}");
    std::fs::write(&file, &first).unwrap();
    let refused = runner.run(crate::admin::RotateKeys { kind: crate::admin::KeyKind::Kms }).await;
    assert!(refused.is_err(), "the first key is not the cluster's any more");
}
