//! `[storage_class.NAME]`: storage classes are names for schemes.

use std::collections::BTreeMap;

use codec::Scheme;
use serde::Deserialize;

use crate::config::error::Problem;

/// The classes that need no restore: those that are not configured are coded like STANDARD.
const INSTANT: [&str; 5] = ["REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"];

/// Classes that are there only when they are configured.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// One class.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageClassConfig {
    /// How blobs of its objects are encoded.
    pub scheme: String,
}

/// The scheme of each class but STANDARD, whose scheme is the topmost of the file.
pub(crate) fn resolve(
    written: &BTreeMap<String, StorageClassConfig>,
    standard: Scheme,
    found: &mut Vec<Problem>,
) -> BTreeMap<String, Scheme> {
    let mut classes: BTreeMap<String, Scheme> = INSTANT.iter().map(|name| ((*name).to_owned(), standard)).collect();
    for (name, class) in written {
        let at = |key: &str| format!("storage_class.{name}{key}");
        if name == "STANDARD" {
            found.push(Problem::at(at(""), "the scheme of STANDARD is the one at the top of the file"));
            continue;
        }
        if !INSTANT.contains(&name.as_str()) && !ARCHIVES.contains(&name.as_str()) {
            let known = [&INSTANT[..], &ARCHIVES[..]].concat().join(", ");
            found.push(Problem::at(at(""), format!("there is no storage class {name:?}; there are {known}")));
            continue;
        }
        match class.scheme.parse() {
            Ok(scheme) => {
                classes.insert(name.clone(), scheme);
            }
            Err(_) => found.push(Problem::at(at(".scheme"), format!("there is no scheme {:?}", class.scheme))),
        }
    }
    classes
}
