//! The texts that are signed: a kind, then fields, each on a line of its own.

use super::PROTOCOL;

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
