//! Numbers in what programs print.

/// The number before the first place of a word, as in `23 slivers`.
#[must_use]
pub fn number_before(text: &str, word: &str) -> Option<usize> {
    let (before, _) = text.split_once(word)?;
    before.trim_end().rsplit(' ').next()?.parse().ok()
}
