//! Patterns: text with `*`, `?` and policy variables such as `${aws:username}`.

use std::borrow::Cow;

use crate::policy::document::wildcard::{self, Case, Piece};
use crate::policy::value::{Lookup, Value};

/// A pattern, taken apart once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
    /// Whether a variable is among the pieces.
    variables: bool,
}

/// What of a pattern's text has a meaning besides its letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syntax {
    /// `*` and `?`.
    pub wildcards: bool,
    /// `${...}`: only in policies of version 2012-10-17.
    pub variables: bool,
}

impl Pattern {
    /// Takes a text apart. `None` for a variable that is not closed.
    #[must_use]
    pub fn parse(text: &str, syntax: Syntax) -> Option<Self> {
        let mut pattern = Self { pieces: Vec::new(), variables: false };
        let mut rest = text;
        let mut plain = String::new();
        while let Some(character) = rest.chars().next() {
            if syntax.variables && rest.starts_with("${") {
                let (inside, after) = rest[2..].split_once('}')?;
                rest = after;
                if matches!(inside, "*" | "?" | "$") {
                    plain.push_str(inside);
                } else {
                    pattern.flush(&mut plain);
                    pattern.push_variable(inside);
                }
                continue;
            }
            rest = &rest[character.len_utf8()..];
            match character {
                '*' if syntax.wildcards => {
                    pattern.flush(&mut plain);
                    if pattern.pieces.last() != Some(&Piece::Any) {
                        pattern.pieces.push(Piece::Any);
                    }
                }
                '?' if syntax.wildcards => {
                    pattern.flush(&mut plain);
                    pattern.pieces.push(Piece::One);
                }
                other => plain.push(other),
            }
        }
        pattern.flush(&mut plain);
        Some(pattern)
    }

    fn flush(&mut self, plain: &mut String) {
        if !plain.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(plain).into_boxed_str()));
        }
    }

    fn push_variable(&mut self, inside: &str) {
        let (key, default) = match inside.split_once(',') {
            Some((key, default)) => (key, Some(default.trim().trim_matches('\'').into())),
            None => (inside, None),
        };
        self.variables = true;
        self.pieces.push(Piece::Variable(crate::policy::value::key_name(key.trim()).into(), default));
    }

    /// Whether the text is one this pattern describes. A variable that has no value describes nothing.
    #[must_use]
    pub fn matches(&self, text: &str, case: Case, lookup: Lookup<'_, '_>) -> bool {
        if !self.variables {
            return wildcard::matches(&self.pieces, text, case);
        }
        self.resolve(text.len(), lookup).is_some_and(|pieces| wildcard::matches(&pieces, text, case))
    }

    /// The pattern with the values of its variables, which are plain text whatever is in them; `None` when one has none, or when together
    /// they are longer than `bytes`, the text that they would have to be. So a thousand variables cost no more than that text.
    fn resolve(&self, bytes: usize, lookup: Lookup<'_, '_>) -> Option<Vec<Piece>> {
        let mut left = bytes;
        let resolved = |piece: &Piece| {
            let piece = match piece {
                Piece::Variable(key, default) => {
                    let value = match lookup(key) {
                        Some(Value::One(value)) => Some(value),
                        Some(Value::Many(_)) | None => default.as_deref().map(Cow::Borrowed),
                    };
                    let value = value.filter(|value| value.len() <= left)?;
                    Piece::Text(value.as_ref().into())
                }
                other => other.clone(),
            };
            left = left.checked_sub(if let Piece::Text(text) = &piece { text.len() } else { 0 })?;
            Some(piece)
        };
        self.pieces.iter().map(resolved).collect()
    }

    /// The condition keys whose values it takes, in lower case.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| if let Piece::Variable(key, _) = piece { Some(&**key) } else { None })
    }

    /// Whether it describes one text only, whatever the request.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// Whether it can describe this text, or a text that goes on after it with `/`. A variable may be anything.
    #[must_use]
    pub fn reaches(&self, text: &str) -> (bool, bool) {
        let loose: Vec<_> = self
            .pieces
            .iter()
            .map(|piece| if matches!(piece, Piece::Variable(..)) { Piece::Any } else { piece.clone() })
            .collect();
        (wildcard::matches(&loose, text, Case::Matters), can_begin(&loose, &format!("{text}/")))
    }
}

/// Whether some text that begins with `start` matches.
fn can_begin(pieces: &[Piece], start: &str) -> bool {
    let Some((first, others)) = pieces.split_first() else { return start.is_empty() };
    match first {
        // Whatever follows can be reached after any text.
        Piece::Any => true,
        Piece::One => without_first(start).is_none_or(|rest| can_begin(others, rest)),
        Piece::Text(text) => match start.strip_prefix(&**text) {
            Some(rest) => can_begin(others, rest),
            None => text.starts_with(start),
        },
        Piece::Variable(..) => true,
    }
}

fn without_first(text: &str) -> Option<&str> {
    text.chars().next().map(|first| &text[first.len_utf8()..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WILD: Syntax = Syntax { wildcards: true, variables: true };

    fn matches(pattern: &str, text: &str) -> bool {
        let lookup = |key: &str| match key {
            "aws:username" => Some(Value::from("anna*")),
            _ => None,
        };
        Pattern::parse(pattern, WILD).expect("parses").matches(text, Case::Matters, &lookup)
    }

    #[test]
    fn wildcards_and_variables() {
        for (pattern, text, wanted) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*", "a/b/c", true),
            ("a?c", "abc", true),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("*b*d", "abcbd", true),
            ("*b*d", "abcbde", false),
            ("a**b", "ab", true),
            ("home/${aws:username}/*", "home/anna*/x", true),
            ("home/${AWS:UserName}/*", "home/annabel/x", false),
            ("${aws:userid}", "", false),
            ("${aws:userid, 'nobody'}", "nobody", true),
            ("a${*}b", "a*b", true),
            ("a${*}b", "axb", false),
            ("${$}{x}", "${x}", true),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
        assert_eq!(Pattern::parse("${aws:username", WILD), None);
        let old = Syntax { wildcards: true, variables: false };
        let literal = Pattern::parse("${aws:username}", old).expect("parses");
        assert!(literal.matches("${aws:username}", Case::Matters, &|_| None));
    }

    #[test]
    fn values_longer_than_the_text_are_not_looked_at() {
        let looked_up = std::cell::Cell::new(0);
        let lookup = |_: &str| {
            looked_up.set(looked_up.get() + 1);
            Some(Value::from("four"))
        };
        let pattern = Pattern::parse(&"${aws:referer}".repeat(1_000), WILD).expect("parses");
        assert!(!pattern.matches("fourfou", Case::Matters, &lookup));
        assert_eq!(looked_up.replace(0), 2);
        assert!(pattern.matches(&"four".repeat(1_000), Case::Matters, &lookup));
    }

    #[test]
    fn what_a_resource_can_reach() {
        let reaches = |pattern: &str| Pattern::parse(pattern, WILD).expect("parses").reaches("arn:aws:s3:::photos");
        assert_eq!(reaches("arn:aws:s3:::photos"), (true, false));
        assert_eq!(reaches("arn:aws:s3:::photos/*"), (false, true));
        assert_eq!(reaches("arn:aws:s3:::photos/a/b"), (false, true));
        assert_eq!(reaches("arn:aws:s3:::photos*"), (true, true));
        assert_eq!(reaches("arn:aws:s3:::*"), (true, true));
        assert_eq!(reaches("arn:aws:s3:::photo?"), (true, false));
        assert_eq!(reaches("arn:aws:s3:::photo?/${aws:userid}"), (false, true));
        assert_eq!(reaches("arn:aws:s3:::other/*"), (false, false));
        assert_eq!(reaches("*"), (true, true));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(pattern in "[a$é{}*?:, ']{0,20}", text in "[aé*${}]{0,20}") {
            if let Some(pattern) = Pattern::parse(&pattern, WILD) {
                let _ = pattern.matches(&text, Case::Ignored, &|_| None);
                let _ = pattern.reaches(&text);
            }
        }
    }
}
