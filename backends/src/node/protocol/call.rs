//! What is asked of a node: method, path and query of every request, both ways.

use std::ops::Range;

use codec::ClusterId;
use http::Method;

use super::{Failure, FailureCode};
use crate::SliverName;

/// One request, apart from its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `POST /v1/sessions`: begins a session. The only request without one.
    OpenSession,
    /// `PUT /v1/slivers/NAME?epoch=N`: stores the sliver that is streamed.
    Store {
        /// The sliver.
        name: SliverName,
        /// The epoch the receipt is for.
        epoch: u64,
    },
    /// `POST /v1/slivers?epoch=N`: stores whole slivers.
    StoreBatch {
        /// The epoch the receipts are for.
        epoch: u64,
    },
    /// `GET /v1/slivers/NAME?from=A&to=B`: bytes A to B - 1 of a sliver.
    Read {
        /// The sliver.
        name: SliverName,
        /// Which bytes.
        range: Range<u64>,
    },
    /// `GET /v1/slivers/NAME/length`.
    Length {
        /// The sliver.
        name: SliverName,
    },
    /// `POST /v1/slivers/NAME/proof`: proves that a sample of a sliver is at hand.
    Prove {
        /// The sliver.
        name: SliverName,
    },
    /// `DELETE /v1/slivers/NAME`: moves a sliver to the trash.
    Delete {
        /// The sliver.
        name: SliverName,
    },
    /// `GET /v1/slivers?limit=N` or `?after=NAME&limit=N`: a page of the list.
    List {
        /// The last sliver of the page before.
        after: Option<SliverName>,
        /// Slivers in the page, 1 to 1000.
        limit: u32,
    },
    /// `POST /v1/sweep?seconds=N`: empties old trash.
    Sweep {
        /// Age of what goes, at least; the node's own minimum counts where that is more.
        seconds: u64,
    },
    /// `GET /v1/space`: space, and whether the store is writable.
    Space,
    /// `GET /v1/pulse`: generation and heartbeat.
    Pulse,
    /// `PUT /v1/heartbeat`: replaces the heartbeat.
    Beat,
    /// `POST /v1/format`: formats the cluster's store, or gives it another generation.
    Format,
    /// `POST /v1/epochs`: begins an epoch of audits.
    BeginEpoch,
    /// `POST /v1/epochs/N/secret`: shows the secret of an epoch.
    RevealEpoch {
        /// The epoch.
        epoch: u64,
    },
    /// `POST /v1/verdicts`: reports what audits of the node found.
    ReportVerdicts,
}

impl Call {
    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::OpenSession
            | Self::StoreBatch { .. }
            | Self::Sweep { .. }
            | Self::Format
            | Self::Prove { .. }
            | Self::BeginEpoch
            | Self::RevealEpoch { .. }
            | Self::ReportVerdicts => Method::POST,
            Self::Store { .. } | Self::Beat => Method::PUT,
            Self::Read { .. } | Self::Length { .. } | Self::List { .. } | Self::Space | Self::Pulse => Method::GET,
            Self::Delete { .. } => Method::DELETE,
        }
    }

    /// Whether it changes nothing and counts nothing: it may be given up in the middle.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Length { .. })
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::OpenSession => "/v1/sessions".to_owned(),
            Self::StoreBatch { .. } | Self::List { .. } => "/v1/slivers".to_owned(),
            Self::Store { name, .. } | Self::Read { name, .. } | Self::Delete { name } => format!("/v1/slivers/{name}"),
            Self::Length { name } => format!("/v1/slivers/{name}/length"),
            Self::Prove { name } => format!("/v1/slivers/{name}/proof"),
            Self::Sweep { .. } => "/v1/sweep".to_owned(),
            Self::Space => "/v1/space".to_owned(),
            Self::Pulse => "/v1/pulse".to_owned(),
            Self::Beat => "/v1/heartbeat".to_owned(),
            Self::Format => "/v1/format".to_owned(),
            Self::BeginEpoch => "/v1/epochs".to_owned(),
            Self::RevealEpoch { epoch } => format!("/v1/epochs/{epoch}/secret"),
            Self::ReportVerdicts => "/v1/verdicts".to_owned(),
        }
    }

    /// The query; empty for most.
    #[must_use]
    pub fn query(&self) -> String {
        match self {
            Self::Store { epoch, .. } | Self::StoreBatch { epoch } => format!("epoch={epoch}"),
            Self::Read { range, .. } => format!("from={}&to={}", range.start, range.end),
            Self::List { after: None, limit } => format!("limit={limit}"),
            Self::List { after: Some(after), limit } => format!("after={after}&limit={limit}"),
            Self::Sweep { seconds } => format!("seconds={seconds}"),
            _ => String::new(),
        }
    }

    /// Path and query as they stand in the request's first line.
    #[must_use]
    pub fn target(&self) -> String {
        let (path, query) = (self.path(), self.query());
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    /// What the operation is called in metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::OpenSession => "open_session",
            Self::Store { .. } => "store",
            Self::StoreBatch { .. } => "store_batch",
            Self::Read { .. } => "read",
            Self::Length { .. } => "length",
            Self::Prove { .. } => "prove",
            Self::Delete { .. } => "delete",
            Self::List { .. } => "list",
            Self::Sweep { .. } => "sweep",
            Self::Space => "space",
            Self::Pulse => "pulse",
            Self::Beat => "beat",
            Self::Format => "format",
            Self::BeginEpoch => "begin_epoch",
            Self::RevealEpoch { .. } => "reveal_epoch",
            Self::ReportVerdicts => "report_verdicts",
        }
    }

    /// Reads method, path and query.
    ///
    /// # Errors
    /// [`FailureCode::UnknownVersion`] for a path of another version, [`FailureCode::Malformed`] for whatever else
    /// [`Call::target`] does not write.
    pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self, Failure> {
        let rest = path.strip_prefix("/v1/").ok_or_else(|| {
            Failure::new(FailureCode::UnknownVersion, "this node speaks haulout-node/1 only: paths begin with /v1/")
        })?;
        let query = query.unwrap_or_default();
        let refused = || Failure::new(FailureCode::Malformed, "there is no such operation");
        let call = Self::parse_rest(method, rest, query).ok_or_else(refused)?;
        // One meaning, one spelling: what is signed is what is done.
        if call.path() == path && call.query() == query { Ok(call) } else { Err(refused()) }
    }

    fn parse_rest(method: &Method, rest: &str, query: &str) -> Option<Self> {
        let number = |text: &str, key: &str| text.strip_prefix(key)?.parse().ok();
        match (method.as_str(), rest) {
            ("POST", "sessions") => Some(Self::OpenSession),
            ("POST", "slivers") => Some(Self::StoreBatch { epoch: number(query, "epoch=")? }),
            ("GET", "slivers") => Self::parse_list(query),
            ("POST", "sweep") => Some(Self::Sweep { seconds: number(query, "seconds=")? }),
            ("GET", "space") => Some(Self::Space),
            ("GET", "pulse") => Some(Self::Pulse),
            ("PUT", "heartbeat") => Some(Self::Beat),
            ("POST", "format") => Some(Self::Format),
            ("POST", "epochs") => Some(Self::BeginEpoch),
            ("POST", "verdicts") => Some(Self::ReportVerdicts),
            ("POST", rest) if rest.starts_with("epochs/") => {
                let epoch = number(rest.strip_suffix("/secret")?, "epochs/")?;
                Some(Self::RevealEpoch { epoch })
            }
            (method, rest) => {
                let rest = rest.strip_prefix("slivers/")?;
                if let ("GET", Some(name)) = (method, rest.strip_suffix("/length")) {
                    return Some(Self::Length { name: name.parse().ok()? });
                }
                if let ("POST", Some(name)) = (method, rest.strip_suffix("/proof")) {
                    return Some(Self::Prove { name: name.parse().ok()? });
                }
                let name = rest.parse().ok()?;
                match method {
                    "PUT" => Some(Self::Store { name, epoch: number(query, "epoch=")? }),
                    "DELETE" => Some(Self::Delete { name }),
                    "GET" => {
                        let (from, to) = query.split_once('&')?;
                        Some(Self::Read { name, range: number(from, "from=")?..number(to, "to=")? })
                    }
                    _ => None,
                }
            }
        }
    }

    fn parse_list(query: &str) -> Option<Self> {
        let (after, limit) = match query.split_once('&') {
            Some((after, limit)) => (Some(after.strip_prefix("after=")?.parse().ok()?), limit),
            None => (None, query),
        };
        let limit = limit.strip_prefix("limit=")?.parse().ok()?;
        (1..=super::PAGE_MAX).contains(&limit).then_some(Self::List { after, limit })
    }
}

/// The text of a cluster id in requests.
pub(super) fn cluster_text(cluster: &ClusterId) -> String {
    hex::encode(cluster.0)
}

#[cfg(test)]
mod tests {
    use codec::BlobId;

    use super::*;

    fn name() -> SliverName {
        SliverName { blob: BlobId([7; 16]), index: 3, attempt: 258 }
    }

    #[test]
    fn every_call_reads_back_from_its_target() {
        let name = name();
        for call in [
            Call::OpenSession,
            Call::Store { name, epoch: 0 },
            Call::StoreBatch { epoch: u64::MAX },
            Call::Read { name, range: 5..7 },
            Call::Length { name },
            Call::Prove { name },
            Call::Delete { name },
            Call::List { after: None, limit: 1 },
            Call::List { after: Some(name), limit: 1000 },
            Call::Sweep { seconds: 9 },
            Call::Space,
            Call::Pulse,
            Call::Beat,
            Call::Format,
            Call::BeginEpoch,
            Call::RevealEpoch { epoch: 5 },
            Call::ReportVerdicts,
        ] {
            let query = call.query();
            let query = Some(query.as_str()).filter(|query| !query.is_empty());
            assert_eq!(Call::parse(&call.method(), &call.path(), query), Ok(call.clone()), "{}", call.target());
        }
    }

    #[test]
    fn what_no_gateway_writes_is_refused() {
        let sliver = format!("/v1/slivers/{}", name());
        for (method, path, query) in [
            (Method::GET, "/v1/slivers", None),
            (Method::GET, "/v1/slivers", Some("limit=0")),
            (Method::GET, "/v1/slivers", Some("limit=1001")),
            (Method::GET, "/v1/slivers", Some("limit=+1")),
            (Method::GET, "/v1/slivers", Some("limit=01")),
            (Method::GET, "/v1/slivers", Some("after=x&limit=1")),
            (Method::GET, &sliver, Some("from=1")),
            (Method::GET, &sliver, Some("to=1&from=0")),
            (Method::DELETE, &sliver, Some("now=1")),
            (Method::PUT, &sliver, None),
            (Method::PUT, &sliver, Some("epoch=18446744073709551616")),
            (Method::GET, "/v1/slivers/../x/length", None),
            (Method::GET, "/v1/space/", None),
            (Method::POST, "/v1/epochs/5", None),
            (Method::POST, "/v1/epochs/05/secret", None),
            (Method::POST, "/v1/epochs//secret", None),
            (Method::PATCH, "/v1/space", None),
        ] {
            let refused = Call::parse(&method, path, query).unwrap_err();
            assert_eq!(refused.code, FailureCode::Malformed, "{method} {path} {query:?}");
        }
        let refused = Call::parse(&Method::GET, "/v2/space", None).unwrap_err();
        assert_eq!(refused.code, FailureCode::UnknownVersion);
    }
}
