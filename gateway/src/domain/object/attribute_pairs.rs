//! Attributes as pairs of names and values, as catalogs hold them.

use crate::domain::object::attributes::ObjectAttributes;

const USER: &str = "x-amz-meta-";
const TAG: &str = "x-amz-tagging:";
const ENCRYPTION: &str = "x-haulout-encryption";

impl ObjectAttributes {
    /// System headers under their names, user metadata under `x-amz-meta-`, tags under `x-amz-tagging:`. Neither access list nor owner:
    /// what is rebuilt from catalogs alone is private.
    #[must_use]
    pub fn to_pairs(&self) -> Vec<(String, String)> {
        let system = self.system().into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        let user = self.user.iter().map(|(name, value)| (format!("{USER}{name}"), value.clone()));
        let tags = self.tags.iter().map(|(name, value)| (format!("{TAG}{name}"), value.clone()));
        // What a rebuild needs to decipher the content, should its key be at hand.
        let encryption = self.encryption.as_ref().and_then(|encryption| serde_json::to_string(encryption).ok());
        system.chain(user).chain(tags).chain(encryption.map(|text| (ENCRYPTION.to_owned(), text))).collect()
    }

    /// The reverse of [`Self::to_pairs`]. Names that a later release has written are passed over.
    ///
    /// # Errors
    /// How the content is encrypted cannot be read: without it the content is of no use.
    pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self, String> {
        let mut attributes = Self::default();
        for (name, value) in pairs {
            if let Some(name) = name.strip_prefix(USER) {
                attributes.user.push((name.to_owned(), value.clone()));
            } else if let Some(name) = name.strip_prefix(TAG) {
                attributes.tags.push((name.to_owned(), value.clone()));
            } else if name == ENCRYPTION {
                let encryption = serde_json::from_str(value);
                attributes.encryption = Some(encryption.map_err(|error| format!("its encryption: {error}"))?);
            } else if let Some(slot) = attributes.system_mut(name) {
                *slot = Some(value.clone());
            }
        }
        Ok(attributes)
    }

    fn system(&self) -> [(&'static str, &Option<String>); 8] {
        [
            ("content-type", &self.content_type),
            ("cache-control", &self.cache_control),
            ("content-disposition", &self.content_disposition),
            ("content-encoding", &self.content_encoding),
            ("content-language", &self.content_language),
            ("expires", &self.expires),
            ("x-amz-website-redirect-location", &self.website_redirect),
            ("x-amz-storage-class", &self.storage_class),
        ]
    }

    fn system_mut(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "content-type" => &mut self.content_type,
            "cache-control" => &mut self.cache_control,
            "content-disposition" => &mut self.content_disposition,
            "content-encoding" => &mut self.content_encoding,
            "content-language" => &mut self.content_language,
            "expires" => &mut self.expires,
            "x-amz-website-redirect-location" => &mut self.website_redirect,
            "x-amz-storage-class" => &mut self.storage_class,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_they_were_written() {
        let text = |text: &str| Some(text.to_owned());
        let attributes = ObjectAttributes {
            content_type: text("a"),
            cache_control: text("b"),
            content_disposition: text("c"),
            content_encoding: text("d"),
            content_language: text("e"),
            expires: text("f"),
            website_redirect: text("g"),
            storage_class: text("h"),
            user: vec![("n".to_owned(), "v".to_owned()), ("n2".to_owned(), String::new())],
            tags: vec![("k:x".to_owned(), "w".to_owned())],
            ..ObjectAttributes::default()
        };
        assert_eq!(ObjectAttributes::from_pairs(&attributes.to_pairs()), Ok(attributes));
        let later = [("x-later".to_owned(), "z".to_owned())];
        assert_eq!(ObjectAttributes::from_pairs(&later), Ok(ObjectAttributes::default()));
    }
}
