//! What is believed about keys and sessions, and when it ends.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::clock::{Clock, SystemEntropy};
use crate::domain::{IdentityDetails, IdentityKind};
use crate::metadata::{AddUser, CreateIdentity, KeyOwner, NewIdentity};
use crate::tests::wait_until;

#[derive(Debug)]
struct Dial(AtomicI64);

impl Clock for Dial {
    fn now(&self) -> Timestamp {
        Timestamp::default().plus_seconds(self.0.load(Ordering::Relaxed))
    }
}

struct Fixture {
    keys: Keys,
    metadata: MetadataStore,
    clock: Arc<Dial>,
    account: User,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("meta.db").display());
        let metadata = MetadataStore::open(&url, Ambient::system()).await.unwrap();
        let canonical = credentials::canonical_id(&SystemEntropy);
        let AddUser::Added(account) = metadata.add_user("anna", &canonical, false).await.unwrap() else {
            panic!("the first user")
        };
        let clock = Arc::new(Dial(AtomicI64::new(1_000_000)));
        let ambient = Ambient { clock: clock.clone(), entropy: Arc::new(SystemEntropy) };
        let keys = Keys::new(metadata.clone(), ClusterKey::new(1, [7; 32]), ambient);
        Self { keys, metadata, clock, account, _folder: folder }
    }

    async fn identity(&self, kind: IdentityKind, name: &str) -> crate::domain::IamIdentity {
        let new = NewIdentity {
            account: self.account.id,
            kind,
            unique_id: format!("{}{name}", kind.id_prefix()),
            name: name.parse().unwrap(),
            path: "/".parse().unwrap(),
            details: IdentityDetails::default(),
        };
        match self.metadata.create_identity(new).await.unwrap() {
            CreateIdentity::Created(identity) => identity,
            other => panic!("{other:?}"),
        }
    }

    /// A user with a key.
    async fn user(&self, name: &str) -> (KeyOwner, NewKey) {
        let (owner, key) = (KeyOwner::User(self.identity(IdentityKind::User, name).await.id), self.keys.draw());
        self.metadata.add_key(owner, &key.id, &key.sealed_secret, 2).await.unwrap();
        (owner, key)
    }

    async fn begin(&self, issuer: &str, role: Option<(&str, &str)>, policy: Option<&str>) -> TemporaryKey {
        let role = role.map(|(id, name)| (id.to_owned(), name.to_owned()));
        let policy = policy.map(str::to_owned);
        let issuer = self.keys.access_key(issuer).await.unwrap().expect("it is there");
        self.keys.draw_temporary(&issuer, &NewSession { role, policy, seconds: 900 })
    }

    async fn session(&self, key: &TemporaryKey) -> Result<Option<Arc<Caller>>, KeyError> {
        self.keys.temporary_key(&key.id, &key.token).await
    }
}

const READ: &str = r#"{"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;

#[tokio::test]
async fn a_change_counts_at_once() {
    let fixture = Fixture::new().await;
    let (owner, key) = fixture.user("bob").await;
    let found = fixture.keys.access_key(&key.id).await.unwrap().expect("it is there");
    assert_eq!(*found.secret, *key.secret);
    assert!(!found.is_account() && found.principal().policies.is_empty());
    let KeyOwner::User(bob) = owner else { panic!("a user") };
    fixture.metadata.put_inline_policy(bob, "read", READ, 2_048).await.unwrap();
    let found = fixture.keys.access_key(&key.id).await.unwrap().expect("it is there");
    assert_eq!(found.principal().policies.len(), 1);
    fixture.metadata.set_key_active(owner, &key.id, false).await.unwrap();
    assert!(fixture.keys.access_key(&key.id).await.unwrap().is_none());
    fixture.metadata.set_key_active(owner, &key.id, true).await.unwrap();
    assert!(fixture.keys.access_key(&key.id).await.unwrap().is_some());
    fixture.metadata.delete_key(owner, &key.id).await.unwrap();
    assert!(fixture.keys.access_key(&key.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_ends_with_its_time() {
    let fixture = Fixture::new().await;
    let (_, key) = fixture.user("bob").await;
    let session = fixture.begin(&key.id, None, None).await;
    for _ in 0..2 {
        let caller = fixture.session(&session).await.unwrap().expect("it has begun");
        assert_eq!((caller.arn(), &*caller.secret), (format!("{}bob", arn(&fixture, "user/")), &*session.secret));
    }
    fixture.clock.0.fetch_add(899, Ordering::Relaxed);
    assert!(fixture.session(&session).await.unwrap().is_some());
    fixture.clock.0.fetch_add(1, Ordering::Relaxed);
    assert!(matches!(fixture.session(&session).await, Err(KeyError::Expired)));
    let other = TemporaryKey { id: "ASIAOTHER".to_owned(), ..session };
    assert!(matches!(fixture.session(&other).await, Err(KeyError::Forged)));
}

fn arn(fixture: &Fixture, kind: &str) -> String {
    format!("arn:aws:iam::{}:{kind}", fixture.account.id.account_number())
}

#[tokio::test]
async fn a_session_ends_with_the_key_behind_it() {
    let fixture = Fixture::new().await;
    let (owner, key) = fixture.user("bob").await;
    let role = fixture.identity(IdentityKind::Role, "reader").await;
    let own = fixture.begin(&key.id, None, None).await;
    let other = fixture.begin(&key.id, Some((&role.unique_id, "monday")), Some(READ)).await;
    let caller = fixture.session(&other).await.unwrap().expect("it has begun");
    let number = fixture.account.id.account_number();
    assert_eq!(caller.arn(), format!("arn:aws:sts::{number}:assumed-role/reader/monday"));
    assert_eq!((caller.principal().session_policies.len(), caller.user.id), (1, fixture.account.id));
    assert_eq!(caller.session.as_ref().unwrap().issuer, key.id);
    fixture.metadata.set_key_active(owner, &key.id, false).await.unwrap();
    for session in [&own, &other] {
        assert!(fixture.session(session).await.unwrap().is_none(), "its key was switched off");
    }
    fixture.metadata.set_key_active(owner, &key.id, true).await.unwrap();
    for session in [&own, &other] {
        assert!(fixture.session(session).await.unwrap().is_some());
    }
    fixture.metadata.delete_identity(role.id).await.unwrap();
    assert!(fixture.session(&other).await.unwrap().is_none(), "the role is gone");
    fixture.identity(IdentityKind::Role, "Reader2").await;
    assert!(fixture.session(&own).await.unwrap().is_some());
    fixture.metadata.delete_key(owner, &key.id).await.unwrap();
    assert!(fixture.session(&own).await.unwrap().is_none(), "its key is gone");
}

#[tokio::test]
async fn the_last_use_is_written_down() {
    let fixture = Fixture::new().await;
    let (_, key) = fixture.user("bob").await;
    let caller = fixture.keys.access_key(&key.id).await.unwrap().unwrap();
    fixture.keys.used(&caller, "s3", "eu-1");
    let (_, service, region) =
        wait_until("the use is recorded", async || fixture.metadata.key_use(&key.id).await.unwrap().unwrap().last)
            .await;
    assert_eq!((service.as_str(), region.as_str()), ("s3", "eu-1"));
}

/// The root user's key may get another secret under the id it has.
#[tokio::test]
async fn a_session_ends_when_the_key_behind_it_gets_another_secret() {
    let fixture = Fixture::new().await;
    let (owner, key) = fixture.user("bob").await;
    let role = fixture.identity(IdentityKind::Role, "reader").await;
    let session = fixture.begin(&key.id, None, None).await;
    let caller = fixture.session(&session).await.unwrap().expect("it has begun");
    let role = Some((role.unique_id, "monday".to_owned()));
    let chained = fixture.keys.draw_temporary(&caller, &NewSession { role, policy: None, seconds: 900 });
    assert!(fixture.session(&chained).await.unwrap().is_some());
    fixture.metadata.delete_key(owner, &key.id).await.unwrap();
    let sealed = seal_secret(&ClusterKey::new(1, [7; 32]), &key.id, "another-secret", &Ambient::system());
    fixture.metadata.add_key(owner, &key.id, &sealed, 2).await.unwrap();
    assert!(fixture.keys.access_key(&key.id).await.unwrap().is_some());
    for session in [&session, &chained] {
        assert!(fixture.session(session).await.unwrap().is_none(), "its key has another secret");
    }
}
