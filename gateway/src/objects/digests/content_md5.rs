//! MD5 of content, the slowest digest of every upload: AWS-LC's, whose assembly is a fifth faster than the crate `md-5`.
//!
//! aws-lc-rs has no MD5, so its C functions are called; this is the gateway's only `unsafe` code. It can go when `md-5` has an
//! x86-64 backend of its own.

use aws_lc_sys::{MD5_CTX, MD5_Final, MD5_Init, MD5_Update};

/// An MD5 under way (RFC 1321).
#[derive(Clone)]
pub(crate) struct ContentMd5(MD5_CTX);

#[expect(unsafe_code, reason = "MD5 is only to be had as a C function here")]
impl ContentMd5 {
    /// The digest of nothing so far.
    pub(crate) fn new() -> Self {
        let mut context = MD5_CTX { h: [0; 4], Nl: 0, Nh: 0, data: [0; 64], num: 0 };
        // SAFETY: it writes the fields of a context that is ours alone. It cannot fail.
        unsafe { MD5_Init(&raw mut context) };
        Self(context)
    }

    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        // SAFETY: the context was initialised; as many bytes are read as the slice has, and none are kept. It cannot fail.
        unsafe { MD5_Update(&raw mut self.0, bytes.as_ptr().cast(), bytes.len()) };
    }

    /// The digest.
    pub(crate) fn finish(mut self) -> [u8; 16] {
        let mut digest = [0; 16];
        // SAFETY: the context was initialised, and a digest has sixteen bytes. It cannot fail.
        unsafe { MD5_Final(digest.as_mut_ptr(), &raw mut self.0) };
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use md5::{Digest as _, Md5};
    use proptest::prelude::*;

    /// RFC 1321, A.5.
    #[test]
    fn the_test_suite_of_the_rfc_passes() {
        for (text, expected) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            let mut md5 = ContentMd5::new();
            md5.update(text.as_bytes());
            assert_eq!(hex::encode(md5.finish()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_another_however_the_content_comes(pieces: Vec<Vec<u8>>) {
            let (mut ours, mut other) = (ContentMd5::new(), Md5::new());
            for piece in &pieces {
                ours.update(piece);
                other.update(piece);
            }
            prop_assert_eq!(ours.finish(), <[u8; 16]>::from(other.finalize()));
        }
    }
}
