//! Time and chance, for node and client.

use std::time::{Duration, SystemTime};

/// Seconds since 1970 UTC.
#[expect(clippy::disallowed_methods, reason = "the one place below the gateway's clock that reads the time of day")]
pub(super) fn now_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// Random bytes of the operating system's quality.
///
/// # Errors
/// There are none to be had.
#[expect(clippy::disallowed_methods, reason = "the one place below the gateway's entropy that draws")]
pub(super) fn random<const N: usize>() -> Result<[u8; N], crate::StoreError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| crate::StoreError::unavailable("no random bytes can be drawn"))?;
    Ok(bytes)
}
