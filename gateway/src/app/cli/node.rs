//! `haulout node`: its commands and options.

use std::net::SocketAddr;
use std::time::Duration;

use backends::node::protocol::GatewayName;
use backends::node::server::NodeSettings;
use clap::{Args, Subcommand};
use codec::ClusterId;

use crate::domain::money::frost::Frost;
use crate::ledger::log::note::NoteKey;

/// The node's data folder when none is named.
const DATA: &str = "haulout-node";
/// Where a node listens when nothing else is said.
const LISTEN: &str = "127.0.0.1:9200";

/// A storage node: without a subcommand, runs it.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Node {
    /// What to do instead of running it
    #[command(subcommand)]
    pub command: Option<NodeCommand>,
    /// How it runs.
    #[command(flatten)]
    pub run: RunNode,
}

impl Node {
    /// The data folder: the one that was named, or the default.
    #[must_use]
    pub fn data(&self, named: Option<std::path::PathBuf>) -> std::path::PathBuf {
        named.unwrap_or_else(|| DATA.into())
    }
}

/// Options of a running node.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct RunNode {
    /// Where to listen for gateways
    #[arg(long, value_name = "ADDR", default_value = LISTEN)]
    pub listen: SocketAddr,
    /// Where to listen for /health and /metrics, without TLS; nowhere by default
    #[arg(long, value_name = "ADDR")]
    pub ops: Option<SocketAddr>,
    /// Where to listen as a witness of published ledgers (C2SP tlog-witness), without TLS; nowhere by default
    #[arg(long, value_name = "ADDR")]
    pub witness: Option<SocketAddr>,
    /// Keep deleted slivers at least so long, whoever asks [default: seven days]
    #[arg(long, value_name = "SECONDS", default_value_t = NodeSettings::default().trash_min_seconds, hide_default_value = true)]
    trash_min_seconds: u64,
    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = NodeSettings::default().connections_max)]
    connections: usize,
    /// Requests at once
    #[arg(long, value_name = "N", default_value_t = NodeSettings::default().requests_max)]
    requests: usize,
    /// Bytes that each cluster may send and fetch in a day (UTC) [default: no bound]
    #[arg(long, value_name = "BYTES")]
    day_bytes: Option<u64>,
    /// Bytes of one sliver
    #[arg(long, value_name = "BYTES", default_value_t = NodeSettings::default().sliver_bytes_max)]
    sliver_bytes: u64,
    /// Seconds for a handshake, and for the head of a request
    #[arg(long, value_name = "SECONDS", default_value_t = NodeSettings::default().first_byte.as_secs())]
    first_byte_seconds: u64,
    /// Seconds in which a connection must move a byte
    #[arg(long, value_name = "SECONDS", default_value_t = NodeSettings::default().idle.as_secs())]
    idle_seconds: u64,
    /// Refuse writes with fewer free bytes than this on the disk [default: a twentieth of it, at most 64 MiB]
    #[arg(long, value_name = "BYTES")]
    free_floor_bytes: Option<u64>,
}

impl RunNode {
    /// The node's bounds.
    #[must_use]
    pub fn settings(&self) -> NodeSettings {
        NodeSettings {
            trash_min_seconds: self.trash_min_seconds,
            connections_max: self.connections,
            requests_max: self.requests,
            day_bytes_max: self.day_bytes,
            sliver_bytes_max: self.sliver_bytes,
            first_byte: Duration::from_secs(self.first_byte_seconds),
            idle: Duration::from_secs(self.idle_seconds),
            free_floor_bytes: self.free_floor_bytes,
        }
    }
}

/// What to do with a node.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum NodeCommand {
    /// Make a node's key and print how a gateway is configured for it
    Init {
        /// Where gateways will reach it, as host and port
        #[arg(long, value_name = "ADDR", default_value = LISTEN)]
        listen: String,
        /// What gateways will call it
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Accept an invitation: admit the gateways that made it, with the quota that they ask for, and print what their operator needs. The node
    /// must run at that address
    Join {
        /// What `haulout provider invite` printed
        token: String,
        /// Where gateways will reach it, as host and port
        #[arg(long, value_name = "ADDR", default_value = LISTEN)]
        listen: String,
        /// What gateways will call it
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Admit the gateways with a key, at once
    Allow {
        /// The key, as `haulout keys gateway` prints it
        key: GatewayName,
        /// The most bytes of slivers that the cluster may store, trash included [default: as before; at first no bound]
        #[arg(long, value_name = "BYTES")]
        quota: Option<u64>,
        /// What to call the cluster
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Admit the gateways with a key no more, within a second; the cluster's slivers stay
    Revoke {
        /// The key
        key: GatewayName,
    },
    /// Sign the lowest prices for which the node takes new slivers of a cluster, and print what the gateway's operator registers. 0 and 0 take it
    /// back
    PriceFloor {
        /// The epoch from whose beginning it holds: one that has not begun, later than that of the floor before
        #[arg(long, value_name = "N")]
        epoch: u64,
        /// FROST for each encoded MiB and epoch
        #[arg(long, value_name = "FROST")]
        storage: Frost,
        /// FROST for each encoded MiB that is written
        #[arg(long, value_name = "FROST")]
        write: Frost,
        /// The cluster, if the node has admitted several
        #[arg(long, value_name = "CLUSTER")]
        cluster: Option<ClusterId>,
    },
    /// What the node witnesses: published ledgers that it cosigns after it has recomputed them
    #[command(subcommand)]
    Witness(WitnessCommand),
    /// List the clusters, what they use and what they may
    Clusters {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with a witness.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum WitnessCommand {
    /// Print the witness's key, as it stands in policies and in a gateway's configuration
    Key,
    /// Cosign a log from now on
    Allow {
        /// The log's key, as `haulout ledger checkpoint --policy` prints it after the word log
        key: NoteKey,
        /// Cosign whatever extends the tree, and recompute nothing: for logs of other programs
        #[arg(long)]
        unchecked: bool,
    },
    /// Cosign a log no more; what was cosigned stays known
    Revoke {
        /// The log's name
        origin: String,
    },
    /// List the logs, how far they are, and what was refused
    Logs {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
}
