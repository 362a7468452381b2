//! How a sorted run of keys becomes a page: prefixes, delimiters, markers. Pure; the statements are elsewhere.

/// Decides key by key what a page shows, and where the next statement begins.
#[derive(Debug)]
pub(crate) struct RollUp<'q> {
    prefix: &'q [u8],
    delimiter: &'q [u8],
    limit: usize,
    shown: usize,
    /// Shown before the current piece of rows.
    shown_before: usize,
    /// Keys below this lie in a common prefix that is shown already.
    skip_to: Vec<u8>,
    /// Rows of the next piece.
    piece: usize,
    /// Most rows of the last piece lay in common prefixes that were shown already.
    sparse: bool,
}

/// How a key appears on the page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyDisposition<'k> {
    /// It is in a common prefix that is shown already.
    Skip,
    /// It is shown itself.
    Key,
    /// It is the first of a common prefix, which is shown.
    Prefix(&'k [u8]),
    /// The page is full: it would come next.
    Full,
}

/// Rows read at first when keys may be rolled up, and so most of them useless.
const FIRST_PIECE: usize = 64;
const SMALLEST_PIECE: usize = 4;
/// A step costs about as much as this many rows.
const SPARSE: usize = 4;

impl<'q> RollUp<'q> {
    /// A page of at most `limit` entries.
    pub(crate) fn new(prefix: &'q [u8], delimiter: &'q [u8], limit: usize) -> Self {
        let all = limit.saturating_add(1);
        let piece = if delimiter.is_empty() { all } else { all.min(FIRST_PIECE) };
        Self { prefix, delimiter, limit, shown: 0, shown_before: 0, skip_to: Vec::new(), piece, sparse: false }
    }

    /// The smallest key that may be shown after `after`, inclusive: after the whole common prefix it lies in, if any.
    pub(crate) fn first_after(&self, after: &[u8]) -> Vec<u8> {
        let next = match self.common_prefix(after) {
            Some(common) => end_of(common),
            None if after.is_empty() => Vec::new(),
            None => successor(after),
        };
        next.max(self.prefix.to_vec())
    }

    /// Where the keys with the prefix end, exclusive.
    pub(crate) fn end(&self) -> Vec<u8> {
        end_of(self.prefix)
    }

    /// Rows to ask for next.
    pub(crate) fn piece(&self) -> usize {
        self.piece
    }

    /// Whether it is better to step from entry to entry than to read on row by row.
    pub(crate) fn sparse(&self) -> bool {
        self.sparse
    }

    /// Entries that are still to be found: those that fit on the page, and the one that shows whether there are more.
    pub(crate) fn missing(&self) -> usize {
        (self.limit - self.shown).saturating_add(1)
    }

    /// Keys begin with this.
    pub(crate) fn prefix(&self) -> &'q [u8] {
        self.prefix
    }

    /// Keys are rolled up to the first of these after the prefix.
    pub(crate) fn delimiter(&self) -> &'q [u8] {
        self.delimiter
    }

    /// Classifies the next key.
    pub(crate) fn classify<'k>(&mut self, key: &'k [u8]) -> KeyDisposition<'k> {
        if key < &*self.skip_to {
            return KeyDisposition::Skip;
        }
        if self.shown == self.limit {
            return KeyDisposition::Full;
        }
        self.shown += 1;
        match self.common_prefix(key) {
            None => KeyDisposition::Key,
            Some(common) => {
                self.skip_to = end_of(common);
                KeyDisposition::Prefix(common)
            }
        }
    }

    /// Where to go on after a piece whose last key was `last`, inclusive. Pieces grow while they are useful and shrink
    /// when they end inside a common prefix, so that rows read stay in proportion to entries shown.
    pub(crate) fn go_on(&mut self, last: &[u8]) -> Vec<u8> {
        let useful = self.shown - self.shown_before;
        self.shown_before = self.shown;
        let wanted = self.missing();
        if *self.skip_to > *last {
            self.sparse = useful.saturating_mul(SPARSE) <= self.piece;
            self.piece = useful.saturating_mul(2).clamp(SMALLEST_PIECE, wanted.max(SMALLEST_PIECE));
            self.skip_to.clone()
        } else {
            self.piece = self.piece.saturating_mul(4).min(wanted).max(SMALLEST_PIECE);
            successor(last)
        }
    }

    /// The key up to the end of the first delimiter after the prefix.
    fn common_prefix<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        if self.delimiter.is_empty() {
            return None;
        }
        let rest = key.strip_prefix(self.prefix)?;
        let at = rest.windows(self.delimiter.len()).position(|window| window == self.delimiter)?;
        key.get(..self.prefix.len() + at + self.delimiter.len())
    }
}

/// The smallest string after this one.
pub(crate) fn successor(bytes: &[u8]) -> Vec<u8> {
    let mut next = bytes.to_vec();
    next.push(0);
    next
}

/// The smallest string after everything that begins with `prefix`. Keys are UTF-8, which has no byte 0xff, so that byte
/// comes after all keys.
pub(crate) fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    vec![0xff]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_after_everything_that_begins_with_the_prefix() {
        assert_eq!(end_of(b"a"), b"b");
        assert_eq!(end_of(b"a/"), b"a0");
        assert_eq!(end_of(b"a\xff\xff"), b"b");
        assert_eq!(end_of(b""), [0xff]);
        assert_eq!(end_of(b"\xff"), [0xff]);
    }

    #[test]
    fn a_marker_in_a_common_prefix_skips_all_of_it() {
        let roll = RollUp::new(b"", b"/", 10);
        assert_eq!(roll.first_after(b""), b"");
        assert_eq!(roll.first_after(b"a"), b"a\0");
        assert_eq!(roll.first_after(b"a/"), b"a0");
        assert_eq!(roll.first_after(b"a/b/c"), b"a0");
        let deep = RollUp::new(b"a/", b"/", 10);
        assert_eq!(deep.first_after(b""), b"a/");
        assert_eq!(deep.first_after(b"a/b"), b"a/b\0");
        assert_eq!(deep.first_after(b"a/b/c"), b"a/b0");
        assert_eq!(deep.first_after(b"b"), b"b\0", "beyond the prefix: nothing is left");
        let long = RollUp::new(b"", b"--", 10);
        assert_eq!(long.first_after(b"a-b"), b"a-b\0");
        assert_eq!(long.first_after(b"a--b"), b"a-.");
    }

    #[test]
    fn keys_roll_up_until_the_page_is_full() {
        let mut roll = RollUp::new(b"", b"/", 2);
        assert_eq!(roll.classify(b"a"), KeyDisposition::Key);
        assert_eq!(roll.classify(b"b/1"), KeyDisposition::Prefix(b"b/"));
        assert_eq!(roll.classify(b"b/2"), KeyDisposition::Skip);
        assert_eq!(roll.go_on(b"b/2"), b"b0");
        assert_eq!(roll.classify(b"c"), KeyDisposition::Full);
    }
}
