//! The key of a cluster: wraps blob keys and seals the cluster's other secrets.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::{Zeroize, Zeroizing};

use crate::{BlobId, BlobKey, ClusterId, WrappedKey};

const WRAP_CONTEXT: &str = "Haulout v1 cluster key: wrap blob keys";
const SEAL_CONTEXT: &str = "Haulout v1 cluster key: seal secrets";
const CHECK_CONTEXT: &str = "Haulout v1 cluster key: check value";
const MAC_CONTEXT: &str = "Haulout v1 cluster key: authenticate messages";
const GATEWAY_CONTEXT: &str = "Haulout v1 cluster key: sign requests to nodes";
const WRAP_PURPOSE: &[u8] = b"blob key";
const KEY_ID_BYTES: usize = 4;

/// Why something could not be unwrapped or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Wrapped by another cluster key: find the key with this id.
    #[error("wrapped by cluster key {wanted}, this is cluster key {present}")]
    OtherKey {
        /// The key that is needed.
        wanted: u32,
        /// The key that was asked.
        present: u32,
    },
    /// The bytes are damaged, or meant for another blob, purpose or name, or this key has the right id and the wrong bytes.
    #[error("does not open with this cluster key: damaged, or sealed for something else")]
    Refused,
}

/// A cluster's key. AES-256-GCM-SIV with keys derived from it, one for each use: a repeated nonce would show only that two equal
/// secrets are equal.
pub struct ClusterKey {
    id: u32,
    wrap: LessSafeKey,
    seal: LessSafeKey,
    check: Zeroizing<[u8; 32]>,
    mac: Zeroizing<[u8; 32]>,
    gateway: Zeroizing<[u8; 32]>,
    others: Vec<ClusterKey>,
}

impl ClusterKey {
    /// The key with this id. Ids tell keys apart while one replaces another.
    #[must_use]
    pub fn new(id: u32, bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self {
            id,
            wrap: derived(WRAP_CONTEXT, &bytes),
            seal: derived(SEAL_CONTEXT, &bytes),
            check: Zeroizing::new(blake3::derive_key(CHECK_CONTEXT, bytes.as_slice())),
            mac: Zeroizing::new(blake3::derive_key(MAC_CONTEXT, bytes.as_slice())),
            gateway: Zeroizing::new(blake3::derive_key(GATEWAY_CONTEXT, bytes.as_slice())),
            others: Vec::new(),
        }
    }

    /// The same key, which also opens what these others have wrapped and sealed while one replaces another.
    #[must_use]
    pub fn beside(mut self, others: Vec<Self>) -> Self {
        self.others = others;
        self
    }

    /// The key with the highest id among this one and those beside it.
    #[must_use]
    pub fn newest(&self) -> &Self {
        self.others.iter().chain([self]).max_by_key(|key| key.id).unwrap_or(self)
    }

    /// This key and those beside it.
    pub fn each(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Wraps a blob's key for storage beside the blob. The nonce is 12 random bytes.
    #[must_use]
    pub fn wrap(&self, blob: &BlobId, key: &BlobKey, nonce: [u8; 12]) -> WrappedKey {
        let sealed = encrypt(&self.wrap, &associated(WRAP_PURPOSE, &blob.0), key.as_bytes(), nonce);
        let mut wrapped = [0; 64];
        wrapped[..KEY_ID_BYTES].copy_from_slice(&self.id.to_be_bytes());
        wrapped[KEY_ID_BYTES..].copy_from_slice(&sealed);
        WrappedKey(wrapped)
    }

    /// The key of a blob.
    ///
    /// # Errors
    /// [`KeyError::OtherKey`] when another cluster key wrapped it, [`KeyError::Refused`] when it is damaged or of another blob.
    pub fn unwrap_key(&self, blob: &BlobId, wrapped: &WrappedKey) -> Result<BlobKey, KeyError> {
        if let Some(other) = self.others.iter().find(|key| wrapped.key_id() == key.id && key.id != self.id) {
            return other.unwrap_key(blob, wrapped);
        }
        if wrapped.key_id() != self.id {
            return Err(KeyError::OtherKey { wanted: wrapped.key_id(), present: self.id });
        }
        let opened = decrypt(&self.wrap, &associated(WRAP_PURPOSE, &blob.0), &wrapped.0[KEY_ID_BYTES..])?;
        let mut bytes: [u8; 32] = opened.as_slice().try_into().map_err(|_| KeyError::Refused)?;
        let key = BlobKey::from_bytes(bytes);
        bytes.zeroize();
        Ok(key)
    }

    /// Seals any other secret: nonce (12), ciphertext, tag (16). Purpose and name are authenticated, so a sealed secret cannot be
    /// moved to another row. The nonce is 12 random bytes.
    #[must_use]
    pub fn seal(&self, purpose: &str, name: &[u8], plaintext: &[u8], nonce: [u8; 12]) -> Vec<u8> {
        encrypt(&self.seal, &associated(purpose.as_bytes(), name), plaintext, nonce)
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose and name.
    ///
    /// # Errors
    /// [`KeyError::Refused`] when it is damaged, sealed for something else or sealed by another key.
    pub fn open(&self, purpose: &str, name: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let associated = associated(purpose.as_bytes(), name);
        let keys = std::iter::once(self).chain(&self.others);
        // What is sealed does not say by which key; only the right one opens it.
        keys.map(|key| decrypt(&key.seal, &associated, sealed)).find(Result::is_ok).unwrap_or(Err(KeyError::Refused))
    }

    /// Whether this very key, and not one beside it, sealed this.
    #[must_use]
    pub fn opens_itself(&self, purpose: &str, name: &[u8], sealed: &[u8]) -> bool {
        decrypt(&self.seal, &associated(purpose.as_bytes(), name), sealed).is_ok()
    }

    /// A code that nobody can compute for a message without this key. The purpose is authenticated with it.
    #[must_use]
    pub fn authenticate(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        blake3::keyed_hash(&self.mac, &associated(purpose.as_bytes(), message)).into()
    }

    /// Whether the key with this id, which may be one beside this one, made the code for the message. Takes the same time
    /// wherever a wrong code differs.
    ///
    /// # Errors
    /// [`KeyError::OtherKey`] when that key is not here, [`KeyError::Refused`] when it did not make the code.
    pub fn verify(&self, key_id: u32, purpose: &str, message: &[u8], code: &[u8; 32]) -> Result<(), KeyError> {
        let mut keys = std::iter::once(self).chain(&self.others);
        let missing = KeyError::OtherKey { wanted: key_id, present: self.id };
        let key = keys.find(|key| key.id == key_id).ok_or(missing)?;
        let expected = blake3::Hash::from_bytes(key.authenticate(purpose, message));
        if expected == blake3::Hash::from_bytes(*code) { Ok(()) } else { Err(KeyError::Refused) }
    }

    /// The seeds of the Ed25519 keys that sign requests to storage nodes: that of this key, then those of the keys beside it. All
    /// gateways of a cluster derive the same, and so does one that was recovered from the cluster key alone.
    #[must_use]
    pub fn gateway_seeds(&self) -> Vec<Zeroizing<[u8; 32]>> {
        std::iter::once(self).chain(&self.others).map(|key| key.gateway.clone()).collect()
    }

    /// A value to keep in the clear: a later start with another key gives another value, and is stopped before it writes anything.
    #[must_use]
    pub fn check_value(&self, cluster: &ClusterId) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.check);
        hasher.update(&cluster.0).update(&self.id.to_be_bytes());
        let mut value = [0; 16];
        hasher.finalize_xof().fill(&mut value);
        value
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterKey({}, ..)", self.id)
    }
}

fn derived(context: &str, bytes: &[u8; 32]) -> LessSafeKey {
    let key = Zeroizing::new(blake3::derive_key(context, bytes));
    let key =
        UnboundKey::new(&AES_256_GCM_SIV, key.as_slice()).expect("a derived key has the length of an AES-256 key");
    LessSafeKey::new(key)
}

/// Length of the purpose (u32, big-endian), purpose, name: no two pairs give the same bytes.
fn associated(purpose: &[u8], name: &[u8]) -> Vec<u8> {
    let len = u32::try_from(purpose.len()).unwrap_or(u32::MAX);
    [&len.to_be_bytes(), purpose, name].concat()
}

fn encrypt(key: &LessSafeKey, associated: &[u8], plaintext: &[u8], nonce: [u8; 12]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(NONCE_LEN + plaintext.len() + crate::TAG_BYTES);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(associated), &mut sealed[NONCE_LEN..])
        .expect("sealing fails only above the cipher's limit of 64 GiB");
    sealed.extend_from_slice(tag.as_ref());
    sealed
}

fn decrypt(key: &LessSafeKey, associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN).ok_or(KeyError::Refused)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::Refused)?;
    let mut opened = Zeroizing::new(ciphertext.to_vec());
    let len = key.open_in_place(nonce, Aad::from(associated), &mut opened).map_err(|_| KeyError::Refused)?.len();
    opened.truncate(len);
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: BlobId = BlobId([7; 16]);

    #[test]
    fn a_wrapped_key_opens_only_for_its_blob_and_its_cluster_key() {
        let cluster_key = ClusterKey::new(3, [1; 32]);
        let wrapped = cluster_key.wrap(&BLOB, &BlobKey::from_bytes([9; 32]), [5; 12]);
        assert_eq!(cluster_key.unwrap_key(&BLOB, &wrapped).unwrap().as_bytes(), &[9; 32]);
        assert_eq!(cluster_key.unwrap_key(&BlobId([8; 16]), &wrapped).unwrap_err(), KeyError::Refused);
        assert_eq!(ClusterKey::new(3, [2; 32]).unwrap_key(&BLOB, &wrapped).unwrap_err(), KeyError::Refused);
        let other = ClusterKey::new(4, [1; 32]).unwrap_key(&BLOB, &wrapped).unwrap_err();
        assert_eq!(other, KeyError::OtherKey { wanted: 3, present: 4 });
        for bit in 32..512 {
            let mut damaged = wrapped;
            damaged.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(cluster_key.unwrap_key(&BLOB, &damaged).unwrap_err(), KeyError::Refused, "bit {bit}");
        }
    }

    #[test]
    fn a_sealed_secret_opens_only_for_its_purpose_and_name() {
        let key = ClusterKey::new(1, [1; 32]);
        let sealed = key.seal("access key", b"AKIA", b"the secret", [2; 12]);
        assert_eq!(sealed.len(), 12 + 10 + 16);
        assert_eq!(key.open("access key", b"AKIA", &sealed).unwrap().as_slice(), b"the secret");
        assert!(key.open("access keyA", b"KIA", &sealed).is_err());
        assert!(key.open("access key", b"AKIB", &sealed).is_err());
        for len in 0..sealed.len() {
            assert!(key.open("access key", b"AKIA", &sealed[..len]).is_err());
        }
        assert_eq!(key.open("", b"", &key.seal("", b"", b"", [0; 12])).unwrap().as_slice(), b"");
    }

    #[test]
    fn keys_beside_it_open_and_only_the_one_itself_wraps() {
        let old = ClusterKey::new(1, [1; 32]);
        let (wrapped, sealed) =
            (old.wrap(&BLOB, &BlobKey::from_bytes([9; 32]), [5; 12]), old.seal("p", b"n", b"s", [6; 12]));
        let new = ClusterKey::new(2, [2; 32]);
        assert!(new.unwrap_key(&BLOB, &wrapped).is_err() && new.open("p", b"n", &sealed).is_err());
        let ring = new.beside(vec![old]);
        assert_eq!(ring.unwrap_key(&BLOB, &wrapped).unwrap().as_bytes(), &[9; 32]);
        assert_eq!(ring.open("p", b"n", &sealed).unwrap().as_slice(), b"s");
        assert!(!ring.opens_itself("p", b"n", &sealed));
        assert_eq!(ring.wrap(&BLOB, &BlobKey::from_bytes([9; 32]), [5; 12]).key_id(), 2);
        assert_eq!(ring.newest().id(), 2);
        assert_eq!(ClusterKey::new(1, [1; 32]).beside(vec![ClusterKey::new(3, [3; 32])]).newest().id(), 3);
        let forged = WrappedKey([0; 64]);
        assert_eq!(ring.unwrap_key(&BLOB, &forged).unwrap_err(), KeyError::OtherKey { wanted: 0, present: 2 });
    }

    #[test]
    fn a_code_is_good_for_its_key_purpose_and_message_only() {
        let old = ClusterKey::new(1, [1; 32]);
        let code = old.authenticate("heartbeat", b"message");
        assert_eq!(old.verify(1, "heartbeat", b"message", &code), Ok(()));
        assert_eq!(old.verify(1, "heartbeatm", b"essage", &code), Err(KeyError::Refused));
        assert_eq!(old.verify(1, "heartbeat", b"messagf", &code), Err(KeyError::Refused));
        for bit in 0..256 {
            let mut damaged = code;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(old.verify(1, "heartbeat", b"message", &damaged), Err(KeyError::Refused), "bit {bit}");
        }
        let alone = ClusterKey::new(2, [2; 32]);
        let missing = KeyError::OtherKey { wanted: 1, present: 2 };
        assert_eq!(alone.verify(1, "heartbeat", b"message", &code), Err(missing));
        assert_eq!(alone.verify(2, "heartbeat", b"message", &code), Err(KeyError::Refused));
        assert_eq!(alone.beside(vec![old]).verify(1, "heartbeat", b"message", &code), Ok(()));
    }

    #[test]
    fn another_key_or_cluster_has_another_check_value() {
        let (here, there) = (ClusterId([1; 16]), ClusterId([2; 16]));
        let value = ClusterKey::new(1, [1; 32]).check_value(&here);
        assert_eq!(value, ClusterKey::new(1, [1; 32]).check_value(&here));
        assert_ne!(value, ClusterKey::new(1, [2; 32]).check_value(&here));
        assert_ne!(value, ClusterKey::new(2, [1; 32]).check_value(&here));
        assert_ne!(value, ClusterKey::new(1, [1; 32]).check_value(&there));
    }

    #[test]
    fn gateways_of_a_cluster_have_the_same_seed_and_the_key_that_wraps_comes_first() {
        let (old, new) = (ClusterKey::new(1, [1; 32]), ClusterKey::new(2, [2; 32]));
        let seeds = [old.gateway_seeds().remove(0), new.gateway_seeds().remove(0)];
        assert_ne!(seeds[0], seeds[1]);
        assert_eq!(*seeds[0], blake3::derive_key("Haulout v1 cluster key: sign requests to nodes", &[1; 32]));
        assert_eq!(ClusterKey::new(9, [1; 32]).gateway_seeds(), [seeds[0].clone()], "the id makes no difference");
        assert_eq!(new.beside(vec![old]).gateway_seeds(), [seeds[1].clone(), seeds[0].clone()]);
    }

    #[test]
    fn secrets_do_not_print() {
        let shown = format!("{:?} {:?}", ClusterKey::new(1, [0xab; 32]), BlobKey::from_bytes([0xab; 32]));
        assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
    }
}
