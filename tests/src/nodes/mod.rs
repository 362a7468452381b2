//! Storage nodes in processes of their own, gateways that store on them, and what can stand between both.

mod byzantine;
mod link;
mod namespaces;

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

pub use self::byzantine::{Behaviour, ByzantineNode};
pub use self::link::{Link, Passage};
pub use self::namespaces::Namespaces;
use crate::files::{files_below, is_sliver};
use crate::gateway::binary;
use crate::raw::send_raw;
use crate::wait::wait_blocking;
use crate::{Database, Program, Settings, TestGateway};

const START_DEADLINE: Duration = Duration::from_secs(30);

/// A node.
pub struct StorageNode {
    folder: TempDir,
    /// What gateways call it.
    pub name: String,
    /// Where it listens, and the network namespace that it runs in, if it has one of its own.
    host: IpAddr,
    namespace: Option<String>,
    port: u16,
    /// Where it listens as a witness, if it is one.
    witness: Option<u16>,
    /// Where it shows metrics, if it does.
    ops: Option<SocketAddr>,
    key: String,
    process: Option<Child>,
    /// Where gateways find it, if that is not where it listens.
    reached_at: Option<SocketAddr>,
    /// Options of the backend that it is to gateways, beside its key.
    options: Vec<(&'static str, String)>,
}

impl StorageNode {
    /// Makes one and starts it. It admits nobody.
    ///
    /// # Errors
    /// It did not start.
    pub async fn start(name: &str) -> Result<Self> {
        Self::start_at(name, Ipv4Addr::LOCALHOST.into(), None).await
    }

    async fn start_at(name: &str, host: IpAddr, namespace: Option<String>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("haulout-node-").tempdir()?;
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut node = Self {
            folder,
            name: name.to_owned(),
            host,
            namespace,
            port,
            witness: None,
            ops: None,
            key: String::new(),
            process: None,
            reached_at: None,
            options: Vec::new(),
        };
        let listen = SocketAddr::from((host, port)).to_string();
        let block = node.haulout(&["init", "--name", name, "--listen", &listen]).ok().await?;
        let key = block.split("node_key = \"").nth(1).and_then(|rest| rest.split('"').next());
        node.key = key.with_context(|| format!("no key in {block}"))?.to_owned();
        ensure!(block.contains(&node.url()) && block.contains(&format!("name = \"{name}\"")), "{block}");
        node.launch()?;
        Ok(node)
    }

    /// `haulout node ARGUMENTS`, about this node.
    #[must_use]
    pub fn haulout(&self, arguments: &[&str]) -> Program {
        Program::new(binary()).args(["node"]).args(arguments).args(["--data"]).args([self.data()])
    }

    /// Where a gateway finds it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("node://{}", self.reached_at.unwrap_or_else(|| self.address()))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((self.host, self.port))
    }

    /// Gateways that are configured from now on find it there.
    pub fn reach_at(&mut self, address: SocketAddr) {
        self.reached_at = Some(address);
    }

    /// Gateways that are configured from now on have this option for it.
    pub fn set_option(&mut self, key: &'static str, value: &str) {
        self.options.push((key, value.to_owned()));
    }

    /// Every file of a sliver that gateways can ask for, in no order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn slivers(&self) -> Result<Vec<PathBuf>> {
        slivers_below(&self.data())
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again.
    ///
    /// # Errors
    /// It did not start.
    pub fn launch(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("node.log"))?;
        let mut command = match &self.namespace {
            Some(namespace) => {
                let mut command = Command::new("ip");
                // It becomes the node: the same process.
                command.args(["netns", "exec", namespace]).arg(binary());
                command
            }
            None => Command::new(binary()),
        };
        command.args(["node", "--listen", &self.address().to_string(), "--trash-min-seconds", "0"]);
        if let Some(ops) = self.ops {
            command.args(["--ops", &ops.to_string()]);
        }
        if let Some(port) = self.witness {
            command.args(["--witness", &format!("{}:{port}", self.host)]);
        }
        command.arg("--data").arg(self.data()).stdin(Stdio::null()).stdout(File::try_clone(&log)?).stderr(log);
        self.process = Some(command.spawn().context("cannot start a node")?);
        let listens = wait_blocking(START_DEADLINE, || Ok(TcpStream::connect(self.address()).ok()))?;
        listens.map(drop).with_context(|| format!("the node did not start: {}", self.log()))
    }

    /// Starts it again with metrics.
    ///
    /// # Errors
    /// It did not start.
    pub fn show_metrics(&mut self) -> Result<()> {
        self.ops = Some(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?);
        self.kill();
        self.launch()
    }

    /// Its metrics.
    ///
    /// # Errors
    /// It does not show any.
    pub async fn metrics(&self) -> Result<String> {
        let ops = self.ops.context("it shows no metrics")?;
        Ok(send_raw(ops, b"GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await?.text)
    }

    /// Starts it again as a witness of a log, and says what a gateway is configured with: key and URL.
    ///
    /// # Errors
    /// It did not start, or refused the log.
    pub async fn witness(&mut self, log: &str) -> Result<(String, String)> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        self.witness = Some(port);
        self.haulout(&["witness", "allow", log]).ok().await?;
        let key = self.haulout(&["witness", "key"]).ok().await?.trim().to_owned();
        self.kill();
        self.launch()?;
        Ok((key, format!("http://127.0.0.1:{port}")))
    }

    /// Where it listens as a witness.
    #[must_use]
    pub fn witness_address(&self) -> Option<SocketAddr> {
        self.witness.map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Everything it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("node.log")).unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        Path::join(self.folder.path(), "data")
    }
}

/// What is in the trash is no sliver any more.
fn slivers_below(data: &Path) -> Result<Vec<PathBuf>> {
    let mut slivers = files_below(data)?;
    slivers.retain(|path| is_sliver(path) && !path.components().any(|folder| folder.as_os_str() == "trash"));
    Ok(slivers)
}

impl Drop for StorageNode {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts so many nodes and a gateway that stores on nothing else, as an operator would: the gateway says what the nodes must admit.
///
/// # Errors
/// Something did not start, the scenario failed, or it left a state that breaks an invariant.
pub fn run_scenario_on_nodes(
    database: Database,
    count: usize,
    scenario: impl AsyncFnOnce(&mut TestGateway, &mut [StorageNode]) -> Result<()>,
) -> Result<()> {
    let nothing = async |_: &mut [StorageNode]| Ok(());
    run_scenario_between(Settings::new(database), count, nothing, async |gateway, nodes, _| {
        scenario(gateway, nodes).await
    })
}

/// The same with other settings, and something between the gateway and its nodes: `stand_between` starts that, and points gateways at it
/// ([`StorageNode::reach_at`]).
///
/// # Errors
/// Something did not start, the scenario failed, or it left a state that breaks an invariant.
pub fn run_scenario_between<B>(
    settings: Settings,
    count: usize,
    stand_between: impl AsyncFnOnce(&mut [StorageNode]) -> Result<B>,
    scenario: impl AsyncFnOnce(&mut TestGateway, &mut [StorageNode], &B) -> Result<()>,
) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let mut nodes = Vec::new();
        for number in 1..=count {
            nodes.push(StorageNode::start(&format!("n{number}")).await?);
        }
        let between = stand_between(&mut nodes).await?;
        scenario_on(settings, &mut nodes, async |gateway, nodes| scenario(gateway, nodes, &between).await).await
    })
}

/// The same with each node in a network namespace of its own, and nothing between but the kernel's network. Nothing where that is not permitted.
///
/// # Errors
/// Something did not start, the scenario failed, or it left a state that breaks an invariant.
pub fn run_scenario_in_namespaces(
    settings: Settings,
    count: usize,
    options: &[(&'static str, &str)],
    scenario: impl AsyncFnOnce(&mut TestGateway, &mut [StorageNode], &Namespaces) -> Result<()>,
) -> Result<()> {
    let Some(namespaces) = Namespaces::make(count)? else { return Ok(()) };
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let mut nodes = Vec::new();
        for number in 0..count {
            let (host, namespace) = (namespaces.address(number).into(), Some(namespaces.name(number)));
            let mut node = StorageNode::start_at(&format!("n{}", number + 1), host, namespace).await?;
            options.iter().for_each(|(key, value)| node.set_option(key, value));
            nodes.push(node);
        }
        scenario_on(settings, &mut nodes, async |gateway, nodes| scenario(gateway, nodes, &namespaces).await).await
    })
}

/// A scenario of a gateway that stores on these nodes.
async fn scenario_on(
    settings: Settings,
    nodes: &mut [StorageNode],
    scenario: impl AsyncFnOnce(&mut TestGateway, &mut [StorageNode]) -> Result<()>,
) -> Result<()> {
    let mut settings = settings.folders(0);
    for node in &*nodes {
        settings = settings.backend_at(&node.name, &node.url(), &[("node_key", &node.key)]);
        for (key, value) in &node.options {
            settings = settings.option(&node.name, key, value);
        }
    }
    let admit = async |name: &str| {
        for node in &*nodes {
            node.haulout(&["allow", name]).ok().await?;
        }
        Ok(())
    };
    let mut gateway = TestGateway::start_admitted(settings, admit).await?;
    match scenario(&mut gateway, nodes).await {
        Ok(()) => gateway.finish().await,
        Err(error) => {
            gateway.print_log();
            for node in &*nodes {
                eprintln!("--- {} ---\n{}", node.name, node.log());
            }
            Err(error)
        }
    }
}
