//! What a start needs before anything runs: data folder, cluster key, descriptors, database and backends, sockets, the root user.

pub(crate) mod cluster_key;
pub(crate) mod components;
pub(crate) mod data_folder;
pub(crate) mod descriptors;
pub(crate) mod key_shares;
pub(crate) mod opened_backend;
pub(crate) mod root_user;
pub(crate) mod sockets;
pub(crate) mod startup_info;
