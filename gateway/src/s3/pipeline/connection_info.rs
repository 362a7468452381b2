//! Connection information of a request: peer address, TLS, host.

use std::net::IpAddr;

use http::request::Parts;

use crate::domain::Peer;

/// What the listener knows about a request; it travels as an extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// The peer address of the connection, if known.
    pub peer: Option<IpAddr>,
    /// Whether the connection is TLS.
    pub encrypted: bool,
    /// The version of TLS, as policies name it: `1.2` or `1.3`.
    pub tls_version: Option<&'static str>,
}

impl ConnectionInfo {
    /// The connection information of a request; empty when no listener set it.
    #[must_use]
    pub fn of(head: &Parts) -> Self {
        head.extensions.get().copied().unwrap_or(Self { peer: None, encrypted: false, tls_version: None })
    }

    /// Whose share of what all have the request takes from; nobody's, where it comes from this machine.
    #[must_use]
    pub fn sharing_peer(&self) -> Option<Peer> {
        self.peer.and_then(Peer::sharing)
    }
}

/// The scheme a client used. A proxy that terminates TLS sets `X-Forwarded-Proto`; a client that sends that
/// header without one gets an address that does not work back, and nothing else.
#[must_use]
pub fn scheme(head: &Parts) -> &'static str {
    match head.headers.get("x-forwarded-proto").map(http::HeaderValue::as_bytes) {
        Some(b"https") => "https",
        Some(b"http") => "http",
        _ if ConnectionInfo::of(head).encrypted => "https",
        _ => "http",
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn the_scheme_is_the_clients() {
        for (encrypted, forwarded, expected) in
            [(false, None, "http"), (true, None, "https"), (false, Some("https"), "https"), (true, Some("x"), "https")]
        {
            let mut request = Request::builder().uri("http://a:1/x");
            if let Some(proto) = forwarded {
                request = request.header("x-forwarded-proto", proto);
            }
            let (mut head, ()) = request.body(()).unwrap().into_parts();
            head.extensions.insert(ConnectionInfo { peer: None, encrypted, tls_version: None });
            assert_eq!(scheme(&head), expected);
        }
    }
}
