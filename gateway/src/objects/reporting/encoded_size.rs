//! How many bytes backends will hold of some content, before it is written.

use codec::{BlobLayout, Scheme, StripeShape};

use crate::objects::Objects;

/// Bytes of a catalog with one entry, as an object that is alone in its quilt has one.
const CATALOG_BYTES: u32 = 160;

impl Objects {
    /// Bytes of the slivers of `bytes` of content under a scheme, that of STANDARD by default. A small object is taken to be alone in its quilt,
    /// where it has most overhead.
    #[must_use]
    pub fn encoded_bytes(&self, scheme: Option<Scheme>, bytes: u64) -> u64 {
        let scheme = scheme.unwrap_or(self.inner.schemes.standard);
        let settings = &self.inner.settings.objects;
        encoded_bytes(scheme, bytes, settings.quilt_object_bytes_max, settings.blob_bytes_max)
    }
}

fn encoded_bytes(scheme: Scheme, bytes: u64, quilted_max: u64, blob_max: u64) -> u64 {
    let blob = |shape: StripeShape, content_len: u64| BlobLayout { shape, content_len, catalog_len: CATALOG_BYTES };
    match bytes {
        0 => 0,
        small if small <= quilted_max => blob(StripeShape::quilt(scheme), small).encoded_len(),
        large => {
            let shape = StripeShape::streaming(scheme);
            // Blobs end with a stripe.
            let stripe = u64::try_from(shape.stripe_bytes()).unwrap_or(u64::MAX).max(1);
            let whole = (blob_max / stripe).max(1).saturating_mul(stripe);
            let rest = large % whole;
            let last = if rest == 0 { 0 } else { blob(shape, rest).encoded_len() };
            blob(shape, whole).encoded_len().saturating_mul(large / whole).saturating_add(last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_grows_by_parity_and_tags() {
        let scheme: Scheme = "rs-4-2".parse().expect("a scheme");
        let size = |bytes| encoded_bytes(scheme, bytes, 1 << 20, 64 << 20);
        assert_eq!(size(0), 0);
        assert!(size(1) > 6, "six slivers have headers");
        for bytes in [2 << 20, 64 << 20, 300 << 20, 10 << 30_u64] {
            let grown = size(bytes);
            assert!(grown > bytes / 2 * 3 && grown < bytes / 100 * 152, "{bytes}: {grown}");
        }
        assert!(size(128 << 20) >= 2 * size(64 << 20) - 1_000);
    }
}
