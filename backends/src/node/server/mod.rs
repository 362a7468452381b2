//! A storage node: serves the slivers of clusters it admits, each in a store of its own, to gateways that prove their key.
//!
//! ```text
//! node.key                          the node's key
//! admitted.json                     the clusters and keys that it admits
//! stores.json                       what each cluster calls the store that it formatted
//! node.lock                         locked while a node runs on the folder
//! clusters/<cluster>/slivers/       a directory store, with the cluster's marker
//! clusters/<cluster>/deletions.jsonl  signed deletions
//! clusters/<cluster>/epochs.json    what was drawn for the epochs of audits
//! clusters/<cluster>/verdicts.jsonl  what audits found
//! ```

mod admissions;
mod audits;
mod authorize;
mod batch;
mod body;
mod connection;
mod dispatch;
mod files;
mod listening;
mod node;
mod serving;
mod sessions;
mod settings;
mod share;
mod storing;
mod tenant;
mod usage;
mod window;

pub use files::admission_file::{ADMISSION_FILE, AdmissionFile, AdmittedCluster};
pub use listening::{ClusterUsage, NodeServer, cluster_usage};
pub use settings::NodeSettings;
