//! One condition of a statement: an operator, a key, and the values that are wanted.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::policy::document::date;
use crate::policy::document::network::Network;
use crate::policy::document::operator::{Compare, Operator, Order, Quantifier};
use crate::policy::document::pattern::{Pattern, Syntax};
use crate::policy::document::wildcard::Case;
use crate::policy::error::PolicyError;
use crate::policy::value::{Lookup, key_name};

/// The keys about callers that have a value where nobody is known.
pub(crate) const ANONYMOUS_VALUES: [(&str, &str); 2] =
    [("aws:userid", "anonymous"), ("aws:principaltype", "Anonymous")];

/// A condition, its values read once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    operator: Operator,
    /// The key, as [`key_name`] writes it.
    key: String,
    wanted: Wanted,
}

/// The values of the policy.
#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Texts(Vec<Pattern>),
    /// Each with its parts between colons.
    Arns(Vec<Vec<Pattern>>),
    Numbers(Vec<f64>),
    /// Microseconds since the epoch.
    Dates(Vec<i64>),
    Flags(Vec<bool>),
    Bytes(Vec<Vec<u8>>),
    Networks(Vec<Network>),
}

impl Condition {
    /// Reads the values; `variables` says whether the policy's version knows variables.
    pub(crate) fn parse(
        operator: Operator,
        key: &str,
        values: &[String],
        variables: bool,
    ) -> Result<Self, PolicyError> {
        let key = key_name(key);
        if !key.contains(':') || values.is_empty() {
            return Err(PolicyError::condition_key());
        }
        let wanted = Wanted::parse(operator.compare, values, variables).ok_or(PolicyError::SYNTAX)?;
        Ok(Self { operator, key, wanted })
    }

    /// The key's name.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The key it is about, and those whose values its own values take.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let patterns: Vec<&Pattern> = match &self.wanted {
            Wanted::Texts(patterns) => patterns.iter().collect(),
            Wanted::Arns(arns) => arns.iter().flatten().collect(),
            _ => Vec::new(),
        };
        std::iter::once(&*self.key).chain(patterns.into_iter().flat_map(Pattern::variables))
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, lookup: Lookup<'_, '_>) -> bool {
        let given = lookup(&self.key);
        if let (Compare::Null, Wanted::Flags(wanted)) = (self.operator.compare, &self.wanted) {
            return wanted.contains(&given.is_none());
        }
        let Some(given) = given.filter(|given| given.iter().next().is_some()) else {
            return self.without_value();
        };
        let one = |text: &str| self.wanted.matches(self.operator.compare, text, lookup);
        let negated = self.operator.negated;
        match self.operator.quantifier {
            Quantifier::One => given.iter().any(one) != negated,
            Quantifier::All => given.iter().all(|text| one(text) != negated),
            Quantifier::Any => given.iter().any(|text| one(text) != negated),
        }
    }

    /// What is said about a key that the request does not have.
    fn without_value(&self) -> bool {
        match self.operator.quantifier {
            Quantifier::One => self.operator.negated || self.operator.if_exists,
            Quantifier::All => true,
            Quantifier::Any => self.operator.if_exists,
        }
    }

    /// Whether it restricts to fixed values that nobody has who is not known: it demands one of them, whatever else the
    /// request has.
    pub(crate) fn is_fixed(&self) -> bool {
        let anonymous = |text: &str| self.wanted.matches(self.operator.compare, text, &|_| None);
        if ANONYMOUS_VALUES.iter().any(|(key, value)| self.key == *key && anonymous(value)) {
            return false;
        }
        let Operator { negated, if_exists, quantifier, .. } = self.operator;
        if negated || if_exists || quantifier == Quantifier::All {
            return false;
        }
        match &self.wanted {
            Wanted::Texts(patterns) => patterns.iter().all(Pattern::is_fixed),
            Wanted::Arns(arns) => arns.iter().flatten().all(Pattern::is_fixed),
            Wanted::Networks(networks) => !networks.iter().any(Network::is_wide),
            Wanted::Numbers(_) | Wanted::Dates(_) | Wanted::Flags(_) | Wanted::Bytes(_) => false,
        }
    }
}

impl Wanted {
    fn parse(compare: Compare, values: &[String], variables: bool) -> Option<Self> {
        let patterns = |wildcards| {
            let syntax = Syntax { wildcards, variables };
            values.iter().map(|value| Pattern::parse(value, syntax)).collect::<Option<Vec<_>>>()
        };
        Some(match compare {
            Compare::Equals | Compare::EqualsIgnoreCase => Self::Texts(patterns(false)?),
            Compare::Like => Self::Texts(patterns(true)?),
            Compare::Arn => {
                let syntax = Syntax { wildcards: true, variables };
                Self::Arns(values.iter().map(|value| arn(value, syntax)).collect::<Option<_>>()?)
            }
            Compare::Numeric(_) => Self::Numbers(values.iter().map(|value| number(value)).collect::<Option<_>>()?),
            Compare::Date(_) => Self::Dates(values.iter().map(|value| date::parse(value)).collect::<Option<_>>()?),
            Compare::Bool | Compare::Null => {
                Self::Flags(values.iter().map(|value| flag(value)).collect::<Option<_>>()?)
            }
            Compare::Binary => Self::Bytes(values.iter().map(|value| bytes(value)).collect::<Option<_>>()?),
            Compare::Ip => Self::Networks(values.iter().map(|value| value.parse().ok()).collect::<Option<_>>()?),
        })
    }

    /// Whether any of them matches this text of the request.
    fn matches(&self, compare: Compare, text: &str, lookup: Lookup<'_, '_>) -> bool {
        match self {
            Self::Texts(patterns) => {
                let case = if compare == Compare::EqualsIgnoreCase { Case::Ignored } else { Case::Matters };
                patterns.iter().any(|pattern| pattern.matches(text, case, lookup))
            }
            Self::Arns(arns) => arns.iter().any(|parts| arn_matches(parts, text, lookup)),
            Self::Numbers(numbers) => number(text).is_some_and(|given| {
                let order = order_of(compare);
                numbers.iter().any(|wanted| given.partial_cmp(wanted).is_some_and(|ordering| order.holds(ordering)))
            }),
            Self::Dates(dates) => date::parse(text).is_some_and(|given| {
                let order = order_of(compare);
                dates.iter().any(|wanted| order.holds(given.cmp(wanted)))
            }),
            Self::Flags(flags) => flag(text).is_some_and(|given| flags.contains(&given)),
            Self::Bytes(all) => bytes(text).is_some_and(|given| all.contains(&given)),
            Self::Networks(networks) => {
                text.parse::<IpAddr>().is_ok_and(|given| networks.iter().any(|network| network.contains(given)))
            }
        }
    }
}

fn order_of(compare: Compare) -> Order {
    match compare {
        Compare::Numeric(order) | Compare::Date(order) => order,
        _ => Order::Equal,
    }
}

/// `*` alone is no ARN, but policies write it for any.
fn arn(text: &str, syntax: Syntax) -> Option<Vec<Pattern>> {
    // A colon inside a variable parts nothing.
    let mut parts = vec![String::new()];
    let mut inside = false;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        inside = match character {
            '$' if syntax.variables && rest.peek() == Some(&'{') => true,
            '}' => false,
            _ => inside,
        };
        if character == ':' && !inside && parts.len() < ARN_PARTS {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    if parts.len() != ARN_PARTS && text != "*" {
        return None;
    }
    parts.iter().map(|part| Pattern::parse(part, syntax)).collect()
}

const ARN_PARTS: usize = 6;

fn arn_matches(wanted: &[Pattern], text: &str, lookup: Lookup<'_, '_>) -> bool {
    let given: Vec<_> = text.splitn(ARN_PARTS, ':').collect();
    if given.len() != ARN_PARTS {
        return false;
    }
    wanted.len() == 1 || wanted.iter().zip(given).all(|(pattern, part)| pattern.matches(part, Case::Matters, lookup))
}

fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
    text.parse().ok().filter(|_| plain)
}

fn flag(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::policy::value::Value;

    fn holds(operator: &str, wanted: &[&str], given: &[&str]) -> bool {
        let operator = Operator::parse(operator).expect("an operator");
        let wanted: Vec<_> = wanted.iter().map(|text| (*text).to_owned()).collect();
        let condition = Condition::parse(operator, "s3:Key", &wanted, true).expect("a condition");
        let value = match given {
            [] => None,
            [one] => Some(Value::from(*one)),
            many => Some(Value::Many(many.iter().map(|text| Cow::Borrowed(*text)).collect())),
        };
        condition.holds(&|key| match key {
            "s3:key" => value.clone(),
            "aws:username" => Some(Value::from("anna")),
            _ => None,
        })
    }

    #[test]
    fn each_operator() {
        for (operator, wanted, given, expected) in [
            ("StringEquals", &["a", "b"][..], &["b"][..], true),
            ("StringEquals", &["a*"], &["ab"], false),
            ("StringEquals", &["a"], &["A"], false),
            ("StringEquals", &["${aws:username}"], &["anna"], true),
            ("StringNotEquals", &["a", "b"], &["b"], false),
            ("StringNotEquals", &["a", "b"], &["c"], true),
            ("StringEqualsIgnoreCase", &["Ab"], &["aB"], true),
            ("StringNotEqualsIgnoreCase", &["Ab"], &["aB"], false),
            ("StringLike", &["home/${aws:username}/*"], &["home/anna/x"], true),
            ("StringLike", &["x?"], &["x"], false),
            ("StringNotLike", &["a*"], &["b"], true),
            ("ArnLike", &["arn:aws:iam::*:user/*"], &["arn:aws:iam::000000000001:user/a/b"], true),
            ("ArnEquals", &["arn:aws:iam::1:user/?"], &["arn:aws:iam::1:user/xy"], false),
            ("ArnEquals", &["*"], &["arn:aws:iam::1:user/x"], true),
            ("ArnNotLike", &["arn:aws:iam::1:user/*"], &["arn:aws:iam::2:user/x"], true),
            ("ArnLike", &["arn:aws:iam::1:user/*"], &["nonsense"], false),
            ("NumericEquals", &["10"], &["10.0"], true),
            ("NumericNotEquals", &["10"], &["11"], true),
            ("NumericLessThan", &["10"], &["10"], false),
            ("NumericLessThanEquals", &["10"], &["10"], true),
            ("NumericGreaterThan", &["10"], &["11"], true),
            ("NumericGreaterThanEquals", &["10"], &["9"], false),
            ("NumericLessThan", &["10"], &["many"], false),
            ("DateLessThan", &["2013-05-24T00:00:00Z"], &["2013-05-23T23:59:59Z"], true),
            ("DateGreaterThan", &["2013-05-24T00:00:00Z"], &["1369353601"], true),
            ("DateEquals", &["2013-05-24"], &["1369353600"], true),
            ("DateNotEquals", &["2013-05-24"], &["1369353600"], false),
            ("Bool", &["true"], &["TRUE"], true),
            ("Bool", &["false"], &["true"], false),
            ("BinaryEquals", &["QmluYXJ5"], &["QmluYXJ5"], true),
            ("IpAddress", &["10.0.0.0/8", "::1"], &["::1"], true),
            ("NotIpAddress", &["10.0.0.0/8"], &["10.1.1.1"], false),
            ("NotIpAddress", &["10.0.0.0/8"], &["11.1.1.1"], true),
            ("Null", &["true"], &[], true),
            ("Null", &["true"], &["x"], false),
            ("Null", &["false"], &["x"], true),
        ] {
            assert_eq!(holds(operator, wanted, given), expected, "{operator} {wanted:?} {given:?}");
        }
    }

    #[test]
    fn a_missing_key() {
        for (operator, wanted, expected) in [
            ("StringEquals", "a", false),
            ("StringNotEquals", "a", true),
            ("StringEqualsIfExists", "a", true),
            ("NumericLessThan", "1", false),
            ("NotIpAddress", "10.0.0.0/8", true),
            ("ForAllValues:StringEquals", "a", true),
            ("ForAnyValue:StringEquals", "a", false),
            ("ForAnyValue:StringNotEquals", "a", false),
        ] {
            assert_eq!(holds(operator, &[wanted], &[]), expected, "{operator}");
        }
    }

    #[test]
    fn several_values() {
        for (operator, wanted, given, expected) in [
            ("ForAllValues:StringEquals", &["a", "b"][..], &["a", "b"][..], true),
            ("ForAllValues:StringEquals", &["a", "b"], &["a", "c"], false),
            ("ForAnyValue:StringEquals", &["a", "b"], &["a", "c"], true),
            ("ForAnyValue:StringEquals", &["a"], &["c", "d"], false),
            ("ForAllValues:StringNotEquals", &["a"], &["c", "a"], false),
            ("ForAnyValue:StringNotEquals", &["a"], &["c", "a"], true),
        ] {
            assert_eq!(holds(operator, wanted, given), expected, "{operator} {wanted:?} {given:?}");
        }
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused() {
        for (operator, value) in [
            ("NumericEquals", "ten"),
            ("NumericEquals", "inf"),
            ("DateEquals", "soon"),
            ("Bool", "maybe"),
            ("Null", "1"),
            ("IpAddress", "10.0.0.0/99"),
            ("BinaryEquals", "%"),
            ("ArnEquals", "arn:aws"),
            ("StringLike", "${open"),
        ] {
            let operator = Operator::parse(operator).expect("an operator");
            assert!(Condition::parse(operator, "s3:Key", &[value.to_owned()], true).is_err(), "{value}");
        }
        let equals = Operator::parse("StringEquals").expect("an operator");
        assert!(Condition::parse(equals, "nokey", &["a".to_owned()], true).is_err());
        assert!(Condition::parse(equals, "s3:Key", &[], true).is_err());
    }
}
