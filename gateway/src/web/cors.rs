//! Cross-origin sharing: which pages of which origins may do what with a bucket.

use serde::{Deserialize, Serialize};

use crate::domain::Setting;

/// The methods a rule may name.
pub const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

/// The rules of a bucket, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CorsConfiguration {
    /// At most [`CorsConfiguration::RULES_MAX`].
    pub rules: Vec<CorsRule>,
}

/// One rule. Patterns hold at most one `*`, which stands for any text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CorsRule {
    /// What the owner calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Patterns of origins.
    pub origins: Vec<String>,
    /// Methods, of [`METHODS`].
    pub methods: Vec<String>,
    /// Patterns of the request headers a page may send.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Names of the reply headers a page may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exposed: Vec<String>,
    /// How long a browser may remember a preflight, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u32>,
}

/// What a rule grants to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorsGrant<'a> {
    /// `*` when the rule is for everybody, otherwise the origin of the request.
    pub origin: &'a str,
    /// The rule that applies.
    pub rule: &'a CorsRule,
}

impl CorsGrant<'_> {
    /// Whether the page may send cookies along; a grant to everybody never allows it.
    #[must_use]
    pub fn credentials(&self) -> bool {
        self.origin != "*"
    }
}

impl Setting for CorsConfiguration {
    const KIND: &'static str = "cors";
}

impl CorsConfiguration {
    /// The most rules a bucket may have.
    pub const RULES_MAX: usize = 100;

    /// What the first rule that allows all of it grants to a page of `origin` that uses `method` and sends `headers`.
    #[must_use]
    pub fn grant<'a>(&'a self, origin: &'a str, method: &str, headers: &[&str]) -> Option<CorsGrant<'a>> {
        self.rules.iter().find_map(|rule| {
            let pattern = rule.origins.iter().find(|pattern| matches(pattern, origin))?;
            let method_fits = rule.methods.iter().any(|allowed| allowed == method);
            let header_fits = |header: &&str| rule.headers.iter().any(|pattern| matches_ignoring_case(pattern, header));
            let granted = method_fits && headers.iter().all(header_fits);
            granted.then_some(CorsGrant { origin: if pattern == "*" { "*" } else { origin }, rule })
        })
    }
}

/// Whether text fits a pattern with at most one `*`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end),
    }
}

/// As [`matches`], for names of headers.
fn matches_ignoring_case(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let Some(star) = pattern.iter().position(|byte| *byte == b'*') else { return pattern.eq_ignore_ascii_case(text) };
    let (start, end) = (&pattern[..star], &pattern[star + 1..]);
    text.len() >= start.len() + end.len()
        && text[..start.len()].eq_ignore_ascii_case(start)
        && text[text.len() - end.len()..].eq_ignore_ascii_case(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CorsRule {
        let all = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        CorsRule { origins: all(origins), methods: all(methods), headers: all(headers), ..CorsRule::default() }
    }

    #[test]
    fn origins_fit_patterns() {
        let rules = CorsConfiguration {
            rules: vec![
                rule(&["*suffix"], &["GET"], &[]),
                rule(&["start*end"], &["GET"], &[]),
                rule(&["prefix*"], &["GET"], &[]),
                rule(&["*.put"], &["PUT"], &[]),
                rule(&["http://exact.example"], &["POST", "DELETE"], &[]),
            ],
        };
        for (origin, method, granted) in [
            ("foo.suffix", "GET", true),
            ("foo.suffix", "PUT", false),
            ("foo.suffix.get", "GET", false),
            ("startend", "GET", true),
            ("start12end", "GET", true),
            ("0start12end", "GET", false),
            ("star", "GET", false),
            ("startnd", "GET", false),
            ("prefix", "GET", true),
            ("bla.prefix", "GET", false),
            ("foo.put", "PUT", true),
            ("foo.put", "GET", false),
            ("http://exact.example", "DELETE", true),
            ("http://exact.example.evil", "DELETE", false),
            ("HTTP://exact.example", "DELETE", false),
            ("http://exact.example", "delete", false),
        ] {
            assert_eq!(rules.grant(origin, method, &[]).is_some(), granted, "{method} from {origin}");
        }
    }

    #[test]
    fn every_header_asked_for_must_fit() {
        let rules = CorsConfiguration { rules: vec![rule(&["*"], &["PUT"], &["X-Amz-*", "content-type"])] };
        for (headers, granted) in [
            (&[][..], true),
            (&["x-amz-date", "Content-Type"], true),
            (&["x-amz-"], true),
            (&["x-amz-date", "authorization"], false),
            (&["content-types"], false),
        ] {
            assert_eq!(rules.grant("http://a", "PUT", headers).is_some(), granted, "{headers:?}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_counts_and_everybody_gets_no_credentials() {
        let mut first = rule(&["http://a", "*"], &["GET"], &[]);
        first.id = Some("first".to_owned());
        let rules =
            CorsConfiguration { rules: vec![rule(&["*"], &["PUT"], &[]), first, rule(&["*"], &["GET"], &["*"])] };
        let known = rules.grant("http://a", "GET", &[]).unwrap();
        assert_eq!((known.origin, known.rule.id.as_deref(), known.credentials()), ("http://a", Some("first"), true));
        let other = rules.grant("http://b", "GET", &[]).unwrap();
        assert_eq!((other.origin, other.rule.id.as_deref(), other.credentials()), ("*", Some("first"), false));
        assert_eq!(rules.grant("http://b", "GET", &["x"]).unwrap().rule.id, None, "a later rule allows the header");
    }

    proptest! {
        #[test]
        fn a_pattern_fits_what_it_was_made_of(start in "[a-z.:/]{0,8}", middle in ".{0,8}", end in "[a-z.:/]{0,8}") {
            let pattern = format!("{start}*{end}");
            let text = format!("{start}{middle}{end}");
            prop_assert!(matches(&pattern, &text));
            prop_assert!(matches(&text.replace('*', ""), &text.replace('*', "")));
        }
    }
}
