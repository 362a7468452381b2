//! The operators of conditions, by name.

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    /// Letter by letter.
    Equals,
    /// In any case.
    EqualsIgnoreCase,
    /// With wildcards.
    Like,
    /// With wildcards in each of the parts between colons.
    Arn,
    /// As numbers.
    Numeric(Order),
    /// As dates.
    Date(Order),
    /// `true` or `false`.
    Bool,
    /// As bytes, which are written in base64.
    Binary,
    /// As an address in a network.
    Ip,
    /// Whether the key is missing.
    Null,
}

/// Which of two ordered values must be the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    /// Whether `ordering`, of the request's value against the policy's, is what is wanted.
    pub(crate) fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// What to do with a key that has several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// Nothing was said: one value.
    One,
    /// `ForAllValues:`; also holds when there are none.
    All,
    /// `ForAnyValue:`; holds for none when there are none.
    Any,
}

/// An operator as it stands in a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) compare: Compare,
    /// `...Not...`: holds when no value of the policy matches.
    pub(crate) negated: bool,
    /// `...IfExists`: holds when the key is missing.
    pub(crate) if_exists: bool,
    pub(crate) quantifier: Quantifier,
}

const NAMES: [(&str, Compare, bool); 27] = [
    ("StringEquals", Compare::Equals, false),
    ("StringNotEquals", Compare::Equals, true),
    ("StringEqualsIgnoreCase", Compare::EqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Compare::EqualsIgnoreCase, true),
    ("StringLike", Compare::Like, false),
    ("StringNotLike", Compare::Like, true),
    ("ArnEquals", Compare::Arn, false),
    ("ArnLike", Compare::Arn, false),
    ("ArnNotEquals", Compare::Arn, true),
    ("ArnNotLike", Compare::Arn, true),
    ("NumericEquals", Compare::Numeric(Order::Equal), false),
    ("NumericNotEquals", Compare::Numeric(Order::Equal), true),
    ("NumericLessThan", Compare::Numeric(Order::Less), false),
    ("NumericLessThanEquals", Compare::Numeric(Order::LessOrEqual), false),
    ("NumericGreaterThan", Compare::Numeric(Order::Greater), false),
    ("NumericGreaterThanEquals", Compare::Numeric(Order::GreaterOrEqual), false),
    ("DateEquals", Compare::Date(Order::Equal), false),
    ("DateNotEquals", Compare::Date(Order::Equal), true),
    ("DateLessThan", Compare::Date(Order::Less), false),
    ("DateLessThanEquals", Compare::Date(Order::LessOrEqual), false),
    ("DateGreaterThan", Compare::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Compare::Date(Order::GreaterOrEqual), false),
    ("Bool", Compare::Bool, false),
    ("BinaryEquals", Compare::Binary, false),
    ("IpAddress", Compare::Ip, false),
    ("NotIpAddress", Compare::Ip, true),
    ("Null", Compare::Null, false),
];

impl Operator {
    /// Reads a name; operators are the same in any case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (quantifier, name) = match text.split_once(':') {
            None => (Quantifier::One, text),
            Some((word, name)) if word.eq_ignore_ascii_case("ForAllValues") => (Quantifier::All, name),
            Some((word, name)) if word.eq_ignore_ascii_case("ForAnyValue") => (Quantifier::Any, name),
            Some(_) => return None,
        };
        let suffix = "IfExists";
        let cut = name.len().checked_sub(suffix.len()).filter(|cut| name.is_char_boundary(*cut));
        let (name, if_exists) = match cut {
            Some(cut) if name[cut..].eq_ignore_ascii_case(suffix) => (&name[..cut], true),
            _ => (name, false),
        };
        let (_, compare, negated) = NAMES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
        if *compare == Compare::Null && (if_exists || quantifier != Quantifier::One) {
            return None;
        }
        Some(Self { compare: *compare, negated: *negated, if_exists, quantifier })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_what_stands_before_and_after() {
        let plain = Operator { compare: Compare::Like, negated: false, if_exists: false, quantifier: Quantifier::One };
        assert_eq!(Operator::parse("StringLike"), Some(plain));
        assert_eq!(Operator::parse("stringLIKE"), Some(plain));
        assert_eq!(Operator::parse("StringLikeIfExists"), Some(Operator { if_exists: true, ..plain }));
        let all = Operator { negated: true, if_exists: true, quantifier: Quantifier::All, ..plain };
        assert_eq!(Operator::parse("ForAllValues:StringNotLikeIfExists"), Some(all));
        for none in ["", "IfExists", "StringIs", "ForSomeValue:StringLike", "NullIfExists", "ForAnyValue:Null", "é"] {
            assert_eq!(Operator::parse(none), None, "{none}");
        }
    }
}
