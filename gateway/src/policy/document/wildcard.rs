//! Matching with `*` and `?` in time that no pattern and no text can make explode: a pattern is cut at its `*`s, and each
//! piece between two of them is found once, leftmost, which is enough because whatever follows may be anywhere after it.
//! A piece with `?` in its middle is found by the shift-and automaton of Baeza-Yates and Gonnet ("A new approach to text
//! searching", 1992): one step for each character and 64 positions of the piece.

use std::collections::HashMap;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Box<str>),
    /// `*`: any number of characters.
    Any,
    /// `?`: one character.
    One,
    /// `${key}` or `${key, 'default'}`; the key is in lower case.
    Variable(Box<str>, Option<Box<str>>),
}

/// Whether letters of either case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They are not.
    Matters,
    /// They are, as far as ASCII goes.
    Ignored,
}

/// Whether `pieces`, in which variables have been replaced, describe the whole text.
pub(super) fn matches(pieces: &[Piece], text: &str, case: Case) -> bool {
    let mut segments = pieces.split(|piece| *piece == Piece::Any);
    let first = segments.next().unwrap_or_default();
    let Some(mut rest) = without_start(first, text, case) else { return false };
    let Some(last) = segments.next_back() else { return rest.is_empty() };
    for segment in segments {
        let Some(after) = after_first(segment, rest, case) else { return false };
        rest = after;
    }
    ends_with(last, rest, case)
}

/// What follows a segment that stands at the beginning.
fn without_start<'a>(segment: &[Piece], text: &'a str, case: Case) -> Option<&'a str> {
    segment.iter().try_fold(text, |rest, piece| match piece {
        Piece::One => without_first(rest),
        Piece::Text(wanted) => {
            rest.get(..wanted.len()).filter(|start| equal(start, wanted, case)).map(|_| &rest[wanted.len()..])
        }
        Piece::Any | Piece::Variable(..) => None,
    })
}

fn ends_with(segment: &[Piece], text: &str, case: Case) -> bool {
    let before = segment.iter().rev().try_fold(text, |rest, piece| match piece {
        Piece::One => rest.char_indices().next_back().map(|(last, _)| &rest[..last]),
        Piece::Text(wanted) => {
            let cut = rest.len().checked_sub(wanted.len())?;
            rest.get(cut..).filter(|end| equal(end, wanted, case)).map(|_| &rest[..cut])
        }
        Piece::Any | Piece::Variable(..) => None,
    });
    before.is_some()
}

fn equal(text: &str, wanted: &str, case: Case) -> bool {
    match case {
        Case::Matters => text == wanted,
        Case::Ignored => text.eq_ignore_ascii_case(wanted),
    }
}

fn without_first(text: &str) -> Option<&str> {
    text.chars().next().map(|first| &text[first.len_utf8()..])
}

/// What follows the leftmost place where a segment stands.
fn after_first<'a>(segment: &[Piece], text: &'a str, case: Case) -> Option<&'a str> {
    let is_text = |piece: &Piece| *piece != Piece::One;
    let Some(begin) = segment.iter().position(is_text) else { return skip(text, segment.len()) };
    let end = segment.iter().rposition(is_text).map_or(begin, |last| last + 1);
    let searched = skip(text, begin)?;
    let after = match (&segment[begin..end], case) {
        ([Piece::Text(wanted)], Case::Matters) => searched.find(&**wanted).map(|at| &searched[at + wanted.len()..]),
        (core, _) => after_core(core, searched, case),
    };
    skip(after?, segment.len() - end)
}

/// The text without its first `count` characters.
fn skip(text: &str, count: usize) -> Option<&str> {
    match count.checked_sub(1) {
        None => Some(text),
        Some(last) => text.char_indices().nth(last).map(|(at, character)| &text[at + character.len_utf8()..]),
    }
}

/// As [`after_first`], by the automaton: bit `i` of its state says that the first `i + 1` characters of the segment are the
/// last ones read.
fn after_core<'a>(core: &[Piece], text: &'a str, case: Case) -> Option<&'a str> {
    let fold = |character: char| if case == Case::Ignored { character.to_ascii_lowercase() } else { character };
    let length: usize =
        core.iter().map(|piece| if let Piece::Text(text) = piece { text.chars().count() } else { 1 }).sum();
    if length == 0 {
        return Some(text); // variables without characters
    }
    if length > text.len() {
        return None;
    }
    let words = length.div_ceil(64);
    let mut any = vec![0_u64; words];
    let mut masks: HashMap<char, Vec<u64>> = HashMap::new();
    let mut position = 0;
    for piece in core {
        let Piece::Text(wanted) = piece else {
            any[position / 64] |= 1 << (position % 64);
            position += 1;
            continue;
        };
        for character in wanted.chars().map(fold) {
            masks.entry(character).or_insert_with(|| vec![0; words])[position / 64] |= 1 << (position % 64);
            position += 1;
        }
    }
    let (accepting, last) = (1 << ((length - 1) % 64), words - 1);
    let mut state = vec![0_u64; words];
    for (at, character) in text.char_indices() {
        let mask = masks.get(&fold(character));
        let mut carry = 1;
        for word in 0..words {
            let shifted = state[word] << 1 | carry;
            carry = state[word] >> 63;
            state[word] = shifted & (any[word] | mask.map_or(0, |mask| mask[word]));
        }
        if state[last] & accepting != 0 {
            return Some(&text[at + character.len_utf8()..]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::document::pattern::{Pattern, Syntax};

    fn pieces(pattern: &str) -> Pattern {
        Pattern::parse(pattern, Syntax { wildcards: true, variables: false }).expect("parses")
    }

    fn matches(pattern: &str, text: &str, case: Case) -> bool {
        pieces(pattern).matches(text, case, &|_| None)
    }

    /// By the definition, with all the time it takes.
    fn obvious(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|cut| obvious(rest, &text[cut..])),
            Some(('?', rest)) => !text.is_empty() && obvious(rest, &text[1..]),
            Some((one, rest)) => text.first() == Some(one) && obvious(rest, &text[1..]),
        }
    }

    #[test]
    fn a_segment_may_be_longer_than_a_word_of_the_automaton() {
        let core = "ab?".repeat(100) + "end";
        let text = format!("abab{}xx", "abc".repeat(100) + "end");
        assert!(matches(&format!("*{core}*"), &text, Case::Matters));
        assert!(matches(&format!("*{core}?x"), &text, Case::Matters));
        assert!(!matches(&format!("*{core}*"), &text.replace("end", "enD"), Case::Matters));
        assert!(matches(&format!("*{core}*"), &text.replace("end", "enD"), Case::Ignored));
    }

    #[test]
    fn variables_may_be_empty() {
        let syntax = Syntax { wildcards: true, variables: true };
        let pattern = |text: &str| Pattern::parse(text, syntax).expect("parses");
        for text in ["", "x", "xay"] {
            for case in [Case::Matters, Case::Ignored] {
                assert!(pattern("*${a, ''}${b, ''}*").matches(text, case, &|_| None), "{text}");
                assert!(pattern("${a, ''}*${b, ''}").matches(text, case, &|_| None), "{text}");
                assert_eq!(pattern("*${a, ''}a${b, ''}*").matches(text, case, &|_| None), text == "xay", "{text}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn it_agrees_with_the_definition(pattern in "[abé*?]{0,10}", text in "[abé]{0,12}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text, Case::Matters), obvious(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn case_is_ignored_where_it_is_to_be(pattern in "[aAbB*?]{0,10}", text in "[aAbB]{0,12}") {
            let lower = |text: &str| text.to_ascii_lowercase().chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text, Case::Ignored), obvious(&lower(&pattern), &lower(&text)));
        }
    }
}
