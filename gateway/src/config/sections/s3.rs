//! `[s3]`: the S3 listener.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

use crate::domain::Ownership;

/// The S3 listener and how requests are understood.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The region this gateway says it is.
    pub region: String,
    /// Refuse signatures made for another region. Off: tools with any region configured just work.
    pub strict_region: bool,
    /// Host names under which buckets are sub-domains (virtual-host style); path style always works.
    pub base_domains: Vec<String>,
    /// Accept SigV2, which boto3 still uses for presigned URLs of custom endpoints.
    pub sigv2: bool,
    /// Who owns what others write into a bucket without ownership controls: `BucketOwnerEnforced`, which turns access lists off as
    /// Amazon does on new buckets, `BucketOwnerPreferred` or `ObjectWriter`.
    pub default_ownership: Ownership,
    /// Refuse requests that bring a key of the client's (SSE-C) over a connection without TLS.
    pub sse_c_requires_tls: bool,
    /// Show the names of owners and grantees beside their ids, as Amazon did until November 2025, and of an access list the groups
    /// first.
    pub owner_display_names: bool,
    /// The largest object, in bytes of content.
    pub object_bytes_max: u64,
    /// Seconds for which the name of a deleted bucket can be taken by no account but the one that had it; 0 for none.
    pub bucket_name_hold_seconds: u32,
}

impl Default for S3Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9_000)),
            region: "us-east-1".to_owned(),
            strict_region: false,
            base_domains: Vec::new(),
            sigv2: true,
            default_ownership: Ownership::default(),
            sse_c_requires_tls: false,
            owner_display_names: false,
            object_bytes_max: 5 << 40,
            bucket_name_hold_seconds: 7 * 86_400,
        }
    }
}
