//! What is configured on a bucket: documents by kind, read once and kept with the bucket.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A bucket configuration. The module that interprets it defines the type; the database stores it as
/// JSON under its kind.
pub trait Setting: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind in the database. Never renamed; no two types share one.
    const KIND: &'static str;
}

/// The settings of a bucket. Cheap to clone; a kind that was never configured is absent.
#[derive(Clone, Default)]
pub struct BucketSettings(Option<Arc<BTreeMap<String, Document>>>);

/// A document, parsed on first use.
struct Document {
    text: String,
    parsed: OnceLock<Result<Arc<dyn Any + Send + Sync>, DamagedSetting>>,
}

/// A document in the database is not what its kind says it is.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the setting {kind} of a bucket cannot be read: {reason}")]
pub struct DamagedSetting {
    kind: &'static str,
    reason: String,
}

impl BucketSettings {
    /// Settings from the texts of their documents, by kind.
    #[must_use]
    pub fn from_texts(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let document = |(kind, text)| (kind, Document { text, parsed: OnceLock::new() });
        let documents: BTreeMap<_, _> = texts.into_iter().map(document).collect();
        Self((!documents.is_empty()).then(|| Arc::new(documents)))
    }

    /// What is configured, if anything is. A document is parsed once, however many requests ask; nothing is allocated where
    /// nothing is configured.
    ///
    /// # Errors
    /// [`DamagedSetting`] when the document is of another shape. The caller must refuse, not go on as if nothing were there.
    pub fn get<T: Setting>(&self) -> Result<Option<Arc<T>>, DamagedSetting> {
        let Some(document) = self.0.as_ref().and_then(|documents| documents.get(T::KIND)) else { return Ok(None) };
        let damaged = |reason: String| DamagedSetting { kind: T::KIND, reason };
        let parse = || match serde_json::from_str::<T>(&document.text) {
            Ok(value) => Ok(Arc::new(value) as Arc<dyn Any + Send + Sync>),
            Err(error) => Err(damaged(error.to_string())),
        };
        let parsed = document.parsed.get_or_init(parse).clone()?;
        parsed.downcast().map(Some).map_err(|_| damaged("it was read as another type".to_owned()))
    }

    /// Whether a kind is configured.
    #[must_use]
    pub fn has<T: Setting>(&self) -> bool {
        self.0.as_ref().is_some_and(|documents| documents.contains_key(T::KIND))
    }

    /// Kinds and texts, by kind.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let documents = self.0.iter().flat_map(|documents| documents.iter());
        documents.map(|(kind, document)| (kind.as_str(), document.text.as_str()))
    }
}

impl PartialEq for BucketSettings {
    fn eq(&self, other: &Self) -> bool {
        self.texts().eq(other.texts())
    }
}

impl Eq for BucketSettings {}

/// Kinds only: a document may hold what no log should.
impl fmt::Debug for BucketSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.texts().map(|(kind, _)| kind)).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Colour(String);

    impl Setting for Colour {
        const KIND: &'static str = "colour";
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Size(u32);

    impl Setting for Size {
        const KIND: &'static str = "size";
    }

    fn settings(texts: &[(&str, &str)]) -> BucketSettings {
        BucketSettings::from_texts(texts.iter().map(|(kind, text)| ((*kind).to_owned(), (*text).to_owned())))
    }

    #[test]
    fn a_setting_is_read_once_and_shared() {
        let settings = settings(&[("colour", "\"red\"")]);
        let first = settings.get::<Colour>().unwrap().unwrap();
        let again = settings.clone().get::<Colour>().unwrap().unwrap();
        assert_eq!(*first, Colour("red".to_owned()));
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(settings.get::<Size>(), Ok(None));
        assert!(settings.has::<Colour>() && !settings.has::<Size>());
    }

    #[test]
    fn a_damaged_document_is_an_error_and_not_an_absence() {
        let settings = settings(&[("size", "\"large\"")]);
        assert!(settings.get::<Size>().unwrap_err().to_string().contains("size"));
        assert!(settings.get::<Size>().is_err(), "the second time too");
    }
}
