//! Encryption of content with SSE-C and SSE-KMS keys, below its digests: encryption, decryption, and finding the keys for it.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use codec::{ContentCipher, ContentSalt};

use crate::domain::{Bucket, ContentEncryption, ContentKey, ContentRun, ContentRuns, KmsKey, ObjectKey, UserId};
use crate::objects::Objects;
use crate::objects::encryption::data_key::DataKey;
use crate::objects::encryption::encryption_key::{EncryptionKey, KeyChoice, Opener};
use crate::objects::encryption::key_provider::KeyProviderError;
use crate::objects::encryption::kms_context;
use crate::objects::error::ObjectsError;
use crate::objects::state::Inner;
use crate::objects::write::frames::Frames;

impl Objects {
    /// An encryption key for a new object or upload, which is to be in this bucket under this key.
    ///
    /// # Errors
    /// What the key service says.
    pub async fn new_encryption_key(
        &self,
        choice: KeyChoice,
        bucket: &Bucket,
        object: &ObjectKey,
    ) -> Result<EncryptionKey, ObjectsError> {
        match choice {
            KeyChoice::Customer(data_key) => {
                let key = ContentKey::Customer(data_key.check(self.inner.id_generator.salt()));
                Ok(EncryptionKey { data_key, key })
            }
            KeyChoice::Kms { key, context, bucket_key } => {
                self.check_permitted(key.as_deref(), bucket.owner)?;
                let bound = kms_context::bound(context.as_deref(), &kms_context::resource(&bucket.name, object));
                let (data_key, wrapped) = self.inner.key_provider.generate(key.as_deref(), Some(bound)).await?;
                let sent = Some(context.unwrap_or_default());
                Ok(EncryptionKey { data_key, key: ContentKey::Kms(KmsKey { bucket_key, sent, ..wrapped }) })
            }
        }
    }

    /// The encryption of content that comes to be in this bucket under this key as well, or instead.
    ///
    /// # Errors
    /// What the key service says.
    pub(crate) async fn rebound(
        &self,
        encryption: Option<&ContentEncryption>,
        bucket: &Bucket,
        object: &ObjectKey,
    ) -> Result<Option<ContentEncryption>, ObjectsError> {
        let Some(encryption) = encryption else { return Ok(None) };
        let ContentKey::Kms(kms) = &encryption.key else { return Ok(Some(encryption.clone())) };
        self.check_permitted(Some(&kms.id), bucket.owner)?;
        let bound = kms_context::bound(kms.client_context(), &kms_context::resource(&bucket.name, object));
        let sent = Some(kms.client_context().unwrap_or_default().to_owned());
        let rebound = self.inner.key_provider.rebind(kms, Some(bound)).await?;
        Ok(Some(ContentEncryption { key: ContentKey::Kms(KmsKey { sent, ..rebound }), ..encryption.clone() }))
    }

    /// Whether a key of the key service is for the buckets of an account; `None` is the default one.
    ///
    /// # Errors
    /// `KeyProvider` when it is not.
    pub fn check_permitted(&self, key: Option<&str>, account: UserId) -> Result<(), ObjectsError> {
        if self.inner.key_provider.permits(key, account) {
            return Ok(());
        }
        Err(KeyProviderError::NotPermitted(key.unwrap_or("default").to_owned()).into())
    }

    /// The key of something that is stored, if it needs one.
    ///
    /// # Errors
    /// `KeyNeeded`, `WrongKey`, `KeyNotApplicable`, or what the key service says.
    pub async fn resolve_key(
        &self,
        encryption: Option<&ContentEncryption>,
        opener: &Opener,
    ) -> Result<Option<DataKey>, ObjectsError> {
        match (encryption.map(|encryption| &encryption.key), &opener.customer) {
            (None, None) => Ok(None),
            (Some(ContentKey::Customer(check)), Some(customer)) if customer.is(check) => Ok(Some(customer.clone())),
            (Some(ContentKey::Customer(_)), Some(_)) => Err(ObjectsError::WrongKey),
            (Some(ContentKey::Customer(_)), None) => Err(ObjectsError::KeyNeeded),
            (Some(ContentKey::Kms(key)), None) => {
                self.check_permitted(Some(&key.id), opener.account)?;
                Ok(Some(self.inner.key_provider.unwrap(key).await?))
            }
            (None | Some(ContentKey::Kms(_)), Some(_)) => Err(ObjectsError::KeyNotApplicable),
        }
    }
}

/// The cipher of one run of content on its way in.
#[derive(Clone, Debug)]
pub(crate) struct Encipher {
    pub(crate) salt: ContentSalt,
    cipher: std::sync::Arc<ContentCipher>,
}

impl Encipher {
    /// A run of its own under a key.
    pub(crate) fn new(inner: &Inner, data_key: &DataKey) -> Result<Self, ObjectsError> {
        let salt = inner.id_generator.salt();
        Ok(Self { salt, cipher: ContentCipher::new(data_key.bytes(), &salt).map_err(defect)?.into() })
    }

    /// A run of its own for a whole object, and what is kept about it.
    pub(crate) fn of_object(
        inner: &Inner,
        encryption_key: &EncryptionKey,
    ) -> Result<(Self, ContentEncryption), ObjectsError> {
        let run = Self::new(inner, &encryption_key.data_key)?;
        let runs = ContentRuns(vec![ContentRun { length: None, salt: run.salt }]);
        Ok((run, ContentEncryption { key: encryption_key.key.clone(), runs }))
    }

    /// Enciphers content that lies at `offset` of the run.
    pub(crate) fn apply(&self, offset: u64, content: &Frames) -> Result<Frames, ObjectsError> {
        let mut bytes = BytesMut::with_capacity(content.len());
        content.pieces().for_each(|piece| bytes.extend_from_slice(piece));
        self.cipher.apply(offset, &mut bytes).map_err(defect)?;
        Ok(bytes.freeze().into())
    }

    /// The same on a thread that computes.
    pub(crate) async fn apply_offloaded(
        this: Option<&Self>,
        inner: &Inner,
        offset: u64,
        content: Frames,
    ) -> Result<Frames, ObjectsError> {
        match this.cloned() {
            None => Ok(content),
            Some(run) => inner.compute.run(move || run.apply(offset, &content)).await?,
        }
    }
}

/// The runs of one version that a range touches, on their way out.
#[derive(Debug)]
pub(crate) struct Decipher(Vec<(Range<u64>, ContentCipher)>);

impl Decipher {
    /// Opens what a range needs.
    ///
    /// # Errors
    /// `Internal` when the runs do not cover it.
    pub(crate) fn new(
        encryption: &ContentEncryption,
        data_key: &DataKey,
        range: &Range<u64>,
    ) -> Result<Self, ObjectsError> {
        let mut start = 0_u64;
        let mut runs = Vec::new();
        for run in &encryption.runs.0 {
            let end = run.length.map_or(u64::MAX, |length| start.saturating_add(length));
            if start < range.end && range.start < end {
                runs.push((start..end, ContentCipher::new(data_key.bytes(), &run.salt).map_err(defect)?));
            }
            start = end;
        }
        if start < range.end {
            return Err(ObjectsError::Internal(format!("enciphered runs end at {start}")));
        }
        Ok(Self(runs))
    }

    /// Deciphers pieces that lie one after the other from `at` on.
    ///
    /// # Errors
    /// `Internal`: a defect of this build.
    pub(crate) fn apply(&self, mut at: u64, pieces: Vec<Bytes>) -> Result<Vec<Bytes>, ObjectsError> {
        let mut plain = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let mut bytes = BytesMut::from(piece);
            let end = at + bytes.len() as u64;
            for (run, cipher) in self.0.iter().filter(|(run, _)| run.start < end && at < run.end) {
                let (from, to) = (run.start.max(at), run.end.min(end));
                let index_of = |position: u64| usize::try_from(position - at).unwrap_or(usize::MAX);
                let part = bytes.get_mut(index_of(from)..index_of(to)).ok_or_else(lost)?;
                cipher.apply(from - run.start, part).map_err(defect)?;
            }
            at = end;
            plain.push(bytes.freeze());
        }
        Ok(plain)
    }
}

fn defect(_: aws_lc_rs::error::Unspecified) -> ObjectsError {
    ObjectsError::Internal("the content cipher failed".to_owned())
}

fn lost() -> ObjectsError {
    ObjectsError::Internal("a range beyond its bytes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KeyCheck;
    use proptest::prelude::*;

    fn encryption(lengths: &[Option<u64>]) -> ContentEncryption {
        let run = |(at, length): (usize, &Option<u64>)| ContentRun {
            length: *length,
            salt: [u8::try_from(at).expect("few"); 16],
        };
        let key = ContentKey::Customer(KeyCheck { salt: [0; 16], digest: [0; 32] });
        ContentEncryption { key, runs: ContentRuns(lengths.iter().enumerate().map(run).collect()) }
    }

    #[test]
    fn runs_that_end_early_are_damage() {
        let key = DataKey::new([1; 32]);
        assert!(Decipher::new(&encryption(&[Some(5)]), &key, &(0..6)).is_err());
        assert!(Decipher::new(&encryption(&[]), &key, &(0..1)).is_err());
        assert!(Decipher::new(&encryption(&[Some(5), None]), &key, &(0..u64::MAX)).is_ok());
    }

    proptest! {
        #[test]
        fn any_range_of_any_runs_comes_back(
            lengths in proptest::collection::vec(0_usize..60, 1..6),
            a in 0_usize..300,
            b in 0_usize..300,
            cut in 1_usize..70,
        ) {
            let key = DataKey::new([7; 32]);
            let total: usize = lengths.iter().sum();
            let content: Vec<u8> = (0..total).map(|at| u8::try_from(at % 251).expect("small")).collect();
            let recorded: Vec<_> = lengths.iter().map(|length| Some(*length as u64)).collect();
            let encryption = encryption(&recorded);
            let mut sealed = Vec::new();
            let mut at = 0;
            for (run, length) in encryption.runs.0.iter().zip(&lengths) {
                let cipher = ContentCipher::new(key.bytes(), &run.salt).expect("a cipher").into();
                let run = Encipher { salt: run.salt, cipher };
                let frames = Frames::from(Bytes::copy_from_slice(&content[at..at + length]));
                sealed.extend(run.apply(0, &frames).expect("enciphered").slices().concat());
                at += length;
            }
            let (from, to) = (a.min(b).min(total), a.max(b).min(total));
            let decipher = Decipher::new(&encryption, &key, &(from as u64..to as u64)).expect("covered");
            let pieces = sealed[from..to].chunks(cut).map(Bytes::copy_from_slice).collect();
            let plain = decipher.apply(from as u64, pieces).expect("deciphered").concat();
            prop_assert_eq!(&plain, &content[from..to]);
        }
    }
}
