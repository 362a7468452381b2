//! Encoded words of RFC 2047, by which headers carry text that is not ASCII.
//!
//! Amazon decodes the user metadata of a request, keeps its text, and encodes what is not ASCII in replies. The choice between
//! the encodings Q and B, what Q escapes and where long text is broken follow its recorded answers, which are those of
//! JavaMail's `MimeUtility.encodeText`.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;

/// The most bytes of encoded text in a word: RFC 2047 gives a word 75, of which `=?UTF-8?Q?` and `?=` take twelve.
const WORD_BYTES_MAX: usize = 63;

/// Senders disagree about padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// Base64.
    B,
    /// Quoted-printable, with underscores for spaces.
    Q,
}

/// Text as a header carries it: as it is where it is printable ASCII, else in encoded words with a space between each two.
#[must_use]
pub fn encode(text: &str) -> String {
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    // Characters of UTF-16 are counted, as Amazon counts them.
    let plain = text.bytes().filter(|byte| is_plain(*byte)).count();
    let others = text.encode_utf16().count() - plain;
    let encoding = if plain > others { Encoding::Q } else { Encoding::B };
    let mut words = String::with_capacity(3 * text.len() + 16);
    push_words(text, encoding, &mut words);
    words
}

/// Text as a header carries it, so that [`decode`] gives back just this text, also where it looks like an encoded word.
#[must_use]
pub fn shield(text: &str) -> String {
    if text.bytes().all(is_plain) && !text.contains("=?") {
        return text.to_owned();
    }
    format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(text))
}

/// What a header's text means: its encoded words decoded, without the white space between two of them. What is no
/// encoded word, or one in an alphabet or encoding that is not known here, stays as it is.
#[must_use]
pub fn decode(text: &str) -> String {
    if !text.contains("=?") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while !rest.is_empty() {
        let gap_end = rest.find(|character| !is_space(character)).unwrap_or(rest.len());
        let (gap, from_token) = rest.split_at(gap_end);
        let token_end = from_token.find(is_space).unwrap_or(from_token.len());
        let (token, after) = from_token.split_at(token_end);
        let word = decode_word(token);
        if !(after_word && word.is_some()) {
            out.push_str(gap);
        }
        after_word = word.is_some();
        out.push_str(word.as_deref().unwrap_or(token));
        rest = after;
    }
    out
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_plain(byte: u8) -> bool {
    byte == b'\t' || (b' '..0x7f).contains(&byte)
}

/// Halves text until each piece fits a word, as JavaMail does.
fn push_words(text: &str, encoding: Encoding, words: &mut String) {
    let units = text.encode_utf16().count();
    if encoded_length(text, encoding) > WORD_BYTES_MAX && units > 1 {
        let at = middle(text, units / 2);
        if at > 0 {
            let (left, right) = text.split_at(at);
            push_words(left, encoding, words);
            push_words(right, encoding, words);
            return;
        }
    }
    if !words.is_empty() {
        words.push(' ');
    }
    match encoding {
        Encoding::B => words.push_str(&format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(text))),
        Encoding::Q => push_q(text, words),
    }
}

/// Where the character begins that holds this unit of UTF-16.
fn middle(text: &str, unit: usize) -> usize {
    let mut seen = 0;
    for (at, character) in text.char_indices() {
        if seen + character.len_utf16() > unit {
            return at;
        }
        seen += character.len_utf16();
    }
    text.len()
}

fn encoded_length(text: &str, encoding: Encoding) -> usize {
    match encoding {
        Encoding::B => text.len().div_ceil(3) * 4,
        Encoding::Q => text.bytes().map(|byte| if byte == b' ' || stands_in_q(byte) { 1 } else { 3 }).sum(),
    }
}

fn stands_in_q(byte: u8) -> bool {
    (b'!'..0x7f).contains(&byte) && !b"=_?".contains(&byte)
}

fn push_q(text: &str, words: &mut String) {
    words.push_str("=?UTF-8?Q?");
    for byte in text.bytes() {
        match byte {
            b' ' => words.push('_'),
            byte if stands_in_q(byte) => words.push(char::from(byte)),
            byte => {
                words.push('=');
                words.extend([byte >> 4, byte & 15].map(|half| char::from(HEX[usize::from(half)])));
            }
        }
    }
    words.push_str("?=");
}

fn decode_word(token: &str) -> Option<String> {
    let inside = token.strip_prefix("=?")?.strip_suffix("?=")?;
    let (charset, inside) = inside.split_once('?')?;
    let (encoding, encoded) = inside.split_once('?')?;
    let bytes = match encoding {
        "B" | "b" => LENIENT.decode(encoded).ok()?,
        "Q" | "q" if !encoded.contains('?') => q_bytes(encoded)?,
        _ => return None,
    };
    // RFC 2231 allows a language after an asterisk.
    let charset = charset.split('*').next().unwrap_or_default().to_ascii_lowercase();
    match charset.as_str() {
        "utf-8" | "utf8" | "us-ascii" => Some(String::from_utf8_lossy(&bytes).into_owned()),
        "iso-8859-1" | "latin1" => Some(bytes.iter().copied().map(char::from).collect()),
        _ => None,
    }
}

fn q_bytes(encoded: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'=' => (digit(rest.next()?)? << 4) | digit(rest.next()?)?,
            b'_' => b' ',
            other => other,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Recorded of Amazon by LocalStack's tests, `test_user_metadata_rfc2047_encoded` and its neighbours.
    #[test]
    fn text_is_encoded_as_amazon_encodes_it() {
        for (text, word) in [
            ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
            ("test_—_file%E2%80%94_é_2?.pdf", "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?="),
            (
                "test_—_file%E2%80%94_é_2👑.pdf",
                "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=F0=9F=91=91.pdf?=",
            ),
            ("non-ascii-%E2%80%94_—_é_", "=?UTF-8?Q?non-ascii-%E2%80%94=5F=E2=80=94=5F=C3=A9=5F?="),
            ("\0\u{1}\u{2}\u{3}", "=?UTF-8?B?AAECAw==?="),
            ("\u{fffd}a\u{fffd}", "=?UTF-8?B?77+9Ye+/vQ==?="),
            ("\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}", "=?UTF-8?B?77+977+977+977+977+977+977+9?="),
            ("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t"),
            ("=?UTF-8?Q?actually-ascii?=", "=?UTF-8?Q?actually-ascii?="),
        ] {
            assert_eq!(encode(text), word);
            assert_eq!(decode(&shield(text)), text);
        }
    }

    #[test]
    fn words_are_decoded_and_what_is_none_stays() {
        for (sent, text) in [
            ("=?UTF-8?Q?actually-ascii?=", "actually-ascii"),
            ("=?utf-8?b?YWJj?=", "abc"),
            ("=?UTF-8?B?YWI?=", "ab"),
            ("=?ISO-8859-1?Q?a=E9_b?=", "aé b"),
            ("=?UTF-8*de?Q?=C3=A4?=", "ä"),
            ("a =?UTF-8?Q?b?= \t =?UTF-8?Q?c?= d", "a bc d"),
            ("=?UTF-8?Q??=", ""),
            ("=?UTF-8?B?=GGG?=", "=?UTF-8?B?=GGG?="),
            ("=?UTF-8?Q?=4?=", "=?UTF-8?Q?=4?="),
            ("=?KOI8-R?Q?a?=", "=?KOI8-R?Q?a?="),
            ("=?UTF-8?X?a?=", "=?UTF-8?X?a?="),
            ("is this =? a word ?=", "is this =? a word ?="),
            ("=?UTF-8?Q?=FF?=", "\u{fffd}"),
            ("=?=", "=?="),
        ] {
            assert_eq!(decode(sent), text, "{sent}");
        }
    }

    #[test]
    fn a_line_break_never_stands_in_a_header() {
        assert_eq!(encode("a\r\nSet-Cookie: b"), "=?UTF-8?Q?a=0D=0ASet-Cookie:_b?=");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_and_no_word_is_too_long(text in "\\PC{0,300}") {
            let words = encode(&text);
            prop_assert!(words.bytes().all(is_plain));
            if words != text {
                prop_assert_eq!(decode(&words), text.clone());
                prop_assert!(words.split(' ').all(|word| word.len() <= 75), "{}", words);
            }
            prop_assert_eq!(decode(&shield(&text)), text);
        }

        #[test]
        fn nothing_makes_decoding_panic(text in "(=\\?|\\?=|UTF-8|[QqBb]|\\?|=|[0-9A-F]|é| ){0,30}") {
            let _ = decode(&text);
        }
    }
}
