//! A self-signed certificate for the loopback address, made by openssl.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::Program;

/// Where the certificate and its key lie.
#[derive(Clone)]
pub struct Certificate {
    /// PEM, also the authority that clients are configured to trust.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// Makes one in `folder`.
pub async fn make(folder: &Path) -> Result<Certificate> {
    let made = Certificate { certificate: folder.join("certificate.pem"), key: folder.join("certificate.key") };
    Program::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.localhost"])
        .args(["-addext", "basicConstraints=critical,CA:TRUE"])
        .args(["-addext", "keyUsage=critical,digitalSignature,keyCertSign"])
        .args([Path::new("-out"), &made.certificate, Path::new("-keyout"), &made.key])
        .ok()
        .await?;
    Ok(made)
}
