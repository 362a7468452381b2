//! A running gateway: started, killed, restarted, looked at.

mod finish;
mod process;
mod rebuilt;
mod snapshot;

use std::any::Any;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::canary::Canaries;
use crate::check::CheckReport;
use crate::clients::{Clients, Scheme};
use crate::settings::GatewayLayout;
use crate::{FreshDatabase, Program, S3, Settings, certificate, text, wait_until};

/// One gateway with everything it needs, thrown away at the end.
pub struct TestGateway {
    pub(crate) folder: TempDir,
    settings: Settings,
    layout: GatewayLayout,
    pub(crate) database: FreshDatabase,
    process: Option<Child>,
    canaries: Canaries,
    access_key: String,
    secret_key: String,
    clean: bool,
    /// It was ended in the middle of something at least once.
    was_killed: bool,
    /// What it uses until it is finished.
    kept: Vec<Box<dyn Any + Send>>,
}

impl TestGateway {
    /// Keeps what it uses, a storage node say, until it is finished.
    pub fn keep(&mut self, used: impl Any + Send) {
        self.kept.push(Box::new(used));
    }

    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// It did not start; the message holds its log.
    pub async fn start(settings: Settings) -> Result<Self> {
        Self::start_in(tempfile::Builder::new().prefix("haulout-test-").tempdir()?, settings).await
    }

    /// Starts one on what is in a folder already.
    async fn start_in(folder: TempDir, settings: Settings) -> Result<Self> {
        let database = settings.make_database().await?;
        let keys = ("ROOT".to_owned() + &crate::s3::random_hex(6), crate::s3::random_hex(20));
        Self::start_on(folder, settings, database, keys).await
    }

    /// Starts another one of the same cluster, with a data folder of its own, on the same PostgreSQL database and the same
    /// backends. It must be finished before this one.
    ///
    /// # Errors
    /// It did not start; the message holds its log.
    pub async fn start_beside(&self) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("haulout-test-").tempdir()?;
        let data = folder.path().join("data");
        fs::DirBuilder::new().mode(0o700).create(&data)?;
        fs::copy(self.data().join("cluster.key"), data.join("cluster.key"))?;
        let settings = self.settings.clone().with_folders_of(self.data());
        let keys = (self.access_key.clone(), self.secret_key.clone());
        Self::start_on(folder, settings, self.database.borrow(), keys).await
    }

    /// Starts one whose backends must admit it first. Its first start is refused and names the key; `admit` is given that.
    ///
    /// # Errors
    /// It was not refused, or did not start afterwards.
    pub async fn start_admitted(settings: Settings, admit: impl AsyncFnOnce(&str) -> Result<()>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("haulout-test-").tempdir()?;
        let database = settings.make_database().await?;
        let keys = ("ROOT".to_owned() + &crate::s3::random_hex(6), crate::s3::random_hex(20));
        let mut gateway = Self::prepare(folder, settings, database, keys).await?;
        let refused = gateway.haulout(&["serve"]).fails().await?;
        let name = refused.split("haulout node allow ").nth(1).and_then(|rest| rest.split('`').next());
        admit(name.with_context(|| format!("it does not say what to admit: {refused}"))?).await?;
        gateway.begin()?;
        Ok(gateway)
    }

    async fn start_on(
        folder: TempDir,
        settings: Settings,
        database: FreshDatabase,
        keys: (String, String),
    ) -> Result<Self> {
        let mut gateway = Self::prepare(folder, settings, database, keys).await?;
        gateway.begin()?;
        Ok(gateway)
    }

    /// Everything but the process.
    async fn prepare(
        folder: TempDir,
        settings: Settings,
        database: FreshDatabase,
        (access_key, secret_key): (String, String),
    ) -> Result<Self> {
        let data = folder.path().join("data");
        let [http, tls, ops, website] = free_ports()?;
        let https = match settings.tls {
            true => Some((tls, certificate::make(folder.path()).await?)),
            false => None,
        };
        let layout = GatewayLayout { data, http, https, ops, website };
        let dump = folder.path().join(snapshot::DUMP);
        if dump.exists() {
            database.load_dump(&dump)?;
        }
        if dump.exists() || layout.data.join("metadata.sqlite").exists() {
            database.renew_messages(&layout.data).await?;
        }
        let canaries = Canaries::new(&secret_key);
        let gateway = Self {
            folder,
            settings,
            layout,
            database,
            process: None,
            canaries,
            access_key,
            secret_key,
            clean: true,
            was_killed: false,
            kept: Vec::new(),
        };
        gateway.write_configuration()?;
        Ok(gateway)
    }

    fn begin(&mut self) -> Result<()> {
        self.launch()?;
        self.wait_for("/health/ready")?;
        self.read_root_credentials()
    }

    /// The S3 client of the root user.
    #[must_use]
    pub fn root(&self) -> S3 {
        self.user(&self.access_key, &self.secret_key)
    }

    /// The S3 client of somebody else.
    #[must_use]
    pub fn user(&self, access_key: &str, secret_key: &str) -> S3 {
        S3::new(self.address(), access_key, secret_key)
    }

    /// The programs that speak S3, set up as the root user.
    #[must_use]
    pub fn clients(&self, scheme: Scheme) -> Clients<'_> {
        let (port, authority) = match (scheme, &self.layout.https) {
            (Scheme::Https, Some((port, certificate))) => (*port, Some(certificate.certificate.clone())),
            _ => (self.layout.http, None),
        };
        Clients {
            folder: self.folder.path(),
            endpoint: format!("{}://127.0.0.1:{port}", scheme.name()),
            access_key: self.access_key.clone(),
            secret_key: self.secret_key.clone(),
            authority,
        }
    }

    /// Where the plain http listener is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.layout.http))
    }

    /// Where websites are, if the settings ask for them.
    #[must_use]
    pub fn website(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.layout.website))
    }

    /// The secret that must never be seen anywhere.
    #[must_use]
    pub fn root_keys(&self) -> (&str, &str) {
        (&self.access_key, &self.secret_key)
    }

    /// A folder for the scenario's own files.
    #[must_use]
    pub fn scratch(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join("scratch").join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.layout.data
    }

    /// `haulout ARGUMENTS`, with this gateway's configuration.
    #[must_use]
    pub fn haulout(&self, arguments: &[&str]) -> Program {
        let program = Program::new(binary()).args(arguments).args([Path::new("--config"), &self.configuration()]);
        self.environment().into_iter().fold(program, |program, (name, value)| program.env(&name, value))
    }

    /// Starts it again with another secret of the root user, under the same access key.
    ///
    /// # Errors
    /// It did not start.
    pub fn change_root_secret(&mut self) -> Result<()> {
        self.secret_key = crate::s3::random_hex(20);
        self.restart()
    }

    /// Waits until every backend is what it should be. Looking at them is also how the gateway learns that one is back.
    ///
    /// # Errors
    /// One is not, for long.
    pub async fn wait_for_backends(&self) -> Result<()> {
        wait_until("every backend is what it should be", async || {
            Ok((self.haulout(&["backend", "list"]).run().await?.code == 0).then_some(()))
        })
        .await
    }

    /// Waits until a deep check finds nothing wrong: all lost slivers are rebuilt.
    ///
    /// # Errors
    /// Something is wrong, for long; the message says what.
    pub async fn wait_for_repair(&self) -> Result<()> {
        let clean = async || Ok(self.check(true).await?.must_be_clean().ok());
        match wait_until("a deep check finds nothing wrong", clean).await {
            Ok(()) => Ok(()),
            Err(late) => self.check(true).await?.must_be_clean().context(late),
        }
    }

    /// Waits until a deep check finds nothing wrong and nothing left over: what killed gateways left behind goes, as soon as the
    /// database is sure that they are dead.
    ///
    /// # Errors
    /// Something stays, for long; the message says what.
    pub async fn wait_for_collection(&self) -> Result<()> {
        let clean = async || {
            self.haulout(&["collect"]).ok().await?;
            Ok(self.check(true).await?.must_be_clean().ok())
        };
        match wait_until("nothing is left behind", clean).await {
            Ok(()) => Ok(()),
            Err(late) => self.check(true).await?.must_be_clean().context(late),
        }
    }

    /// Waits until the journal on the backends has everything that was committed.
    ///
    /// # Errors
    /// It lacks something, for long.
    pub async fn wait_for_journal(&self) -> Result<()> {
        // What waits is counted after it was written: twice, so that it was counted after now.
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            let empty =
                async || Ok(self.ops("/metrics")?.1.contains("haulout_journal_waiting_changes 0").then_some(()));
            wait_until("the journal is written", empty).await?;
        }
        Ok(())
    }

    /// Waits until the log has a text; the log until then.
    ///
    /// # Errors
    /// It has not, for long.
    pub async fn wait_for_log(&self, text: &str) -> Result<String> {
        wait_until(&format!("the log says {text:?}"), async || Ok(Some(self.log()).filter(|log| log.contains(text))))
            .await
    }

    /// What `haulout check --json` says, whatever it says.
    ///
    /// # Errors
    /// It said no JSON.
    pub async fn check(&self, deep: bool) -> Result<CheckReport> {
        let arguments: &[&str] = if deep { &["check", "--deep", "--json"] } else { &["check", "--json"] };
        CheckReport::read(&self.haulout(arguments).run().await?)
    }

    /// Changes the settings for the next start or reload.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn reconfigure(&mut self, change: impl FnOnce(Settings) -> Settings) -> Result<()> {
        self.settings = change(self.settings.clone());
        self.write_configuration()
    }

    /// Appends to the configuration file, right or wrong.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn scribble_into_configuration(&self, text: &str) -> Result<()> {
        let mut file = fs::OpenOptions::new().append(true).open(self.configuration())?;
        Ok(file.write_all(text.as_bytes())?)
    }

    /// Runs statements in its database behind its back: the first in SQLite, the second in PostgreSQL.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn meddle(&self, sqlite: &str, postgres: &str) -> Result<()> {
        self.database.meddle(&self.layout.data, sqlite, postgres).await
    }

    /// Everything it logged, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    /// How often a point of `FAILPOINTS` struck, over all its starts. What a point lets pass is not counted.
    #[must_use]
    pub fn strikes(&self, point: &str) -> usize {
        let log = self.log();
        let count = |text: String| log.matches(&text).count();
        count(format!("passed the point {point}\n")) + count(format!("failpoint {point} panic"))
    }

    /// The log, for the reader of a failure.
    pub fn print_log(&self) {
        eprintln!("--- the gateway's log ---\n{}--- end of the log ---", text::fold_repeated_lines(&self.log()));
    }

    fn write_configuration(&self) -> Result<()> {
        Ok(fs::write(self.configuration(), self.settings.to_toml(&self.layout))?)
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut environment = self.settings.environment.clone();
        if !self.settings.root_in_folder {
            environment.push(("HAULOUT_ROOT_ACCESS_KEY".into(), self.access_key.clone()));
            environment.push(("HAULOUT_ROOT_SECRET_KEY".into(), self.secret_key.clone()));
        }
        environment.extend(self.database.url().map(|url| ("HAULOUT_DATABASE_URL".into(), url.into())));
        environment
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("haulout.toml")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("haulout.log")
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            self.print_log();
        }
    }
}

/// The built binary: `HAULOUT_BIN`, else where cargo puts it beside this test.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("HAULOUT_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows its own file");
    let built = test.ancestors().nth(2).expect("a test lies in target/debug/deps").join("haulout");
    assert!(built.is_file(), "build it first: cargo build --package haulout-gateway --bin haulout");
    built
}

/// Ports that were free a moment ago, each another: all are held until all are known.
fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT]> {
    let (mut ports, mut held) = ([0; COUNT], Vec::with_capacity(COUNT));
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
