//! Random calls of IAM and STS, decided under random policies of users, accounts, boundaries and sessions, and random trust.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::domain::UserId;
use crate::policy::decision::assume_role::{is_denied, may_assume_role};
use crate::policy::decision::decide::{Decision, decide};
use crate::policy::decision::evaluate::AuthorizationRequest;
use crate::policy::decision::principal::Principal;
use crate::policy::document::policy_document::Document;
use crate::policy::tests::oracle::{self, Policies, Request};
use crate::policy::tests::random::{Dice, caller, plain, value_of};

const ACTIONS: [&str; 6] = [
    "iam:CreateUser",
    "iam:UpdateUser",
    "iam:AttachUserPolicy",
    "iam:GetUser",
    "sts:AssumeRole",
    "sts:GetSessionToken",
];
const PATTERNS: [&str; 8] =
    ["iam:*", "iam:*User*", "iam:Get*", "iam:createuser", "sts:*", "sts:AssumeRole", "sts:GetSessionToken", "*"];
const RESOURCES: [&str; 5] = [
    "*",
    "arn:aws:iam::000000000001:user/eve",
    "arn:aws:iam::000000000001:user/team/bob",
    "arn:aws:iam::000000000001:role/r",
    "arn:aws:iam::000000000002:role/r",
];
const RESOURCE_PATTERNS: [&str; 6] = [
    "*",
    "arn:aws:iam::*:user/*",
    "arn:aws:iam::000000000001:*",
    "arn:aws:iam::000000000001:user/${aws:username}",
    "arn:aws:iam::*:role/r",
    "arn:aws:iam::000000000002:role/?",
];
const TRUSTED: [&str; 9] = [
    "*",
    "000000000001",
    "arn:aws:iam::000000000002:root",
    "arn:aws:iam::000000000001:user/eve",
    "arn:aws:iam::000000000002:user/eve",
    "arn:aws:iam::000000000001:role/r",
    "arn:aws:sts::000000000002:assumed-role/r/s",
    "AIDA00000000000000eve",
    "AROA0000000000000000r",
];

fn condition(dice: &mut Dice) -> Json {
    match dice.below(3) {
        0 => json!({dice.one(&["StringEquals", "StringNotEquals"]): {"sts:ExternalId": dice.some(&["x", "y"])}}),
        1 => {
            json!({dice.one(&["IpAddress", "NotIpAddress"]): {"aws:SourceIp": dice.some(&["10.0.0.0/8", "10.1.2.3"])}})
        }
        _ => json!({"StringLike": {"iam:PolicyARN": dice.some(&["arn:aws:iam::aws:policy/*", "*Read*"])}}),
    }
}

fn policy(dice: &mut Dice, trust: bool, denials: usize) -> Json {
    let mut statements = Vec::new();
    for _ in 0..=dice.below(3) {
        let mut members = serde_json::Map::new();
        let deny = dice.chance(denials);
        members.insert("Effect".to_owned(), json!(if deny { "Deny" } else { "Allow" }));
        if trust {
            let element = if deny && dice.chance(30) { "NotPrincipal" } else { "Principal" };
            members.insert(element.to_owned(), json!({"AWS": dice.some(&TRUSTED)}));
        } else {
            members.insert("Resource".to_owned(), dice.some(&RESOURCE_PATTERNS));
        }
        let action = if dice.chance(10) { "NotAction" } else { "Action" };
        members.insert(action.to_owned(), dice.some(&PATTERNS));
        if dice.chance(30) {
            members.insert("Condition".to_owned(), condition(dice));
        }
        statements.push(Json::Object(members));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn policies(dice: &mut Dice, caller: &Principal) -> Policies {
    let some = |dice: &mut Dice, percent: usize, denials: usize| {
        if dice.chance(percent) { vec![policy(dice, false, denials)] } else { Vec::new() }
    };
    let own = if plain(caller).is_account {
        Vec::new()
    } else {
        (0..dice.below(3)).map(|_| policy(dice, false, 20)).collect()
    };
    Policies { own, account: some(dice, 30, 60), boundary: some(dice, 20, 10), session: some(dice, 20, 10) }
}

fn document(json: &Json) -> Document {
    let text = json.to_string();
    Document::parse(&text, 20 << 10).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn request(dice: &mut Dice, caller: &Principal) -> Request {
    let mut keys = Vec::new();
    for (name, values) in [
        ("sts:externalid", &["x", "z"][..]),
        ("aws:sourceip", &["10.1.2.3", "10.2.0.1", "192.168.0.1"]),
        ("iam:policyarn", &["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::000000000001:policy/p"]),
    ] {
        if dice.chance(60) {
            keys.push((name.to_owned(), vec![dice.one(values).to_owned()]));
        }
    }
    let (action, resource) = (dice.one(&ACTIONS).to_owned(), dice.one(&RESOURCES).to_owned());
    Request { caller: Some(plain(caller)), action, resource, keys }
}

#[test]
fn calls_of_iam_and_sts_are_decided_as_the_oracle_does() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut seen = BTreeMap::<(&str, bool), usize>::new();
    for round in 0..20_000 {
        let Some(mut caller) = caller(&mut dice) else { continue };
        let given = policies(&mut dice, &caller);
        let documents = |list: &[Json]| list.iter().map(|json| Arc::new(document(json))).collect::<Vec<_>>();
        caller.policies = documents(&given.own);
        caller.account_policies = documents(&given.account);
        caller.boundary = documents(&given.boundary).pop();
        caller.session_policies = documents(&given.session);
        let request = request(&mut dice, &caller);
        let keys = |key: &str| value_of(&request, key);
        let asked = AuthorizationRequest {
            caller: Some(&caller),
            action: &request.action,
            resource: &request.resource,
            keys: &keys,
        };
        let trust = policy(&mut dice, true, 15);
        let role = i64::from(dice.chance(50)) + 1;
        let number = format!("{role:012}");
        for (question, answer, expected) in [
            ("call", decide(&asked, None, None) == Decision::Allow, oracle::may_call(&given, &request)),
            ("denied", is_denied(&asked), oracle::denied(&given, &request)),
            (
                "assume",
                may_assume_role(&asked, &document(&trust), UserId(role)),
                oracle::may_assume(&given, &trust, &number, &request),
            ),
        ] {
            assert_eq!(answer, expected, "round {round}, {question}: {request:?}\n{given:?}\n{trust}");
            *seen.entry((question, answer)).or_default() += 1;
        }
    }
    assert!(seen.len() == 6 && seen.values().all(|times| *times > 500), "each answer must come often: {seen:?}");
}
