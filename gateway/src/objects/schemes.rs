//! How blobs are coded, by storage class.

use std::collections::BTreeMap;

use codec::Scheme;

use crate::domain::ObjectAttributes;

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
