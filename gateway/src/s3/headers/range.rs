//! `Range` on a read: which bytes of the content are wanted.

use std::ops::Range;

/// What a `Range` header means for content of a known size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it, answered with 200: there is no range, or one that HTTP says to ignore (another unit, broken syntax,
    /// several ranges).
    Whole,
    /// These bytes, answered with 206.
    Part(Range<u64>),
    /// None of it exists, answered with 416.
    Unsatisfiable,
}

/// Reads one `bytes=` range as RFC 9110 does, against content of `size` bytes. Several ranges are ignored, as Amazon
/// ignores them.
#[must_use]
pub fn resolve(header: &str, size: u64) -> Wanted {
    let Some((first, last)) = parse(header) else { return Wanted::Whole };
    match (first, last) {
        (None, Some(suffix)) if suffix == 0 || size == 0 => Wanted::Unsatisfiable,
        (None, Some(suffix)) => Wanted::Part(size.saturating_sub(suffix)..size),
        (Some(first), Some(last)) if last < first => Wanted::Whole,
        (Some(first), _) if first >= size => Wanted::Unsatisfiable,
        (Some(first), last) => {
            let end = last.map_or(size, |last| last.saturating_add(1).min(size));
            Wanted::Part(first..end)
        }
        (None, None) => Wanted::Whole,
    }
}

/// The range of `x-amz-copy-source-range`, which must be `bytes=first-last` and lie within the source.
///
/// # Errors
/// Why it is no range of the source.
pub fn exact(header: &str, size: u64) -> Result<Range<u64>, NoRange> {
    match parse(header) {
        Some((Some(first), Some(last))) if last < first => Err(NoRange::Malformed),
        Some((Some(first), Some(_))) if first >= size => Err(NoRange::BeginsBeyond),
        Some((Some(_), Some(last))) if last >= size => Err(NoRange::EndsBeyond),
        Some((Some(first), Some(last))) => Ok(first..last + 1),
        _ => Err(NoRange::Malformed),
    }
}

/// Why a text is no range of the source of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRange {
    /// It is not `bytes=first-last`.
    Malformed,
    /// The source ends before its first byte.
    BeginsBeyond,
    /// The source ends before its last byte.
    EndsBeyond,
}

/// `first-last`, either of which may be missing but not both; numbers too large for 64 bits stand for the largest.
fn parse(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, spec) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = spec.trim().split_once('-')?;
    let bounds = (number(first.trim())?, number(last.trim())?);
    (bounds != (None, None)).then_some(bounds)
}

/// `Some(None)` for nothing, `None` for text that is no number.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_mean_what_rfc_9110_says() {
        let table = [
            ("bytes=0-", 10, Wanted::Part(0..10)),
            ("bytes=0-0", 10, Wanted::Part(0..1)),
            ("bytes=4-7", 10, Wanted::Part(4..8)),
            ("bytes=4-700", 10, Wanted::Part(4..10)),
            ("BYTES = 4 - 7 ", 10, Wanted::Part(4..8)),
            ("bytes=-3", 10, Wanted::Part(7..10)),
            ("bytes=-30", 10, Wanted::Part(0..10)),
            ("bytes=0-18446744073709551615", 10, Wanted::Part(0..10)),
            ("bytes=0-99999999999999999999999", 10, Wanted::Part(0..10)),
            ("bytes=-0", 10, Wanted::Unsatisfiable),
            ("bytes=10-", 10, Wanted::Unsatisfiable),
            ("bytes=0-0", 0, Wanted::Unsatisfiable),
            ("bytes=-1", 0, Wanted::Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Wanted::Unsatisfiable),
            ("bytes=5-2", 10, Wanted::Whole),
            ("bytes=-", 10, Wanted::Whole),
            ("bytes=0-0,2-3", 10, Wanted::Whole),
            ("bytes=+1-2", 10, Wanted::Whole),
            ("lines=0-1", 10, Wanted::Whole),
            ("0-1", 10, Wanted::Whole),
            ("", 10, Wanted::Whole),
        ];
        for (header, size, wanted) in table {
            assert_eq!(resolve(header, size), wanted, "{header} of {size}");
        }
    }

    #[test]
    fn a_copied_range_must_lie_within_its_source() {
        assert_eq!(exact("bytes=2-4", 5), Ok(2..5));
        assert_eq!(exact("bytes=2-5", 5), Err(NoRange::EndsBeyond));
        assert_eq!(exact("bytes=5-9", 5), Err(NoRange::BeginsBeyond));
        for broken in ["bytes=2-", "bytes=-2", "bytes=4-2", "bytes=a-b", "2-4", "bytes=0-1,3-4"] {
            assert_eq!(exact(broken, 5), Err(NoRange::Malformed), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_lies_within(header in "(bytes=)?[0-9]{0,21}-?[0-9]{0,21},?", size: u64) {
            if let Wanted::Part(part) = resolve(&header, size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }

        #[test]
        fn no_text_at_all_makes_it_panic(header in ".*", size: u64) {
            let _ = resolve(&header, size);
            let _ = exact(&header, size);
        }
    }
}
