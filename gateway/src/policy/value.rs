//! Values of condition keys.

use std::borrow::Cow;

/// One value or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Most keys have one.
    One(Cow<'a, str>),
    /// The keys of the tags a request brings, and the like.
    Many(Vec<Cow<'a, str>>),
}

/// Finds the value of a condition key by its name as [`key_name`] writes it; `None` when the request has none.
pub type Lookup<'f, 'v> = &'f dyn Fn(&str) -> Option<Value<'v>>;

impl<'a> Value<'a> {
    /// Each value.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.as_slice().iter(),
        }
        .map(Cow::as_ref)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::One(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::One(Cow::Owned(text))
    }
}

/// The name of a condition key in the one way it is compared: in lower case, but for the key of a tag after a slash, in
/// which case matters.
#[must_use]
pub fn key_name(name: &str) -> String {
    match name.split_once('/') {
        Some((before, tag)) => format!("{}/{tag}", before.to_ascii_lowercase()),
        None => name.to_ascii_lowercase(),
    }
}
