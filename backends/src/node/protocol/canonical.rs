//! The texts that are signed: a kind, then fields, each on a line of its own. And lines of fields between commas, which people carry from one
//! operator to another.

use super::PROTOCOL;

/// Bytes of a line that people carry, at most.
const LINE_BYTES_MAX: usize = 1024;

/// The text of this kind with these fields, none of which contains a line feed. The kind keeps a signature for one purpose from
/// being one for another.
pub(super) fn text(kind: &str, fields: &[&str]) -> String {
    debug_assert!(!fields.iter().any(|field| field.contains('\n')), "a line feed ends a field");
    let len = fields.iter().map(|field| field.len() + 1).sum::<usize>() + PROTOCOL.len() + kind.len() + 2;
    let mut text = String::with_capacity(len);
    text.extend([PROTOCOL, " ", kind]);
    for field in fields {
        text.push('\n');
        text.push_str(field);
    }
    text
}

/// The seven fields of a line that people carry.
pub(super) fn fields(line: &str) -> Option<[&str; 7]> {
    if line.len() > LINE_BYTES_MAX {
        return None;
    }
    let fields: Vec<&str> = line.split(',').collect();
    fields.try_into().ok()
}

/// A decimal number as it is written: no sign, no leading zeros.
pub(super) fn number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

/// Lower-case hexadecimal digits.
pub(super) fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}
