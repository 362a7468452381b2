//! The sections of the configuration file, one file each.

pub(crate) mod audit;
pub(crate) mod backend;
pub(crate) mod cluster_key;
pub(crate) mod debug;
pub(crate) mod journal;
pub(crate) mod kms;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod money;
pub(crate) mod notification;
pub(crate) mod objects;
pub(crate) mod ops;
pub(crate) mod s3;
pub(crate) mod scrub;
pub(crate) mod storage_class;
pub(crate) mod tls;
pub(crate) mod website;
