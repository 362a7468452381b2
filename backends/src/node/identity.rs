//! Who a node is: an Ed25519 key in a file, and a certificate made of it that says nothing else.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::protocol::SigningKey;

/// The key's file below the node's data folder.
pub const KEY_FILE: &str = "node.key";

/// What the file begins with; 64 hexadecimal digits of the seed follow.
const KEY_HEAD: &str = "haulout-node-key/1 ";

/// Why a node's key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("{file}: {cause}")]
    File {
        /// The file.
        file: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not a key.
    #[error("{0} is no key of a node: restore it from a backup. Another key is another node")]
    Damaged(String),
    /// No certificate can be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
}

/// Makes a new key and writes its file, durably, for the file's owner alone.
///
/// # Errors
/// [`IdentityError::File`], also when there is one already: a key is never replaced.
pub fn create_key(folder: &Path, seed: &Zeroizing<[u8; 32]>) -> Result<SigningKey, IdentityError> {
    let path = folder.join(KEY_FILE);
    let failed = |cause| IdentityError::File { file: path.display().to_string(), cause };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    let text = Zeroizing::new(format!("{KEY_HEAD}{}\n", *Zeroizing::new(hex::encode(**seed))));
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(SigningKey::from_seed(seed))
}

/// Reads a node's key.
///
/// # Errors
/// [`IdentityError`].
pub fn read_key(folder: &Path) -> Result<SigningKey, IdentityError> {
    let path = folder.join(KEY_FILE);
    let mut text = Zeroizing::new(String::new());
    let read = File::open(&path).and_then(|file| file.take(1024).read_to_string(&mut text));
    read.map_err(|cause| IdentityError::File { file: path.display().to_string(), cause })?;
    let mut seed = Zeroizing::new([0; 32]);
    let digits = text.trim_end().strip_prefix(KEY_HEAD);
    let decoded = digits.and_then(|digits| hex::decode_to_slice(digits, seed.as_mut_slice()).ok());
    decoded.ok_or_else(|| IdentityError::Damaged(path.display().to_string()))?;
    Ok(SigningKey::from_seed(&seed))
}

/// A certificate and its key, for TLS.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// A self-signed certificate whose key is the node's. Clients look at the key and at nothing else.
///
/// # Errors
/// [`IdentityError::Certificate`].
pub(super) fn certificate(key: &SigningKey) -> Result<Certificate, IdentityError> {
    let failed = |error: &dyn std::fmt::Display| IdentityError::Certificate(error.to_string());
    let der: Pkcs8V1Der<'_> = key.pair().as_der().map_err(|error| failed(&error))?;
    let der = PrivatePkcs8KeyDer::from(der.as_ref().to_vec());
    let pair =
        rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519).map_err(|error| failed(&error))?;
    let parameters = rcgen::CertificateParams::new(vec!["haulout-node".to_owned()]).map_err(|error| failed(&error))?;
    let certificate = parameters.self_signed(&pair).map_err(|error| failed(&error))?;
    Ok(Certificate { certificate: certificate.der().clone(), key: PrivateKeyDer::Pkcs8(der) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_kept_for_its_owner_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let made = create_key(folder.path(), &Zeroizing::new([7; 32])).unwrap();
        let path = folder.path().join(KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(create_key(folder.path(), &Zeroizing::new([8; 32])).is_err());
        assert_eq!(read_key(folder.path()).unwrap().public(), made.public());
        for damaged in ["", "haulout-node-key/1 07", "haulout-node-key/2 "] {
            std::fs::write(&path, damaged).unwrap();
            assert!(matches!(read_key(folder.path()), Err(IdentityError::Damaged(_))), "{damaged}");
        }
    }

    #[test]
    fn the_certificate_has_the_nodes_key() {
        let key = SigningKey::from_seed(&[7; 32]);
        let made = certificate(&key).unwrap();
        let parsed = rustls::server::ParsedCertificate::try_from(&made.certificate).unwrap();
        assert!(parsed.subject_public_key_info().ends_with(&key.public().0));
    }
}
