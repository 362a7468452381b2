//! What a sparse blob is: one of which something lives, and less than half. Its living extents are worth moving elsewhere.

/// Whether a row `b` of `blob` is sparse. The index `blob_sparse` is over just these rows, of quilts; [`is_sparse`] says the same of a
/// blob that is not written yet.
pub(in crate::metadata) const IS_SPARSE: &str = "b.live_bytes > 0 AND b.live_bytes * 2 < b.content_len";

/// Whether a blob is sparse of which so many bytes live.
pub(in crate::metadata) fn is_sparse(live_bytes: u64, content_len: u64) -> bool {
    live_bytes > 0 && live_bytes < content_len.div_ceil(2)
}
