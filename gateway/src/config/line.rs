//! Finds the line a key stands on, so that problems found after parsing can name it too.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// Line and column, counted from 1, of a byte offset.
pub(super) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

/// The line of a dotted key such as `limits.connections` or `backend.2.url`: that of the longest beginning of it
/// that is written in the file. `None` when not even its first word is.
pub(super) fn line_of(text: &str, key: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    let (name, mut value) = document.get_ref().get_key_value(first)?;
    let mut span = name.span();
    for step in rest.split('.').filter(|step| !step.is_empty()) {
        let Some((at, inner)) = descend(value.get_ref(), step) else { break };
        (span, value) = (at, inner);
    }
    Some(position(text, span.start).0)
}

type Inner<'v, 'i> = (Range<usize>, &'v toml::Spanned<DeValue<'i>>);

fn descend<'v, 'i>(value: &'v DeValue<'i>, step: &str) -> Option<Inner<'v, 'i>> {
    match value {
        DeValue::Table(table) => table.get_key_value(step).map(|(name, inner)| (name.span(), inner)),
        DeValue::Array(items) => {
            step.parse::<usize>().ok().and_then(|at| items.get(at)).map(|inner| (inner.span(), inner))
        }
        _ => None,
    }
}
