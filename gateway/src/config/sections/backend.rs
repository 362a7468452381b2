//! `[[backend]]`: the places slivers go.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::config::environment::Environment;
use crate::config::error::Problem;

/// One backend.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendConfig {
    /// A name that never changes: placements and the marker on the backend itself carry it.
    pub name: String,
    /// Where it is: one of [`backends::URL_KINDS`].
    pub url: String,
    /// Who runs it; the name when absent. Slivers of a blob go to different providers.
    pub provider: Option<String>,
    /// Where it stands: a region, a site, a rack. At most as many slivers of a blob as may be lost are in one zone while there is a choice.
    /// Unnamed when absent, and then counted as a zone of its own.
    pub zone: Option<String>,
    /// Its share of new slivers in relation to the other backends': twice as many with twice the number.
    #[serde(default = "default_weight")]
    pub weight: u32,
    /// Whether it takes its whole share from the beginning. A folder or a bucket is the operator's own and does, unless this says otherwise; a
    /// storage node may be somebody else's and has a small share until it has passed its audits.
    pub trusted: Option<bool>,
    /// What the store behind the URL needs to know. `${NAME}` is replaced by that environment variable.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

fn default_weight() -> u32 {
    1
}

/// Values of options are secrets more often than not.
impl fmt::Debug for BackendConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendConfig")
            .field("name", &self.name)
            .field("provider", &self.provider)
            .field("zone", &self.zone)
            .field("weight", &self.weight)
            .field("trusted", &self.trusted)
            .field("options", &self.options.keys())
            .finish_non_exhaustive()
    }
}

impl BackendConfig {
    /// The provider, spelled out.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.provider.as_deref().unwrap_or(&self.name)
    }

    /// Whether it takes its whole share before it has passed any audit.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.trusted.unwrap_or(!self.is_node())
    }

    /// Whether it is a storage node.
    #[must_use]
    pub fn is_node(&self) -> bool {
        self.url.starts_with("node:")
    }

    /// What the backends crate opens.
    #[must_use]
    pub fn spec(&self) -> backends::BackendSpec {
        backends::BackendSpec {
            name: self.name.clone(),
            url: self.url.clone(),
            provider: Some(self.provider().to_owned()),
            zone: self.zone.clone(),
            options: self.options.clone(),
        }
    }

    /// Six folders in the data folder, each as if it were somebody else's: enough to try everything.
    pub(crate) fn local_six(data: &Path) -> Vec<Self> {
        (1..=6)
            .map(|number| Self {
                name: format!("b{number}"),
                url: data.join(format!("backends/b{number}")).to_string_lossy().into_owned(),
                provider: None,
                zone: None,
                weight: default_weight(),
                trusted: None,
                options: BTreeMap::new(),
            })
            .collect()
    }

    /// Puts environment variables where `${NAME}` stands.
    pub(crate) fn expand(&mut self, index: usize, environment: &Environment) -> Vec<Problem> {
        let values = self.options.iter_mut().map(|(key, value)| (format!("backend.{index}.options.{key}"), value));
        values
            .chain([(format!("backend.{index}.url"), &mut self.url)])
            .filter_map(|(location, value)| match environment.expand(value) {
                Ok(expanded) => {
                    *value = expanded;
                    None
                }
                Err(name) => Some(Problem::at(location, format!("the environment variable {name} is not set"))),
            })
            .collect()
    }
}
