//! Tags of objects and buckets.

use std::collections::HashSet;

/// A checked list of tags: names and values, in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagSet(Vec<(String, String)>);

/// Which rule a list of tags breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// More than the given number.
    #[error("there are more than {0} tags")]
    TooMany(usize),
    /// A name is empty, longer than 128 UTF-16 units, or has a character that tags may not have.
    #[error("The TagKey you have provided is invalid")]
    Key(String),
    /// A name begins with `aws:`, as those that the service itself sets do.
    #[error("System tags cannot be added/updated by requester")]
    Reserved(String),
    /// A value is longer than 256 UTF-16 units or has a character that tags may not have.
    #[error("The TagValue you have provided is invalid")]
    Value(String, String),
    /// A name comes twice.
    #[error("Cannot provide multiple Tags with the same key")]
    Duplicate(String),
}

impl TagSet {
    /// The most tags of an object.
    pub const OBJECT_MAX: usize = 10;
    /// The most tags of a bucket.
    pub const BUCKET_MAX: usize = 50;
    /// The longest name, in UTF-16 units.
    const KEY_UNITS_MAX: usize = 128;
    /// The longest value, in UTF-16 units.
    const VALUE_UNITS_MAX: usize = 256;

    /// Checks a list of at most `most` tags.
    ///
    /// # Errors
    /// Says which rule it breaks.
    pub fn new(tags: Vec<(String, String)>, most: usize) -> Result<Self, TagError> {
        if tags.len() > most {
            return Err(TagError::TooMany(most));
        }
        let mut names = HashSet::new();
        for (name, value) in &tags {
            let reserved = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
            if reserved {
                return Err(TagError::Reserved(name.clone()));
            }
            if name.is_empty() || !fits(name, Self::KEY_UNITS_MAX) {
                return Err(TagError::Key(name.clone()));
            }
            if !fits(value, Self::VALUE_UNITS_MAX) {
                return Err(TagError::Value(name.clone(), value.clone()));
            }
            if !names.insert(name.as_str()) {
                return Err(TagError::Duplicate(name.clone()));
            }
        }
        drop(names);
        Ok(Self(tags))
    }

    /// The tags.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The tags, given away.
    #[must_use]
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }
}

/// Letters, digits and white space of any script, and `_ . : / = + - @`.
fn fits(text: &str, units_max: usize) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    text.encode_utf16().count() <= units_max && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Result<TagSet, TagError> {
        let owned = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        TagSet::new(owned.collect(), TagSet::OBJECT_MAX)
    }

    #[test]
    fn each_rule_is_named() {
        let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
        for (pairs, expected) in [
            (&[("a", "1"), ("b", "")][..], Ok(2)),
            (&[("größe +-=._:/@", "ü x")], Ok(1)),
            (&[(&long_key[1..], &long_value[1..])], Ok(1)),
            (&[(&long_key, "")], Err(TagError::Key(long_key.clone()))),
            (&[("a", &long_value)], Err(TagError::Value("a".to_owned(), long_value.clone()))),
            (&[("", "v")], Err(TagError::Key(String::new()))),
            (&[("AWS:x", "v")], Err(TagError::Reserved("AWS:x".to_owned()))),
            (&[("a!", "v")], Err(TagError::Key("a!".to_owned()))),
            (&[("a", "v\u{0}")], Err(TagError::Value("a".to_owned(), "v\u{0}".to_owned()))),
            (&[("a", "1"), ("a", "2")], Err(TagError::Duplicate("a".to_owned()))),
            (&[("a", "1"), ("A", "2")], Ok(2)),
        ] {
            assert_eq!(tags(pairs).map(|set| set.pairs().len()), expected, "{pairs:?}");
        }
    }

    #[test]
    fn units_of_utf_16_are_counted() {
        let wide = "\u{10400}"; // one letter, two units
        assert!(tags(&[(&wide.repeat(64), "")]).is_ok());
        assert_eq!(tags(&[(&wide.repeat(65), "")]), Err(TagError::Key(wide.repeat(65))));
    }

    #[test]
    fn there_is_a_most() {
        let many = |count: usize| (0..count).map(|i| (i.to_string(), String::new())).collect::<Vec<_>>();
        assert!(TagSet::new(many(10), TagSet::OBJECT_MAX).is_ok());
        assert_eq!(TagSet::new(many(11), TagSet::OBJECT_MAX), Err(TagError::TooMany(10)));
        assert!(TagSet::new(many(50), TagSet::BUCKET_MAX).is_ok());
    }
}
