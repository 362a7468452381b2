//! What a log gives to a witness that recomputes: the body of `POST /add-section`.

/// The longest body, in bytes.
pub const SECTION_BYTES_MAX: usize = 64 << 20;

/// Inputs and leaves of an epoch as one body: the length of the inputs in eight bytes, big-endian, the inputs, and each leaf after its length
/// in two bytes. None where a leaf is too long or the body would be.
#[must_use]
pub fn encode_section(inputs: &[u8], leaves: &[String]) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(8 + inputs.len());
    body.extend_from_slice(&u64::try_from(inputs.len()).ok()?.to_be_bytes());
    body.extend_from_slice(inputs);
    for leaf in leaves {
        body.extend_from_slice(&u16::try_from(leaf.len()).ok()?.to_be_bytes());
        body.extend_from_slice(leaf.as_bytes());
    }
    (body.len() <= SECTION_BYTES_MAX).then_some(body)
}

/// The reverse: inputs and leaves. None for a body that is none.
#[must_use]
pub fn decode_section(body: &[u8]) -> Option<(&[u8], Vec<&[u8]>)> {
    let (length, rest) = body.split_first_chunk::<8>()?;
    let (inputs, mut rest) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    let mut leaves = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (leaf, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        leaves.push(leaf);
        rest = after;
    }
    Some((inputs, leaves))
}
