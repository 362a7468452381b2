//! The programs people use: aws-cli, rclone, restic, scripts in Python and JavaScript.

use std::path::{Path, PathBuf};

use crate::Program;

/// How a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS, trusting the gateway's own certificate. Clients sign uploads differently there.
    Https,
}

/// One user's programs against one listener.
pub struct Clients<'a> {
    pub(crate) folder: &'a Path,
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The user's access key.
    pub access_key: String,
    /// The user's secret key.
    pub secret_key: String,
    pub(crate) authority: Option<PathBuf>,
}

impl Scheme {
    /// Both ways to connect.
    pub const BOTH: [Self; 2] = [Self::Http, Self::Https];

    /// As it stands in a URL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Clients<'_> {
    /// The same programs for another user.
    #[must_use]
    pub fn as_user(self, access_key: &str, secret_key: &str) -> Self {
        Self { access_key: access_key.into(), secret_key: secret_key.into(), ..self }
    }

    /// `aws ARGUMENTS`.
    #[must_use]
    pub fn aws(&self, arguments: &[&str]) -> Program {
        let mut program = self.with_keys(Program::new(installed("aws")));
        if self.authority.is_some() {
            program = program.env("AWS_CONFIG_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/clients/aws_config_https"));
        }
        program.args(["--endpoint-url", &self.endpoint]).args(arguments)
    }

    /// `rclone ARGUMENTS`, where `haulout:BUCKET` is this gateway.
    #[must_use]
    pub fn rclone(&self, arguments: &[&str]) -> Program {
        let mut program = self
            .with_keys(Program::new("rclone"))
            .env("RCLONE_CONFIG", self.folder.join("no-rclone.conf"))
            .env("RCLONE_CONFIG_HAULOUT_TYPE", "s3")
            .env("RCLONE_CONFIG_HAULOUT_PROVIDER", "Other")
            .env("RCLONE_CONFIG_HAULOUT_ENV_AUTH", "true")
            .env("RCLONE_CONFIG_HAULOUT_ENDPOINT", &self.endpoint)
            .without_env("AWS_CA_BUNDLE") // it has an option of its own, and refuses both
            .args(["--retries", "1"]);
        if let Some(authority) = &self.authority {
            program = program.args([Path::new("--ca-cert"), authority]);
        }
        program.args(arguments)
    }

    /// `restic ARGUMENTS` on the repository in a bucket.
    #[must_use]
    pub fn restic(&self, bucket: &str, arguments: &[&str]) -> Program {
        let mut program = self
            .with_keys(Program::new("restic"))
            .env("RESTIC_REPOSITORY", format!("s3:{}/{bucket}", self.endpoint))
            .env("RESTIC_PASSWORD", "a password of the test")
            .env("RESTIC_CACHE_DIR", self.folder.join("restic-cache"));
        if let Some(authority) = &self.authority {
            program = program.args([Path::new("--cacert"), authority]);
        }
        program.args(arguments)
    }

    /// `tests/clients/SCRIPT`, which reads `HAULOUT_ENDPOINT` and the usual variables of boto3.
    #[must_use]
    pub fn python(&self, script: &str) -> Program {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script);
        self.with_keys(Program::new(installed("python3"))).env("HAULOUT_ENDPOINT", &self.endpoint).args([script])
    }

    /// `tests/clients/node/SCRIPT`, with the packages of `tests/clients/node/package.json`.
    #[must_use]
    pub fn node(&self, script: &str) -> Program {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/node").join(script);
        let program = self.with_keys(Program::new(installed("node"))).env("HAULOUT_ENDPOINT", &self.endpoint);
        let program = match &self.authority {
            Some(authority) => program.env("NODE_EXTRA_CA_CERTS", authority),
            None => program,
        };
        program.env("NODE_PATH", installed("../node/node_modules")).args([script])
    }

    /// `openssl`, `curl` and the like: a program with the keys in its environment.
    #[must_use]
    pub fn program(&self, name: &str) -> Program {
        self.with_keys(Program::new(name))
    }

    fn with_keys(&self, program: Program) -> Program {
        let program = program
            .env("AWS_ACCESS_KEY_ID", &self.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret_key)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_CONFIG_FILE", self.folder.join("no-aws-config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.folder.join("no-aws-credentials"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_MAX_ATTEMPTS", "1")
            .without_env("AWS_SESSION_TOKEN")
            .without_env("AWS_PROFILE");
        match &self.authority {
            Some(authority) => program.env("AWS_CA_BUNDLE", authority),
            None => program.without_env("AWS_CA_BUNDLE"),
        }
    }
}

/// A program of the pinned Python clients that `tests/run` installs, else whatever the machine has.
fn installed(name: &str) -> PathBuf {
    match std::env::var_os("HAULOUT_CLIENTS") {
        Some(folder) => PathBuf::from(folder).join(name),
        None => name.into(),
    }
}

/// `PATH` with the pinned clients first, for scripts.
#[must_use]
pub fn path_with_clients() -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::var_os("HAULOUT_CLIENTS").map(PathBuf::from).into_iter().chain(std::env::split_paths(&path));
    std::env::join_paths(folders).expect("what was split can be joined")
}
