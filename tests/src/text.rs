//! What programs print: numbers in it, and less of it.

/// The number before the first place of a word, as in `23 slivers`.
#[must_use]
pub fn number_before(text: &str, word: &str) -> Option<usize> {
    let (before, _) = text.split_once(word)?;
    before.trim_end().rsplit(' ').next()?.parse().ok()
}

/// Each line once, with how often it follows itself: a log in which a thousand equal lines do not hide the others.
#[must_use]
pub fn fold_repeated_lines(text: &str) -> String {
    let mut folded = String::new();
    for same in text.lines().collect::<Vec<_>>().chunk_by(|one, next| one == next) {
        folded.push_str(same[0]);
        if same.len() > 1 {
            folded.push_str(&format!(" ({} times)", same.len()));
        }
        folded.push('\n');
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_repeat_are_counted() {
        assert_eq!(fold_repeated_lines("a\na\na\nb\na\n"), "a (3 times)\nb\na\n");
        assert_eq!(fold_repeated_lines(""), "");
    }
}
