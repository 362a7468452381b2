//! Rows of the cluster itself: its identity, its backends, the incarnations of its gateways, tasks that one gateway at a time does.

pub(crate) mod absences;
pub(crate) mod backend_flags;
pub(crate) mod backends;
pub(crate) mod cluster_row;
pub(crate) mod draining;
pub(crate) mod heartbeats;
pub(crate) mod incarnations;
pub(crate) mod invitations;
pub(crate) mod leased_tasks;
pub(crate) mod rebalancing;
pub(crate) mod replacing;
