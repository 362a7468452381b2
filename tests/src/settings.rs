//! What a test's gateway is started with, as the configuration file that a person would write.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::certificate::Certificate;
use crate::{Database, FreshDatabase};

/// Settings of a gateway. The defaults are the product's, but what died may be collected at once.
#[derive(Clone)]
pub struct Settings {
    database: Database,
    /// A database that is there already, instead of a fresh one.
    /// The gateway's, and the one to dump it from.
    database_urls: Option<(String, String)>,
    pub(crate) tls: bool,
    /// The domain of websites, when they are served.
    websites: Option<String>,
    /// The root user's keys are those of the data folder, not of the environment.
    pub(crate) root_in_folder: bool,
    scheme: String,
    backends: Vec<BackendSetting>,
    sections: Vec<(String, String)>,
    pub(crate) environment: Vec<(String, String)>,
    /// Another program than the one all others run.
    pub(crate) program: Option<PathBuf>,
}

#[derive(Clone)]
struct BackendSetting {
    name: String,
    /// None: a folder in the data folder.
    url: Option<String>,
    options: Vec<(String, String)>,
    /// Where it stands, if that is said.
    zone: Option<String>,
}

/// Where one gateway listens and keeps its things.
pub(crate) struct GatewayLayout {
    pub data: PathBuf,
    pub http: u16,
    pub https: Option<(u16, Certificate)>,
    pub ops: u16,
    pub website: u16,
}

impl Settings {
    /// Six local folders, `rs-4-2`.
    #[must_use]
    pub fn new(database: Database) -> Self {
        let settings = Self {
            database,
            database_urls: None,
            tls: false,
            websites: None,
            root_in_folder: false,
            scheme: "rs-4-2".into(),
            backends: Vec::new(),
            sections: Vec::new(),
            environment: Vec::new(),
            program: None,
        };
        settings.folders(6).set("objects", "grace_seconds = 0").set("objects", "trash_seconds = 0")
    }

    /// A PostgreSQL database that is there already, and stays.
    #[must_use]
    pub fn database_at(mut self, url: &str, dump_url: &str) -> Self {
        self.database = Database::Postgres;
        self.database_urls = Some((url.into(), dump_url.into()));
        self
    }

    pub(crate) async fn make_database(&self) -> Result<FreshDatabase> {
        match &self.database_urls {
            Some((url, dump_url)) => Ok(FreshDatabase::at(url, dump_url)),
            None => FreshDatabase::create(self.database).await,
        }
    }

    /// Another scheme.
    #[must_use]
    pub fn scheme(mut self, scheme: &str) -> Self {
        self.scheme = scheme.into();
        self
    }

    /// `count` local folders, b1 and up, instead of what was there.
    #[must_use]
    pub fn folders(mut self, count: usize) -> Self {
        let folder = |number| BackendSetting { name: format!("b{number}"), url: None, options: Vec::new(), zone: None };
        self.backends = (1..=count).map(folder).collect();
        self
    }

    /// Points one backend elsewhere.
    #[must_use]
    pub fn backend_at(mut self, name: &str, url: &str, options: &[(&str, &str)]) -> Self {
        self.backends.retain(|backend| backend.name != name);
        let options = options.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        self.backends.push(BackendSetting { name: name.into(), url: Some(url.into()), options, zone: None });
        self
    }

    /// The folders that lie in the data folder lie in another's.
    #[must_use]
    pub(crate) fn with_folders_of(mut self, data: &Path) -> Self {
        for backend in self.backends.iter_mut().filter(|backend| backend.url.is_none()) {
            backend.url = Some(data.join("backends").join(&backend.name).display().to_string());
        }
        self
    }

    /// Adds an option to a backend.
    #[must_use]
    pub fn option(mut self, backend: &str, key: &str, value: &str) -> Self {
        for one in self.backends.iter_mut().filter(|one| one.name == backend) {
            one.options.push((key.into(), value.into()));
        }
        self
    }

    /// Says where a backend stands.
    #[must_use]
    pub fn zone(mut self, backend: &str, zone: &str) -> Self {
        self.backends.iter_mut().filter(|one| one.name == backend).for_each(|one| one.zone = Some(zone.into()));
        self
    }

    /// Leaves a backend out.
    #[must_use]
    pub fn without_backend(mut self, name: &str) -> Self {
        self.backends.retain(|backend| backend.name != name);
        self
    }

    /// A line of a section: `set("objects", "linger_ms = 0")`. A key given again replaces the earlier one.
    #[must_use]
    pub fn set(mut self, section: &str, line: &str) -> Self {
        let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
        self.sections.retain(|(other, old)| other != section || key(old) != key(line));
        self.sections.push((section.into(), line.into()));
        self
    }

    /// A second listener that speaks https.
    #[must_use]
    pub fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// A listener for websites, under this domain and under their own.
    #[must_use]
    pub fn with_websites(mut self, domain: &str) -> Self {
        self.websites = Some(domain.into());
        self
    }

    /// Leaves the root user's keys to the gateway, which keeps them in its data folder.
    #[must_use]
    pub fn with_root_in_folder(mut self) -> Self {
        self.root_in_folder = true;
        self
    }

    /// An environment variable of the gateway.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Another program than the one all others run.
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    pub(crate) fn to_toml(&self, layout: &GatewayLayout) -> String {
        let mut text = format!("scheme = \"{}\"\ndata = \"{}\"\n", self.scheme, layout.data.display());
        let mut sections: Vec<(String, String)> = vec![
            ("s3".into(), format!("listen = \"127.0.0.1:{}\"", layout.http)),
            ("ops".into(), format!("listen = \"127.0.0.1:{}\"", layout.ops)),
        ];
        if let Some((port, certificate)) = &layout.https {
            sections.push((
                "tls".into(),
                format!(
                    "listen = \"127.0.0.1:{port}\"\ncertificate = \"{}\"\nkey = \"{}\"",
                    certificate.certificate.display(),
                    certificate.key.display()
                ),
            ));
        }
        if let Some(domain) = &self.websites {
            let text = format!("listen = \"127.0.0.1:{}\"\nbase_domains = [\"{domain}\"]", layout.website);
            sections.push(("website".into(), text));
        }
        sections.extend(self.sections.iter().cloned());
        sections.sort_by(|a, b| a.0.cmp(&b.0));
        let mut open = String::new();
        for (section, line) in sections {
            if section != open {
                let _ = write!(text, "\n[{section}]\n");
                open = section;
            }
            let _ = writeln!(text, "{line}");
        }
        for backend in &self.backends {
            let folder = layout.data.join("backends").join(&backend.name);
            let url = backend.url.clone().unwrap_or_else(|| folder.display().to_string());
            let _ = write!(text, "\n[[backend]]\nname = \"{}\"\nurl = \"{url}\"\n", backend.name);
            if let Some(zone) = &backend.zone {
                let _ = writeln!(text, "zone = \"{zone}\"");
            }
            if !backend.options.is_empty() {
                let options: Vec<_> = backend.options.iter().map(|(k, v)| format!("{k} = \"{v}\"")).collect();
                let _ = writeln!(text, "options = {{ {} }}", options.join(", "));
            }
        }
        text
    }
}
