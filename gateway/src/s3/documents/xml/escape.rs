//! Escaping of text in XML.

use std::fmt::Write as _;

/// Appends text escaped so that any parser gives back exactly these characters. What XML cannot carry at all
/// (control characters) becomes a numeric reference, as Amazon does; clients that have such keys ask for
/// `encoding-type=url`.
pub fn push_escaped(out: &mut String, text: &str) {
    let mut clean = 0;
    for (at, character) in text.char_indices() {
        let replacement = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => "",
            _ => continue,
        };
        out.push_str(&text[clean..at]);
        clean = at + character.len_utf8();
        if replacement.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(out, "&#{};", u32::from(character));
        } else {
            out.push_str(replacement);
        }
    }
    out.push_str(&text[clean..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_control_characters_become_references() {
        let mut out = String::new();
        push_escaped(&mut out, "a<b>&\"c\"\r\n\t\u{1}é\u{7f}");
        assert_eq!(out, "a&lt;b&gt;&amp;&quot;c&quot;&#13;&#10;&#9;&#1;é&#127;");
    }
}
