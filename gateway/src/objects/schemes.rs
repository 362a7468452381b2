//! How blobs are coded, by storage class, and where they may lie, by bucket.

use std::collections::BTreeMap;
use std::sync::Arc;

use codec::Scheme;

use crate::domain::{Bucket, ObjectAttributes, PlacementRule};
use crate::objects::error::ObjectsError;

/// The configured schemes.
#[derive(Debug)]
pub(crate) struct Schemes {
    /// That of STANDARD.
    pub(crate) standard: Scheme,
    classes: BTreeMap<String, Scheme>,
}

impl Schemes {
    /// The scheme of STANDARD, and those of the other classes by name.
    pub(crate) fn new(standard: Scheme, classes: BTreeMap<String, Scheme>) -> Self {
        Self { standard, classes }
    }

    /// How blobs of an object with these attributes are coded. A class that is no longer configured is coded like STANDARD.
    pub(crate) fn of(&self, attributes: &ObjectAttributes) -> Scheme {
        let class = attributes.storage_class.as_ref().and_then(|class| self.classes.get(class));
        class.copied().unwrap_or(self.standard)
    }

    /// All of them; some may come more than once.
    pub(crate) fn all(&self) -> impl Iterator<Item = Scheme> {
        std::iter::once(self.standard).chain(self.classes.values().copied())
    }
}

/// How a blob is coded and where its slivers may lie. What differs in this never shares a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlobTerms {
    /// How it is coded.
    pub(crate) scheme: Scheme,
    /// Where its slivers may lie; anywhere when absent.
    pub(crate) rule: Option<Arc<PlacementRule>>,
}

/// Where the slivers of a bucket may lie.
///
/// # Errors
/// When its rule cannot be read: nothing is written, because it might lie where it must not.
pub(crate) fn placement_rule(bucket: &Bucket) -> Result<Option<Arc<PlacementRule>>, ObjectsError> {
    bucket.settings.get().map_err(|error| ObjectsError::Internal(error.to_string()))
}

/// Whether what lies in one bucket may be shared with another instead of being written again: the other's rule admits every backend, or is
/// the same. What was written before the source had this rule is moved as any of the source's.
///
/// # Errors
/// When a rule cannot be read.
pub(crate) fn may_share(source: &Bucket, target: &Bucket) -> Result<bool, ObjectsError> {
    let rule = placement_rule(target)?;
    Ok(rule.is_none() || source.id == target.id || rule == placement_rule(source)?)
}
