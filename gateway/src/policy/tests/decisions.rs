//! The decision as a whole, as tables.

use std::sync::Arc;

use crate::domain::{AccessList, Grant, Grantee, Ownership, Right, UserId};
use crate::policy::bucket_policy::BucketPolicy;
use crate::policy::decision::decide::{BucketRules, Decision, ObjectRules, decide};
use crate::policy::decision::evaluate::AuthorizationRequest;
use crate::policy::decision::principal::Principal;
use crate::policy::document::policy_document::Document;
use crate::policy::public_access::PublicAccessBlock;
use crate::policy::tests::world::{account, session, user};

const ALL: &str = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
const READ: &str = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;
const NO_READ: &str = r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}"#;

fn document(statement: &str) -> Arc<Document> {
    Arc::new(Document::parse(&format!(r#"{{"Statement":{statement}}}"#), 20_480).expect(statement))
}

fn policy(effect: &str, principal: &str, action: &str) -> BucketPolicy {
    let text = format!(
        r#"{{"Statement":{{"Effect":"{effect}","Principal":{principal},"Action":"{action}",
           "Resource":["arn:aws:s3:::photos","arn:aws:s3:::photos/*"]}}}}"#
    );
    BucketPolicy::parse(&text, "photos", false).expect("a policy")
}

fn private_bucket() -> BucketRules<'static> {
    let (ownership, block) = (Ownership::BucketOwnerEnforced, PublicAccessBlock::default());
    BucketRules { owner: UserId(1), policy: None, list: None, ownership, block }
}

fn ask(caller: Option<&Principal>, action: &str, bucket: &BucketRules<'_>, object: Option<&ObjectRules<'_>>) -> bool {
    let resource = if action.contains("Bucket") { "arn:aws:s3:::photos" } else { "arn:aws:s3:::photos/a" };
    let request = AuthorizationRequest { caller, action, resource, keys: &|_| None };
    let allowed = decide(&request, Some(bucket), object) == Decision::Allow;
    assert!(!allowed || bucket.might_allow(caller, action), "refused before it was asked: {action} {caller:?}");
    allowed
}

fn grant(to: Grantee, right: Right) -> AccessList {
    AccessList { grants: vec![Grant { to, right }] }
}

fn with(policies: &[&str], who: Principal) -> Principal {
    Principal { policies: policies.iter().map(|statement| document(statement)).collect(), ..who }
}

#[test]
fn a_private_bucket_is_its_owners() {
    let bucket = private_bucket();
    let operator = Principal { operator: true, ..account(9) };
    for (caller, allowed) in [
        (None, false),
        (Some(account(1)), true),
        (Some(account(2)), false),
        (Some(operator), true),
        (Some(user(1, "eve")), false),
        (Some(with(&[READ], user(1, "eve"))), true),
        (Some(with(&[ALL, NO_READ], user(1, "eve"))), false),
        (Some(with(&[ALL], user(2, "eve"))), false),
        (Some(with(&[ALL], session(1, "r"))), true),
        (Some(with(&[NO_READ], account(1))), false),
    ] {
        assert_eq!(ask(caller.as_ref(), "s3:GetObject", &bucket, None), allowed, "{caller:?}");
    }
}

#[test]
fn boundaries_and_sessions_take_away_and_never_give() {
    let bucket = private_bucket();
    let eve = || user(1, "eve");
    for (caller, read, write) in [
        (Principal { boundary: Some(document(READ)), ..with(&[ALL], eve()) }, true, false),
        (Principal { boundary: Some(document(ALL)), ..eve() }, false, false),
        (Principal { session_policies: vec![document(READ)], ..with(&[ALL], eve()) }, true, false),
        (Principal { session_policies: vec![document(ALL), document(READ)], ..account(1) }, true, false),
        (Principal { session_policies: vec![document(NO_READ)], ..account(1) }, false, false),
    ] {
        assert_eq!(ask(Some(&caller), "s3:GetObject", &bucket, None), read, "{caller:?}");
        assert_eq!(ask(Some(&caller), "s3:PutObject", &bucket, None), write, "{caller:?}");
    }
    let open = policy("Allow", "\"*\"", "s3:*");
    let bucket = BucketRules { policy: Some(&open), ..private_bucket() };
    let narrow = Principal { session_policies: vec![document(READ)], ..eve() };
    assert!(ask(Some(&narrow), "s3:GetObject", &bucket, None));
    assert!(!ask(Some(&narrow), "s3:PutObject", &bucket, None), "a session policy limits what the bucket gives, too");
}

#[test]
fn a_bucket_policy_lets_others_in_and_shuts_anybody_out() {
    let named = r#"{"AWS":["000000000002","arn:aws:iam::000000000003:user/eve"]}"#;
    let table: [(&str, &str, Option<Principal>, bool); 12] = [
        ("Allow", "\"*\"", None, true),
        ("Allow", "\"*\"", Some(account(2)), true),
        ("Allow", "\"*\"", Some(user(1, "eve")), true),
        // Across accounts, the user's own account has to agree.
        ("Allow", "\"*\"", Some(user(2, "eve")), false),
        ("Allow", "\"*\"", Some(with(&[READ], user(2, "eve"))), true),
        ("Allow", named, None, false),
        ("Allow", named, Some(account(2)), true),
        ("Allow", named, Some(account(3)), false),
        ("Allow", named, Some(with(&[READ], user(2, "carl"))), true),
        ("Allow", r#"{"AWS":"000000000001"}"#, Some(user(1, "eve")), false),
        ("Deny", "\"*\"", Some(account(1)), false),
        ("Deny", r#"{"AWS":"000000000002"}"#, Some(account(1)), true),
    ];
    for (effect, principal, caller, allowed) in table {
        let policy = policy(effect, principal, "s3:GetObject");
        let bucket = BucketRules { policy: Some(&policy), ..private_bucket() };
        assert_eq!(ask(caller.as_ref(), "s3:GetObject", &bucket, None), allowed, "{effect} {principal} {caller:?}");
    }
}

#[test]
fn the_owner_keeps_the_policy() {
    let text = r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::photos","arn:aws:s3:::photos/*"]}}"#;
    for binds_owner in [false, true] {
        let policy = BucketPolicy::parse(text, "photos", binds_owner).expect("a policy");
        let bucket = BucketRules { policy: Some(&policy), ..private_bucket() };
        for action in ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"] {
            assert_eq!(ask(Some(&account(1)), action, &bucket, None), !binds_owner, "{action}");
            assert!(!ask(Some(&with(&[ALL], user(1, "eve"))), action, &bucket, None), "{action}");
        }
        assert!(!ask(Some(&account(1)), "s3:ListBucket", &bucket, None));
        assert!(ask(Some(&Principal { operator: true, ..account(9) }), "s3:GetBucketPolicy", &bucket, None));
    }
}

#[test]
fn a_policy_gives_itself_to_nobody_outside_the_account() {
    let open = policy("Allow", "\"*\"", "s3:*");
    let bucket = BucketRules { policy: Some(&open), ..private_bucket() };
    for action in ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"] {
        let other_account_user = with(&[ALL], user(2, "eve"));
        for (caller, allowed) in
            [(None, false), (Some(account(2)), false), (Some(other_account_user), false), (Some(user(1, "eve")), true)]
        {
            assert_eq!(ask(caller.as_ref(), action, &bucket, None), allowed, "{action} {caller:?}");
        }
        let decision = |caller: Option<&Principal>, bucket: &BucketRules<'_>| {
            let request = AuthorizationRequest { caller, action, resource: "arn:aws:s3:::photos", keys: &|_| None };
            decide(&request, Some(bucket), None)
        };
        assert_eq!(decision(None, &bucket), Decision::Deny, "nobody known");
        assert_eq!(decision(Some(&account(2)), &bucket), Decision::OwnersOnly, "whom the policy would let");
        assert_eq!(decision(Some(&account(2)), &private_bucket()), Decision::Deny, "whom nothing lets");
    }
}

#[test]
fn blocks_stand_above() {
    let open = policy("Allow", "\"*\"", "s3:*");
    let restrict = PublicAccessBlock { restrict_public_buckets: true, ..PublicAccessBlock::default() };
    let bucket = BucketRules { policy: Some(&open), block: restrict, ..private_bucket() };
    for (caller, allowed) in
        [(None, false), (Some(account(2)), false), (Some(account(1)), true), (Some(user(1, "eve")), true)]
    {
        assert_eq!(ask(caller.as_ref(), "s3:GetObject", &bucket, None), allowed, "{caller:?}");
    }
    let closed = policy("Allow", r#"{"AWS":"000000000002"}"#, "s3:*");
    let bucket = BucketRules { policy: Some(&closed), ..bucket };
    assert!(ask(Some(&account(2)), "s3:GetObject", &bucket, None), "a policy that is not public is not restricted");

    let public = grant(Grantee::Everybody, Right::Read);
    let ignore = PublicAccessBlock { ignore_public_acls: true, ..PublicAccessBlock::default() };
    for (block, allowed) in [(PublicAccessBlock::default(), true), (ignore, false)] {
        let bucket = BucketRules { list: Some(&public), ownership: Ownership::ObjectWriter, block, ..private_bucket() };
        assert_eq!(ask(None, "s3:ListBucket", &bucket, None), allowed);
        let object = ObjectRules { owner: UserId(1), list: Some(&public) };
        assert_eq!(ask(None, "s3:GetObject", &bucket, Some(&object)), allowed);
    }
}

#[test]
fn lists_grant_what_they_say_where_they_count() {
    let bert = Grantee::Account(account(2).canonical_id.0);
    let everybody = || Grantee::Everybody;
    let table = [
        (everybody(), Right::Read, "s3:ListBucket", [true, true, true]),
        (everybody(), Right::Read, "s3:PutObject", [false, false, false]),
        (everybody(), Right::Write, "s3:PutObject", [true, true, true]),
        (everybody(), Right::Write, "s3:DeleteObject", [true, true, true]),
        (everybody(), Right::FullControl, "s3:GetBucketAcl", [true, true, true]),
        (everybody(), Right::FullControl, "s3:PutBucketPolicy", [false, false, false]),
        (everybody(), Right::FullControl, "s3:DeleteBucket", [false, false, false]),
        (Grantee::Authenticated, Right::Read, "s3:ListBucket", [false, true, true]),
        (bert.clone(), Right::ReadAcp, "s3:GetBucketAcl", [false, true, false]),
        (bert.clone(), Right::ReadAcp, "s3:PutBucketAcl", [false, false, false]),
        (bert, Right::WriteAcp, "s3:PutBucketAcl", [false, true, false]),
        (Grantee::LogDelivery, Right::Read, "s3:ListBucket", [false, false, false]),
    ];
    for (to, right, action, allowed) in table {
        let list = grant(to, right);
        let bucket = BucketRules { list: Some(&list), ownership: Ownership::ObjectWriter, ..private_bucket() };
        let enforced = BucketRules { ownership: Ownership::BucketOwnerEnforced, ..bucket };
        for (caller, allowed) in [None, Some(account(2)), Some(account(3))].into_iter().zip(allowed) {
            assert_eq!(ask(caller.as_ref(), action, &bucket, None), allowed, "{list:?} {action} {caller:?}");
            assert!(!ask(caller.as_ref(), action, &enforced, None), "lists are off: {action}");
        }
        assert!(ask(Some(&account(1)), action, &bucket, None), "the owner: {action}");
    }
}

#[test]
fn who_could_be_admitted_is_known_before_what_for() {
    let named = policy("Allow", r#"{"AWS":"000000000002"}"#, "s3:Get*");
    let list = grant(Grantee::Everybody, Right::Write);
    let policed = BucketRules { policy: Some(&named), ..private_bucket() };
    let listed = BucketRules { list: Some(&list), ownership: Ownership::ObjectWriter, ..private_bucket() };
    let (bert, carl) = (account(2), account(3));
    for (rules, caller, action, wanted) in [
        (&private_bucket(), Some(&bert), "s3:GetObject", false),
        (&policed, Some(&bert), "s3:GetObject", true),
        (&policed, Some(&bert), "s3:DeleteObject", false),
        (&policed, Some(&carl), "s3:GetObject", false),
        (&policed, None, "s3:GetObject", false),
        (&listed, None, "s3:DeleteObject", true),
        (&listed, None, "s3:GetObject", true),
        (&listed, None, "s3:PutBucketPolicy", false),
        (&private_bucket(), Some(&account(1)), "s3:GetObject", true),
        (&private_bucket(), Some(&user(1, "eve")), "s3:GetObject", false),
        (&private_bucket(), Some(&with(&[READ], user(1, "eve"))), "s3:GetObject", true),
        (&private_bucket(), Some(&with(&[READ], user(1, "eve"))), "s3:PutObject", false),
        (&BucketRules { ownership: Ownership::BucketOwnerEnforced, ..listed }, None, "s3:DeleteObject", false),
    ] {
        assert_eq!(rules.might_allow(caller, action), wanted, "{action} {caller:?}");
    }
    let asks = |rules: &BucketRules<'_>, caller| {
        let (action, resource) = ("s3:PutObjectTagging", "arn:aws:s3:::photos/a");
        rules.acl_allows_write(&AuthorizationRequest { caller, action, resource, keys: &|_| None })
    };
    assert!(asks(&listed, None) && asks(&listed, Some(&bert)));
    assert!(!asks(&policed, Some(&bert)) && !asks(&private_bucket(), None));
}

#[test]
fn who_wrote_an_object_owns_it_where_writers_own() {
    let open = policy("Allow", "\"*\"", "s3:*");
    let bucket = BucketRules { policy: Some(&open), ownership: Ownership::ObjectWriter, ..private_bucket() };
    let object = ObjectRules { owner: UserId(2), list: None };
    let shared = grant(Grantee::Account(account(1).canonical_id.0), Right::Read);
    let given = ObjectRules { owner: UserId(2), list: Some(&shared) };
    for (caller, action, private, read) in [
        (account(2), "s3:GetObject", true, false),
        (account(2), "s3:GetObjectAcl", true, true),
        (account(2), "s3:PutObjectAcl", true, true),
        (account(1), "s3:GetObject", false, true),
        (account(1), "s3:GetObjectAcl", false, false),
        (account(1), "s3:DeleteObject", true, true),
        (account(1), "s3:PutObject", true, true),
        (account(3), "s3:GetObject", false, false),
        (user(2, "eve"), "s3:GetObject", false, false),
        (with(&[ALL], user(2, "eve")), "s3:GetObject", true, false),
        (with(&[ALL], user(1, "eve")), "s3:GetObject", false, true),
    ] {
        assert_eq!(ask(Some(&caller), action, &bucket, Some(&object)), private, "{caller:?} {action}");
        assert_eq!(ask(Some(&caller), action, &bucket, Some(&given)), read, "{caller:?} {action}");
    }
    let enforced = BucketRules { ownership: Ownership::BucketOwnerEnforced, ..bucket };
    assert!(ask(Some(&account(1)), "s3:GetObject", &enforced, Some(&object)), "then all of it is the bucket owner's");
}

#[test]
fn what_touches_no_bucket_is_between_a_caller_and_its_account() {
    let listing = r#"{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}"#;
    for (caller, allowed) in [
        (None, false),
        (Some(account(2)), true),
        (Some(user(2, "eve")), false),
        (Some(with(&[listing], user(2, "eve"))), true),
    ] {
        let request = AuthorizationRequest {
            caller: caller.as_ref(),
            action: "s3:ListAllMyBuckets",
            resource: "*",
            keys: &|_| None,
        };
        assert_eq!(decide(&request, None, None) == Decision::Allow, allowed, "{caller:?}");
    }
}

#[test]
fn whoever_has_a_policy_about_existing_tags_is_judged_with_the_object() {
    let deny = r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"*",
        "Condition":{"StringEquals":{"s3:ExistingObjectTag/secret":"yes"}}}"#;
    let by_variable =
        r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::${s3:ExistingObjectTag/b}/*"}"#;
    let by_value = r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"*",
        "Condition":{"StringEquals":{"aws:username":"${s3:ExistingObjectTag/not-for}"}}}"#;
    let versioned = |statement: &str| {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
        Arc::new(Document::parse(&text, 20_480).expect(statement))
    };
    let bucket = private_bucket();
    for statement in [deny, by_variable, by_value] {
        let about_tags = || vec![versioned(statement)];
        let callers = [
            Principal { policies: about_tags(), ..user(1, "eve") },
            Principal { session_policies: about_tags(), ..session(1, "r") },
            Principal { account_policies: about_tags(), ..account(1) },
            Principal { boundary: Some(versioned(statement)), ..user(1, "eve") },
        ];
        for caller in &callers {
            assert!(bucket.need_object(Some(caller), "s3:GetObject"), "{caller:?}");
            assert!(!bucket.need_object(Some(caller), "s3:ListBucket"), "{caller:?}");
        }
    }
    assert!(!bucket.need_object(Some(&with(&[ALL], user(1, "eve"))), "s3:GetObject"));
    assert!(!bucket.need_object(None, "s3:GetObject"));
}
