//! An evaluator that shares nothing with the real one: it walks the JSON as it is, tries every way to match a wildcard,
//! and works out every condition of every statement, whether it matters or not. Slow, and short enough to be checked by
//! reading.

use serde_json::Value;

/// Who asks, as plain text.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) canonical: String,
    pub(super) is_account: bool,
    pub(super) arns: Vec<String>,
    /// The unique ids; of the account itself its number, by which nobody names it.
    pub(super) ids: Vec<String>,
    pub(super) name: Option<String>,
}

/// A request, as plain text. Keys are in lower case.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) caller: Option<Caller>,
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) keys: Vec<(String, Vec<String>)>,
}

/// `deny`, `allow`, `account` or `silent`.
pub(super) fn evaluate(policy: &Value, request: &Request) -> &'static str {
    let statements = list(&policy["Statement"]);
    let applying: Vec<_> = statements.iter().filter_map(|statement| applies(statement, request)).collect();
    for wanted in ["deny", "allow", "account"] {
        if applying.contains(&wanted) {
            return wanted;
        }
    }
    "silent"
}

fn applies(statement: &Value, request: &Request) -> Option<&'static str> {
    let through = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(named), _) => reach(named, request),
        (_, Some(named)) if reach(named, request) == "allow" => return None,
        _ => "allow",
    };
    let action = |pattern: &String| wild(&pattern.to_lowercase(), &request.action.to_lowercase());
    let resource =
        |pattern: &String| filled(pattern, request).is_some_and(|pattern| wild_escaped(&pattern, &request.resource));
    let fits = |yes: &str, no: &str, test: &dyn Fn(&String) -> bool| match statement.get(yes) {
        Some(patterns) => texts(patterns).iter().any(test),
        None => !texts(&statement[no]).iter().any(test),
    };
    let conditions = statement.get("Condition").and_then(Value::as_object);
    let mut holds = true;
    for (operator, pairs) in conditions.into_iter().flatten() {
        for (key, values) in pairs.as_object().expect("an object") {
            holds &= condition(operator, key, &texts(values), request);
        }
    }
    if through == "none"
        || !fits("Action", "NotAction", &action)
        || !fits("Resource", "NotResource", &resource)
        || !holds
    {
        return None;
    }
    Some(if statement["Effect"] == "Deny" { "deny" } else { through })
}

fn reach(named: &Value, request: &Request) -> &'static str {
    if named == "*" {
        return "allow";
    }
    let mut best = "none";
    for (kind, values) in named.as_object().expect("an object") {
        for text in texts(values) {
            let one = one_reach(kind, &text, request);
            if one == "allow" || best == "none" {
                best = if best == "allow" { best } else { one };
            }
        }
    }
    best
}

fn one_reach(kind: &str, text: &str, request: &Request) -> &'static str {
    if text == "*" {
        return "allow";
    }
    let Some(caller) = &request.caller else { return "none" };
    let whole = if caller.is_account { "allow" } else { "account" };
    let root = format!("arn:aws:iam::{}:root", caller.account);
    match kind {
        "CanonicalUser" if text == caller.canonical => whole,
        "AWS" if text == caller.account || text == root => whole,
        "AWS" if caller.arns.iter().any(|arn| arn == text) => "allow",
        "AWS" if text.starts_with('A') && caller.ids.iter().any(|id| id == text) => "allow",
        _ => "none",
    }
}

fn condition(operator: &str, key: &str, wanted: &[String], request: &Request) -> bool {
    let given = value(&key.to_lowercase(), request);
    if operator == "Null" {
        return wanted.iter().any(|word| (word == "true") == given.is_none());
    }
    let (all, operator) = match operator.split_once(':') {
        Some(("ForAllValues", rest)) => (Some(true), rest),
        Some((_, rest)) => (Some(false), rest),
        None => (None, operator),
    };
    let exists = operator.strip_suffix("IfExists");
    let operator = exists.unwrap_or(operator);
    let positive = operator.replace("Not", "");
    let negated = positive != operator;
    let Some(given) = given else {
        return exists.is_some() && all != Some(true) || all == Some(true) || (all.is_none() && negated);
    };
    let any = |text: &String| wanted.iter().any(|wanted| compare(&positive, wanted, text, request));
    match all {
        None => given.iter().any(any) ^ negated,
        Some(true) => given.iter().filter(|text| any(text) ^ negated).count() == given.len(),
        Some(false) => given.iter().filter(|text| any(text) ^ negated).count() > 0,
    }
}

fn compare(operator: &str, wanted: &str, text: &str, request: &Request) -> bool {
    let plain = || filled(wanted, request).map(|text| text.replace('\u{1}', "*").replace('\u{2}', "?"));
    match operator {
        "StringEquals" => plain().is_some_and(|wanted| wanted == text),
        "StringEqualsIgnoreCase" => plain().is_some_and(|wanted| wanted.to_lowercase() == text.to_lowercase()),
        "StringLike" => filled(wanted, request).is_some_and(|wanted| wild_escaped(&wanted, text)),
        "NumericEquals" => number(text) == number(wanted) && number(text).is_some(),
        "NumericLessThan" => number(text).is_some_and(|given| given < number(wanted).expect("a number")),
        "NumericGreaterThanEquals" => number(text).is_some_and(|given| given >= number(wanted).expect("a number")),
        "Bool" => wanted.to_lowercase() == text.to_lowercase(),
        "IpAddress" => in_network(wanted, text),
        other => unreachable!("{other}"),
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Bit by bit, of IPv4 alone.
fn in_network(network: &str, address: &str) -> bool {
    let bits = |text: &str| -> String {
        text.split('.').map(|byte| format!("{:08b}", byte.parse::<u8>().expect("a byte"))).collect()
    };
    let (start, length) = network.split_once('/').unwrap_or((network, "32"));
    let length: usize = length.parse().expect("a length");
    bits(start)[..length] == bits(address)[..length]
}

fn value(key: &str, request: &Request) -> Option<Vec<String>> {
    let caller = request.caller.as_ref();
    match key {
        "aws:username" => caller.and_then(|caller| caller.name.clone()).map(|name| vec![name]),
        _ => request.keys.iter().find(|(name, _)| name == key).map(|(_, values)| values.clone()),
    }
}

/// Fills in variables. What they bring is marked so that no wildcard is seen in it.
fn filled(pattern: &str, request: &Request) -> Option<String> {
    let Some((before, rest)) = pattern.split_once("${") else { return Some(pattern.to_owned()) };
    let (key, after) = rest.split_once('}').expect("closed");
    let value = value(&key.to_lowercase(), request)?;
    assert_eq!(value.len(), 1, "the generator makes variables of single keys");
    let marked = value[0].replace('*', "\u{1}").replace('?', "\u{2}");
    Some(format!("{before}{marked}{}", filled(after, request)?))
}

fn wild_escaped(pattern: &str, text: &str) -> bool {
    wild(pattern, &text.replace('*', "\u{1}").replace('?', "\u{2}"))
}

fn wild(pattern: &str, text: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let cuts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            cuts.into_iter().any(|cut| wild(pattern_rest.as_str(), &text[cut..]))
        }
        Some(letter) => {
            let mut rest = text.chars();
            let first = rest.next();
            (first == Some(letter) || (letter == '?' && first.is_some())) && wild(pattern_rest.as_str(), rest.as_str())
        }
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
}

/// All policies that speak about a caller, as JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Policies {
    /// Of the user or role.
    pub(super) own: Vec<Value>,
    /// What the root user put on the account.
    pub(super) account: Vec<Value>,
    pub(super) boundary: Vec<Value>,
    pub(super) session: Vec<Value>,
}

/// Whether some policy denies a call.
pub(super) fn denied(policies: &Policies, request: &Request) -> bool {
    let Policies { own, account, boundary, session } = policies;
    let mut all = own.iter().chain(account).chain(boundary).chain(session);
    all.any(|policy| evaluate(policy, request) == "deny")
}

/// Whether a caller may do what is in the caller's own account: a call of IAM.
pub(super) fn may_call(policies: &Policies, request: &Request) -> bool {
    let says_allow = |policy: &Value| evaluate(policy, request) == "allow";
    let is_account = request.caller.as_ref().is_some_and(|caller| caller.is_account);
    let given = is_account || policies.own.iter().any(says_allow);
    let limits = policies.boundary.iter().chain(&policies.session).filter(|policy| !says_allow(policy)).count();
    given && limits == 0 && !denied(policies, request)
}

/// Whether a caller may assume a role of an account with this trust policy.
pub(super) fn may_assume(policies: &Policies, trust: &Value, account: &str, request: &Request) -> bool {
    let caller = request.caller.as_ref().expect("somebody");
    if denied(policies, request) {
        return false;
    }
    let trusted = evaluate(trust, request);
    let named = trusted == "allow" && caller.account == account && policies.session.is_empty();
    named || (["allow", "account"].contains(&trusted) && may_call(policies, request))
}
