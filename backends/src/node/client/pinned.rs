//! TLS to one node and no other: the certificate must have the key that the configuration names.

use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::request_body::RequestBody;
use crate::StoreError;
use crate::node::protocol::PublicKey;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is closed: well before a node that waits ten seconds for a head does, for a request that meets its
/// closing would fail.
const IDLE: Duration = Duration::from_secs(5);
/// A connection on which nothing moves is asked whether the node is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Connections that are kept for the next requests.
const IDLE_CONNECTIONS: usize = 32;

/// What precedes the 32 bytes of an Ed25519 key in a certificate's SubjectPublicKeyInfo (RFC 8410).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A client of HTTP/1.1 over TLS 1.3.
pub(super) type HttpClient = Client<HttpsConnector<HttpConnector>, RequestBody>;

/// Accepts the certificate of one key. Names and dates in it mean nothing: the key is the identity.
#[derive(Debug)]
struct PinnedKey {
    key: PublicKey,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let pinned = [&ED25519_SPKI[..], &self.key.0].concat();
        if parsed.subject_public_key_info().as_ref() == pinned {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// A client that talks to the node with this key.
///
/// # Errors
/// TLS 1.3 is not available.
pub(super) fn client(key: PublicKey) -> Result<HttpClient, StoreError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(PinnedKey { key, provider: Arc::clone(&provider) });
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(StoreError::misconfigured)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    http.set_keepalive(Some(KEEPALIVE));
    http.set_keepalive_interval(Some(KEEPALIVE));
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1();
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(IDLE_CONNECTIONS);
    Ok(client.build(builder.wrap_connector(http)))
}

/// What went wrong on the way to the node or back.
pub(super) fn transport_error(error: &(dyn std::error::Error + 'static)) -> StoreError {
    let mut reasons = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(Error::InvalidCertificate(_)) = tls_error(error) {
            return StoreError::wrong("the node there has another key than node_key: it is another node");
        }
        reasons.push(error.to_string());
        cause = error.source();
    }
    reasons.dedup();
    StoreError::unavailable(reasons.join(": "))
}

/// The TLS error that this one is or wraps: I/O errors wrap others, which are not their sources.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(wrapped) => tls_error(wrapped),
        None => error.downcast_ref(),
    }
}
