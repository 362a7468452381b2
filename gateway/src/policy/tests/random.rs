//! Random policies and requests, from words few enough to meet each other often.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::policy::decision::evaluate::{AuthorizationRequest, Evaluation};
use crate::policy::decision::principal::{Principal, PrincipalKind, account_number};
use crate::policy::document::policy_document::Document;
use crate::policy::tests::oracle::{self, Caller, Request};
use crate::policy::tests::world::{account, session, user};
use crate::policy::value::Value;

/// A generator that gives the same numbers every time (xorshift64*).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).expect("31 bits") % end
    }

    pub(super) fn one<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One value, or a list of some, as policies may write either.
    pub(super) fn some(&mut self, from: &[&str]) -> Json {
        if self.chance(50) {
            return json!(self.one(from));
        }
        let count = 1 + self.below(3);
        json!((0..count).map(|_| self.one(from)).collect::<Vec<_>>())
    }
}

const ACTIONS: [&str; 9] = [
    "s3:GetObject",
    "s3:getobject",
    "s3:Get*",
    "s3:PutObject",
    "s3:*",
    "*",
    "s3:ListBucket",
    "s3:?utObject",
    "s3:*Object",
];
const RESOURCES: [&str; 10] = [
    "arn:aws:s3:::photos",
    "arn:aws:s3:::photos/*",
    "arn:aws:s3:::photos*",
    "*",
    "arn:aws:s3:::*/a",
    "arn:aws:s3:::photos/a?",
    "arn:aws:s3:::photos/${aws:username}/*",
    "arn:aws:s3:::photos/${s3:prefix}",
    "arn:aws:s3:::photos/*/b/*",
    "arn:aws:s3:::other/*",
];
const PRINCIPALS: [&str; 11] = [
    "*",
    "000000000001",
    "arn:aws:iam::000000000001:root",
    "arn:aws:iam::000000000002:root",
    "arn:aws:iam::000000000001:user/eve",
    "arn:aws:iam::000000000002:user/eve",
    "arn:aws:iam::000000000001:role/r",
    "arn:aws:sts::000000000001:assumed-role/r/s",
    // Of either account: the ids of this world tell names apart.
    "AIDA00000000000000eve",
    "AROA0000000000000000r",
    "AROA0000000000000000r:s",
];
const KEYS: [&str; 6] = ["/a", "/ab", "/eve/b/c", "/e*e/x", "", "/a?"];

fn condition(dice: &mut Dice) -> Json {
    let mut operators = BTreeMap::<String, BTreeMap<String, Json>>::new();
    for _ in 0..=dice.below(2) {
        let (operator, key, values) = match dice.below(5) {
            0 => (
                dice.one(&["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"]),
                dice.one(&["s3:prefix", "S3:Prefix", "aws:Referer", "aws:username"]),
                dice.some(&["a", "A", "a*", "?", "eve", "${aws:username}", "b${s3:prefix}"]),
            ),
            1 => (
                dice.one(&["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals"]),
                "s3:max-keys",
                dice.some(&["1", "10", "100"]),
            ),
            2 => ("Bool", "aws:SecureTransport", dice.some(&["true", "false"])),
            3 => (
                dice.one(&["IpAddress", "NotIpAddress"]),
                "aws:SourceIp",
                dice.some(&["10.0.0.0/8", "10.1.2.3", "10.1.0.0/15", "0.0.0.0/0"]),
            ),
            _ => {
                let name = dice.one(&["StringEquals", "StringNotEquals", "StringLike"]);
                let all = dice.one(&["ForAllValues:", "ForAnyValue:"]);
                let operator = format!("{all}{name}");
                let values = dice.some(&["x", "y", "x*", "z"]);
                operators.entry(operator).or_default().insert("s3:RequestObjectTagKeys".to_owned(), values);
                continue;
            }
        };
        let suffix = if dice.chance(25) { "IfExists" } else { "" };
        operators.entry(format!("{operator}{suffix}")).or_default().insert(key.to_owned(), values);
        if dice.chance(15) {
            let key = dice.one(&["s3:prefix", "s3:max-keys", "aws:username"]);
            operators.entry("Null".to_owned()).or_default().insert(key.to_owned(), dice.some(&["true", "false"]));
        }
    }
    json!(operators)
}

fn statement(dice: &mut Dice) -> Json {
    let mut members = serde_json::Map::new();
    let deny = dice.chance(35);
    members.insert("Effect".to_owned(), json!(if deny { "Deny" } else { "Allow" }));
    let named = match dice.below(4) {
        0 => json!("*"),
        1 => json!({"CanonicalUser": format!("{:064x}", 1 + dice.below(2))}),
        _ => json!({"AWS": dice.some(&PRINCIPALS)}),
    };
    members.insert(if deny && dice.chance(30) { "NotPrincipal" } else { "Principal" }.to_owned(), named);
    let action = if dice.chance(15) { "NotAction" } else { "Action" };
    members.insert(action.to_owned(), dice.some(&ACTIONS));
    let resource = if dice.chance(15) { "NotResource" } else { "Resource" };
    members.insert(resource.to_owned(), dice.some(&RESOURCES));
    if dice.chance(60) {
        members.insert("Condition".to_owned(), condition(dice));
    }
    Json::Object(members)
}

pub(super) fn caller(dice: &mut Dice) -> Option<Principal> {
    let number = if dice.chance(70) { 1 } else { 2 };
    match dice.below(4) {
        0 => None,
        1 => Some(account(number)),
        2 => Some(user(number, dice.one(&["eve", "e*e"]))),
        _ => Some(session(number, "r")),
    }
}

fn request(dice: &mut Dice, caller: Option<&Principal>) -> Request {
    let mut keys = Vec::new();
    let mut maybe = |dice: &mut Dice, name: &str, values: &[&str]| {
        if dice.chance(60) {
            keys.push((name.to_owned(), vec![dice.one(values).to_owned()]));
        }
    };
    maybe(dice, "s3:prefix", &["a", "ab", "", "eve", "b*"]);
    maybe(dice, "aws:referer", &["a", "b", "eve"]);
    maybe(dice, "s3:max-keys", &["1", "10", "50", "many"]);
    maybe(dice, "aws:securetransport", &["true", "false"]);
    maybe(dice, "aws:sourceip", &["10.1.2.3", "10.2.0.1", "192.168.0.1"]);
    let tags: Vec<_> = (0..dice.below(3)).map(|_| dice.one(&["x", "y", "xx"]).to_owned()).collect();
    if !tags.is_empty() {
        keys.push(("s3:requestobjecttagkeys".to_owned(), tags));
    }
    Request {
        caller: caller.map(plain),
        action: dice.one(&["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:GetObjectAcl"]).to_owned(),
        resource: format!("arn:aws:s3:::photos{}", dice.one(&KEYS)),
        keys,
    }
}

/// A caller as the oracle sees one.
pub(super) fn plain(principal: &Principal) -> Caller {
    Caller {
        account: account_number(principal.account),
        canonical: principal.canonical_id.0.clone(),
        is_account: principal.kind == PrincipalKind::Account,
        arns: [Some(principal.arn.clone()), principal.role_arn.clone()].into_iter().flatten().collect(),
        ids: match principal.user_id.split_once(':') {
            Some((role, _)) => vec![principal.user_id.clone(), role.to_owned()],
            None => vec![principal.user_id.clone()],
        },
        name: principal.user_name.clone(),
    }
}

/// The values of a request's condition keys, as the evaluator asks for them.
pub(super) fn value_of<'a>(request: &'a Request, key: &str) -> Option<Value<'a>> {
    let (_, values) = request.keys.iter().find(|(name, _)| name == key)?;
    Some(match values.as_slice() {
        [one] => Value::from(one.as_str()),
        many => Value::Many(many.iter().map(|text| Cow::Borrowed(text.as_str())).collect()),
    })
}

#[test]
fn ten_thousand_random_policies_are_evaluated_as_the_oracle_does() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut seen = BTreeMap::<&str, usize>::new();
    for round in 0..10_000 {
        let count = 1 + dice.below(4);
        let policy =
            json!({"Version": "2012-10-17", "Statement": (0..count).map(|_| statement(&mut dice)).collect::<Vec<_>>()});
        let text = policy.to_string();
        let document = Document::parse(&text, 20 << 10).unwrap_or_else(|error| panic!("{round}: {error}: {text}"));
        for _ in 0..4 {
            let caller = caller(&mut dice);
            let request = request(&mut dice, caller.as_ref());
            let keys = |key: &str| value_of(&request, key);
            let authorization_request = AuthorizationRequest {
                caller: caller.as_ref(),
                action: &request.action,
                resource: &request.resource,
                keys: &keys,
            };
            let evaluation = match document.evaluate(&authorization_request) {
                Evaluation::Deny => "deny",
                Evaluation::Allow => "allow",
                Evaluation::AllowAccount => "account",
                Evaluation::NotApplicable => "silent",
            };
            assert_eq!(evaluation, oracle::evaluate(&policy, &request), "round {round}: {request:?}\n{text}");
            *seen.entry(evaluation).or_default() += 1;
        }
    }
    assert!(seen.len() == 4 && seen.values().all(|times| *times > 500), "each answer must come often: {seen:?}");
}
