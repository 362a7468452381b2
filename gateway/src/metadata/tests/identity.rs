//! Users, groups and roles inside an account: what they hold, and what keeps them.

use crate::domain::{
    CanonicalId, IamIdentity, IdentityDetails, IdentityId, IdentityKind, ManagedPolicyDetails, PinnedPrincipals, UserId,
};
use crate::metadata::identity::users::{AddUser, RemoveUser};
use crate::metadata::identity::{
    AddKey, AddPolicyVersion, AttachPolicy, CreateIdentity, CreatePolicy, DeleteIdentity, DeletePolicy,
    DeletePolicyVersion, IdentityEdit, IdentityQuery, JoinGroup, KeyOwner, NewIdentity, NewPolicy, PolicyScope,
    PutInlinePolicy, UpdateIdentity,
};
use crate::metadata::tests::fixture::{Fixture, both};

impl Fixture {
    fn new_identity(&self, kind: IdentityKind, name: &str, path: &str) -> NewIdentity {
        NewIdentity {
            account: self.owner,
            kind,
            unique_id: format!("{}{:016}", kind.id_prefix(), self.number()),
            name: name.parse().unwrap(),
            path: path.parse().unwrap(),
            details: IdentityDetails::default(),
        }
    }

    async fn make(&self, kind: IdentityKind, name: &str) -> IamIdentity {
        match self.store.create_identity(self.new_identity(kind, name, "/")).await.unwrap() {
            CreateIdentity::Created(identity) => identity,
            other => panic!("{other:?}"),
        }
    }

    async fn names(&self, kind: IdentityKind, path_prefix: &str, after: &str, limit: usize) -> Vec<String> {
        let query =
            IdentityQuery { account: self.owner, kind, path_prefix: path_prefix.into(), after: after.into(), limit };
        let identities = self.store.list_identities(&query).await.unwrap();
        identities.iter().map(|identity| identity.name.to_string()).collect()
    }

    async fn new_policy(&self, name: &str) -> String {
        let arn = format!("arn:aws:iam::{}:policy/{name}", self.owner.account_number());
        let policy = NewPolicy {
            account: self.owner,
            unique_id: format!("ANPA{:016}", self.number()),
            arn: arn.clone(),
            name: name.parse().unwrap(),
            path: "/".parse().unwrap(),
            details: ManagedPolicyDetails::default(),
            document: format!("{name} 1"),
        };
        assert!(matches!(self.store.create_policy(policy).await.unwrap(), CreatePolicy::Created(_)));
        arn
    }

    /// What applies to whoever has this key, in alphabetical order.
    async fn texts(&self, key: &str) -> Vec<String> {
        let grant = self.store.key_grant(key).await.unwrap().expect("the key");
        let mut texts: Vec<_> = grant
            .principal_policies
            .expect("a member")
            .policies
            .iter()
            .map(|text| text.chars().take(12).collect())
            .collect();
        texts.sort();
        texts
    }
}

const FULL: &str = "arn:aws:iam::aws:policy/AmazonS3FullAccess";

both! {
    async fn identity_names_are_unique(f: &Fixture) {
        let before = f.store.identity_changes();
        let bob = f.make(IdentityKind::User, "Bob").await;
        assert!(f.store.identity_changes() > before, "whoever remembers must forget");
        assert_eq!(bob.arn(), format!("arn:aws:iam::{}:user/Bob", f.owner.account_number()));
        let again = f.store.create_identity(f.new_identity(IdentityKind::User, "bob", "/x/")).await.unwrap();
        assert_eq!(again, CreateIdentity::NameTaken, "whatever the case");
        f.make(IdentityKind::Group, "bob").await;
        f.make(IdentityKind::Role, "bob").await;
        let found = f.store.identity(f.owner, IdentityKind::User, &"bOB".parse().unwrap()).await.unwrap();
        assert_eq!(found.as_ref(), Some(&bob));
        let AddUser::Added(other) = f.store.add_user("other", &CanonicalId("9".repeat(64)), false).await.unwrap() else {
            panic!("new")
        };
        assert_eq!(f.store.identity(other.id, IdentityKind::User, &bob.name).await.unwrap(), None, "another account");
        let mine = NewIdentity { account: other.id, ..f.new_identity(IdentityKind::User, "bob", "/") };
        assert!(matches!(f.store.create_identity(mine).await.unwrap(), CreateIdentity::Created(_)));
        let nowhere = NewIdentity { account: UserId(999), ..f.new_identity(IdentityKind::User, "bob", "/") };
        assert_eq!(f.store.create_identity(nowhere).await.unwrap(), CreateIdentity::NoSuchAccount);
        assert_eq!(f.store.remove_user("other").await.unwrap(), RemoveUser::Removed, "and whoever acts in it");
        assert_eq!(f.one_int("SELECT COUNT(*) FROM holder").await, 3);
    }

    async fn identities_are_listed_by_name(f: &Fixture) {
        for (name, path) in [("Ad", "/w/"), ("ac", "/x/y/"), ("Ab", "/x/"), ("aa", "/x/y/z/")] {
            f.store.create_identity(f.new_identity(IdentityKind::User, name, path)).await.unwrap();
        }
        assert_eq!(f.names(IdentityKind::User, "/", "", 9).await, ["aa", "Ab", "ac", "Ad"]);
        assert_eq!(f.names(IdentityKind::User, "/", "ab", 1).await, ["ac"]);
        assert_eq!(f.names(IdentityKind::User, "/x/y", "", 9).await, ["aa", "ac"]);
        assert_eq!(f.names(IdentityKind::User, "/x/y/z", "", 9).await, ["aa"]);
        assert_eq!(f.names(IdentityKind::Role, "/", "", 9).await, [""; 0]);
        assert_eq!(f.store.count_identities(f.owner, IdentityKind::User).await.unwrap(), 4);
    }

    async fn identities_change(f: &Fixture) {
        let (bob, eve) = (f.make(IdentityKind::User, "bob").await, f.make(IdentityKind::User, "eve").await);
        let change = async |edit| f.store.update_identity(bob.id, edit).await.unwrap();
        let moved = change(IdentityEdit::Move { name: Some("BOB".parse().unwrap()), path: Some("/a/".parse().unwrap()) });
        let UpdateIdentity::Changed(moved) = moved.await else { panic!("its own name is free") };
        assert_eq!((moved.name.as_str(), moved.path.as_str(), &moved.unique_id), ("BOB", "/a/", &bob.unique_id));
        let taken = IdentityEdit::Move { name: Some(eve.name.clone()), path: None };
        assert_eq!(change(taken).await, UpdateIdentity::NameTaken);
        let tag = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        change(IdentityEdit::Tag(tag(&[("b", "1"), ("a", "1")]), 2)).await;
        let UpdateIdentity::Changed(tagged) = change(IdentityEdit::Tag(tag(&[("B", "2")]), 2)).await else { panic!("fits") };
        assert_eq!(tagged.details.tags, tag(&[("B", "2"), ("a", "1")]));
        assert_eq!(change(IdentityEdit::Tag(tag(&[("c", "2")]), 2)).await, UpdateIdentity::TooManyTags);
        change(IdentityEdit::Untag(vec!["b".into()])).await;
        let mut trusted = PinnedPrincipals::default();
        trusted.insert(eve.arn(), eve.unique_id.clone());
        change(IdentityEdit::Trust("trust".into(), trusted.clone())).await;
        change(IdentityEdit::Describe { description: Some("d".into()), session_seconds_max: None }).await;
        change(IdentityEdit::Describe { description: None, session_seconds_max: Some(900) }).await;
        let now = f.store.identity(f.owner, IdentityKind::User, &bob.name).await.unwrap().unwrap();
        let wanted = IdentityDetails {
            tags: tag(&[("a", "1")]),
            trust: Some("trust".into()),
            trusted,
            description: Some("d".into()),
            session_seconds_max: Some(900),
        };
        assert_eq!(now.details, wanted);
        let ids = [&*bob.unique_id, &*eve.unique_id, "AIDANOBODY"].into();
        let found = f.store.identities_by_unique_ids(&ids).await.unwrap();
        assert_eq!((found.len(), found[&bob.unique_id].arn(), found[&eve.unique_id].arn()), (2, now.arn(), eve.arn()));
        assert_eq!(found[&bob.unique_id].details, IdentityDetails::default(), "they are names alone");
        let many = (0..1_000).map(|number| format!("AIDA{number}")).collect::<Vec<_>>();
        let many = many.iter().map(String::as_str).chain([&*bob.unique_id]).collect();
        assert_eq!(f.store.identities_by_unique_ids(&many).await.unwrap().len(), 1);
        let gone = f.store.update_identity(IdentityId(77), IdentityEdit::Untag(Vec::new())).await.unwrap();
        assert_eq!(gone, UpdateIdentity::NoSuchIdentity);
    }

    async fn an_identity_in_use_is_not_deleted(f: &Fixture) {
        let (user, group) = (f.make(IdentityKind::User, "u").await, f.make(IdentityKind::Group, "g").await);
        let keeps = async |id| f.store.delete_identity(id).await.unwrap();
        f.store.join_group(user.id, group.id).await.unwrap();
        assert_eq!(keeps(user.id).await, DeleteIdentity::InUse("must remove user from all groups first"));
        assert_eq!(keeps(group.id).await, DeleteIdentity::InUse("must remove users from group first"));
        assert!(f.store.leave_group(user.id, group.id).await.unwrap());
        assert!(!f.store.leave_group(user.id, group.id).await.unwrap());
        f.store.attach_policy(user.id, FULL).await.unwrap();
        assert_eq!(keeps(user.id).await, DeleteIdentity::InUse("must detach all policies first"));
        assert!(f.store.detach_policy(user.id, FULL).await.unwrap());
        assert!(!f.store.detach_policy(user.id, FULL).await.unwrap());
        f.store.put_inline_policy(user.id, "p", "text", 9).await.unwrap();
        assert_eq!(keeps(user.id).await, DeleteIdentity::InUse("must delete policies first"));
        assert!(f.store.delete_inline_policy(user.id, "p").await.unwrap());
        assert!(!f.store.delete_inline_policy(user.id, "p").await.unwrap());
        f.store.add_key(KeyOwner::User(user.id), "AK1", b"s", 2).await.unwrap();
        assert_eq!(keeps(user.id).await, DeleteIdentity::InUse("must delete access keys first"));
        assert!(f.store.delete_key(KeyOwner::User(user.id), "AK1").await.unwrap());
        assert_eq!(keeps(user.id).await, DeleteIdentity::Deleted);
        assert_eq!(keeps(user.id).await, DeleteIdentity::NoSuchIdentity);
        assert_eq!(f.store.join_group(user.id, group.id).await.unwrap(), JoinGroup::NoSuchIdentity);
        assert_eq!(f.store.put_inline_policy(user.id, "p", "t", 9).await.unwrap(), PutInlinePolicy::NoSuchIdentity);
        assert_eq!(f.store.attach_policy(user.id, FULL).await.unwrap(), AttachPolicy::NoSuchIdentity);
        assert_eq!(f.store.add_key(KeyOwner::User(user.id), "AK1", b"s", 2).await.unwrap(), AddKey::NoSuchOwner);
    }

    async fn inline_policies_weigh_together(f: &Fixture) {
        let user = f.make(IdentityKind::User, "u").await;
        let put = async |name: &str, text: &str| f.store.put_inline_policy(user.id, name, text, 10).await.unwrap();
        assert_eq!(put("b", "12345 \n").await, PutInlinePolicy::Put);
        assert_eq!(put("a", "12345").await, PutInlinePolicy::Put);
        assert_eq!(put("c", "1").await, PutInlinePolicy::TooLong);
        assert_eq!(put("b", "1").await, PutInlinePolicy::Put, "in place of the old text");
        assert_eq!(f.store.inline_policy(user.id, "b").await.unwrap().as_deref(), Some("1"));
        assert_eq!(f.store.inline_policy(user.id, "B").await.unwrap(), None);
        assert_eq!(f.store.inline_policies(user.id, "", 9).await.unwrap(), ["a", "b"]);
        assert_eq!(f.store.inline_policies(user.id, "a", 9).await.unwrap(), ["b"]);
    }

    async fn keys_are_switched_and_counted(f: &Fixture) {
        let user = f.make(IdentityKind::User, "u").await;
        for owner in [KeyOwner::User(user.id), KeyOwner::Account(f.owner)] {
            let id = |n| format!("AK{n}{}", if owner == KeyOwner::User(user.id) { "U" } else { "A" });
            let AddKey::Added(first) = f.store.add_key(owner, &id(1), b"sealed", 2).await.unwrap() else {
                panic!("new")
            };
            assert!(first.active && first.created_at.0 > 0);
            assert_eq!(f.store.add_key(owner, &id(1), b"sealed", 2).await.unwrap(), AddKey::IdTaken);
            f.store.add_key(owner, &id(2), b"sealed", 2).await.unwrap();
            assert_eq!(f.store.add_key(owner, &id(3), b"sealed", 2).await.unwrap(), AddKey::TooMany);
            assert!(f.store.set_key_active(owner, &id(2), false).await.unwrap());
            assert!(!f.store.set_key_active(owner, &id(9), false).await.unwrap());
            let keys: Vec<_> = f.store.keys(owner).await.unwrap().into_iter().map(|key| (key.id, key.active)).collect();
            assert_eq!(keys, [(id(1), true), (id(2), false)]);
            assert!(!f.store.key_grant(&id(2)).await.unwrap().expect("it is there").active);
            let used = f.store.key_use(&id(1)).await.unwrap().unwrap();
            assert_eq!((used.account, used.last), (f.owner, None));
            f.store.record_key_use(&id(1), "s3", "eu-1").await.unwrap();
            f.store.record_key_use(&id(1), "iam", "us-1").await.unwrap();
            let last = f.store.key_use(&id(1)).await.unwrap().unwrap().last.expect("used");
            assert_eq!((last.1.as_str(), last.2.as_str()), ("iam", "us-1"));
        }
        let (mine, other) = (KeyOwner::User(user.id), KeyOwner::Account(f.owner));
        assert_eq!(f.store.add_key(other, "AK1U", b"s", 9).await.unwrap(), AddKey::IdTaken, "a user has it");
        assert!(!f.store.delete_key(mine, "AK1A").await.unwrap(), "another's");
        assert_eq!(f.store.key_grant("AK1A").await.unwrap().unwrap().principal_policies, None);
        assert_eq!(f.store.key_grant("AK1U").await.unwrap().unwrap().principal_policies.unwrap().identity, user);
        assert_eq!(f.store.key_use("AK1U").await.unwrap().unwrap().user.as_deref(), Some("u"));
        assert_eq!(f.store.key_use("nobody").await.unwrap(), None);
        assert_eq!(f.store.key_grant("nobody").await.unwrap(), None);
    }

    async fn everything_that_applies_is_found(f: &Fixture) {
        let (user, group, role) = (
            f.make(IdentityKind::User, "u").await,
            f.make(IdentityKind::Group, "g").await,
            f.make(IdentityKind::Role, "r").await,
        );
        let (one, two) = (f.new_policy("one").await, f.new_policy("two").await);
        f.store.add_key(KeyOwner::User(user.id), "AK1", b"s", 2).await.unwrap();
        assert_eq!(f.texts("AK1").await, [""; 0]);
        f.store.put_inline_policy(user.id, "p", "user's", 99).await.unwrap();
        f.store.put_inline_policy(group.id, "p", "group's", 99).await.unwrap();
        f.store.put_inline_policy(role.id, "p", "role's", 99).await.unwrap();
        assert_eq!(f.store.attach_policy(user.id, &one).await.unwrap(), AttachPolicy::Attached);
        assert_eq!(f.store.attach_policy(group.id, &two).await.unwrap(), AttachPolicy::Attached);
        assert_eq!(f.store.attach_policy(group.id, FULL).await.unwrap(), AttachPolicy::Attached);
        assert_eq!(f.store.attach_policy(role.id, FULL).await.unwrap(), AttachPolicy::Attached);
        assert_eq!(f.store.attach_policy(role.id, &format!("{one}x")).await.unwrap(), AttachPolicy::NoSuchPolicy);
        assert_eq!(f.texts("AK1").await, ["one 1", "user's"]);
        f.store.join_group(user.id, group.id).await.unwrap();
        assert_eq!(f.store.join_group(user.id, group.id).await.unwrap(), JoinGroup::Joined, "again is fine");
        assert_eq!(f.texts("AK1").await, ["group's", "one 1", "two 1", "user's", "{\"Version\":\""]);
        assert_eq!(f.store.users_of_group(group.id, "", 9).await.unwrap(), std::slice::from_ref(&user));
        assert_eq!(f.store.groups_of_user(user.id, "", 9).await.unwrap(), std::slice::from_ref(&group));
        assert_eq!(f.store.groups_of_user(user.id, "g", 9).await.unwrap(), []);
        assert_eq!(f.store.attached_policies(group.id, "", 9).await.unwrap(), [two.clone(), FULL.to_owned()]);
        let (account, principal_policies, _) = f.store.role_grant(&role.unique_id).await.unwrap().expect("the role");
        assert_eq!((account.id, principal_policies.policies.len()), (f.owner, 2));
        assert_eq!(f.store.role_grant(&user.unique_id).await.unwrap(), None, "no role");
        let identities = f.store.policy_entities(f.owner, FULL).await.unwrap();
        assert_eq!(identities.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>(), ["g", "r"]);
        assert_eq!(f.store.count_attachments(f.owner, FULL).await.unwrap(), 2);
        assert_eq!(f.store.count_attachments(UserId(77), FULL).await.unwrap(), 0);
    }

    async fn accounts_have_policies(f: &Fixture) {
        let user = f.make(IdentityKind::User, "u").await;
        f.store.add_key(KeyOwner::User(user.id), "AK1", b"s", 2).await.unwrap();
        f.store.add_key(KeyOwner::Account(f.owner), "AK2", b"s", 2).await.unwrap();
        let put = async |name: &str, text: &str| f.store.put_account_policy(f.owner, name, text, 10).await.unwrap();
        assert_eq!(put("b", "12345 ").await, PutInlinePolicy::Put);
        assert_eq!(put("a", "123456").await, PutInlinePolicy::TooLong);
        assert_eq!(put("b", "1").await, PutInlinePolicy::Put);
        assert_eq!(put("a", "2").await, PutInlinePolicy::Put);
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(f.store.account_policies(f.owner).await.unwrap(), [pair("a", "2"), pair("b", "1")]);
        for key in ["AK1", "AK2"] {
            assert_eq!(f.store.key_grant(key).await.unwrap().unwrap().account_policies.len(), 2, "{key}");
        }
        let account = f.store.account(&CanonicalId("a".repeat(64))).await.unwrap().expect("the first user");
        assert_eq!(account.id, f.owner);
        assert_eq!(f.store.account(&CanonicalId("b".repeat(64))).await.unwrap(), None);
        assert!(f.store.delete_account_policy(f.owner, "a").await.unwrap());
        assert!(!f.store.delete_account_policy(f.owner, "a").await.unwrap());
        let nobody = f.store.put_account_policy(UserId(999), "a", "2", 10).await.unwrap();
        assert_eq!(nobody, PutInlinePolicy::NoSuchIdentity);
    }

    async fn managed_policies_have_versions(f: &Fixture) {
        let user = f.make(IdentityKind::User, "u").await;
        f.store.add_key(KeyOwner::User(user.id), "AK1", b"s", 2).await.unwrap();
        let arn = f.new_policy("walk").await;
        f.store.attach_policy(user.id, &arn).await.unwrap();
        let add = async |text: &str, default| f.store.add_policy_version(f.owner, &arn, text, default).await.unwrap();
        let AddPolicyVersion::Added(second) = add("walk 2", false).await else { panic!("room") };
        assert_eq!((second.number, second.is_default), (2, false));
        assert_eq!(f.texts("AK1").await, ["walk 1"]);
        assert!(f.store.set_default_policy_version(f.owner, &arn, 2).await.unwrap());
        assert!(!f.store.set_default_policy_version(f.owner, &arn, 3).await.unwrap());
        assert_eq!(f.texts("AK1").await, ["walk 2"]);
        add("walk 3", true).await;
        assert_eq!(f.texts("AK1").await, ["walk 3"]);
        add("walk 4", false).await;
        add("walk 5", false).await;
        assert_eq!(add("walk 6", false).await, AddPolicyVersion::TooMany);
        let delete = async |number| f.store.delete_policy_version(f.owner, &arn, number).await.unwrap();
        assert_eq!(delete(3).await, DeletePolicyVersion::IsDefault);
        assert_eq!(delete(5).await, DeletePolicyVersion::Deleted);
        assert_eq!(delete(5).await, DeletePolicyVersion::NoSuchVersion);
        let AddPolicyVersion::Added(next) = add("walk 6", false).await else { panic!("room") };
        assert_eq!(next.number, 6, "no number twice");
        let versions = f.store.policy_versions(f.owner, &arn).await.unwrap();
        let shown: Vec<_> = versions.iter().map(|version| (version.number, version.is_default)).collect();
        assert_eq!(shown, [(6, false), (4, false), (3, true), (2, false), (1, false)]);

        let policy = f.store.managed_policy(f.owner, &arn).await.unwrap().expect("it is there");
        assert_eq!((policy.default_version, policy.attachments), (3, 1));
        assert_eq!(f.store.managed_policy(UserId(77), &arn).await.unwrap(), None, "another account");
        f.new_policy("alone").await;
        let scope = |only_attached| PolicyScope {
            account: f.owner,
            path_prefix: "/".into(),
            only_attached,
            after: String::new(),
            limit: 9,
        };
        assert_eq!(f.store.managed_policies(&scope(false)).await.unwrap().len(), 2);
        assert_eq!(f.store.managed_policies(&scope(true)).await.unwrap().len(), 1);
        assert_eq!(f.store.delete_policy(f.owner, &arn).await.unwrap(), DeletePolicy::Attached);
        f.store.detach_policy(user.id, &arn).await.unwrap();
        assert_eq!(f.store.delete_policy(f.owner, &arn).await.unwrap(), DeletePolicy::HasVersions);
        for number in [6, 4, 2, 1] {
            assert_eq!(delete(number).await, DeletePolicyVersion::Deleted);
        }
        assert_eq!(f.store.delete_policy(f.owner, &arn).await.unwrap(), DeletePolicy::Deleted);
        assert_eq!(f.store.delete_policy(f.owner, &arn).await.unwrap(), DeletePolicy::NoSuchPolicy);
    }
}
