//! What documents demand of the children of an element.

use crate::s3::documents::xml::document::Element;
use crate::s3::error::{Code, S3Error};

/// Accepts only children of these names: what is not understood must not be lost silently.
///
/// # Errors
/// `MalformedXML`.
pub fn only(element: &Element, names: &[&str]) -> Result<(), S3Error> {
    let known = |child: &Element| names.contains(&child.name.as_str());
    if element.children.iter().all(known) { Ok(()) } else { Err(Code::MalformedXML.into()) }
}

/// The texts of all children of a name.
#[must_use]
pub fn texts(element: &Element, name: &str) -> Vec<String> {
    element.all(name).map(|child| child.text.clone()).collect()
}

/// The text of a child that may occur once; `None` when it is missing.
///
/// # Errors
/// `MalformedXML` when there are two.
pub fn optional(element: &Element, name: &str) -> Result<Option<String>, S3Error> {
    let mut all = element.all(name);
    match (all.next(), all.next()) {
        (_, Some(_)) => Err(Code::MalformedXML.into()),
        (first, None) => Ok(first.map(|child| child.text.clone())),
    }
}
