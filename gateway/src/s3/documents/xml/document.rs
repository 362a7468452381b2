//! Reads the XML of requests into a small tree, with bounds on everything a hostile document could grow.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// The deepest nesting taken.
const DEPTH_MAX: usize = 16;

/// The most elements taken: Complete has at most 10,000 parts of up to nine elements.
const ELEMENTS_MAX: usize = 120_000;

/// A document that is not well-formed, too deep, too large, or brings a DTD (`MalformedXML`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the XML is not well-formed")]
pub struct XmlError;

/// An element: its name without prefix, its own text, its children in order. Attributes and namespaces are ignored,
/// because clients disagree on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The local name.
    pub name: String,
    /// All text directly inside, references resolved, white space kept.
    pub text: String,
    /// The elements directly inside.
    pub children: Vec<Element>,
}

impl Element {
    /// The first child of this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The children of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// Reads a document, whose root must have this name.
///
/// # Errors
/// When it is not well-formed, has another root, or breaks a bound.
pub fn parse(bytes: &[u8], root: &str) -> Result<Element, XmlError> {
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError)?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut done: Option<Element> = None;
    let mut elements = 0_usize;
    loop {
        match reader.read_event().map_err(|_| XmlError)? {
            Event::Start(start) => {
                elements += 1;
                if done.is_some() || open.len() >= DEPTH_MAX || elements > ELEMENTS_MAX {
                    return Err(XmlError);
                }
                open.push(Element { name: start.local_name().as_ref().to_owned(), ..Element::default() });
            }
            Event::End(_) => {
                let element = open.pop().ok_or(XmlError)?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => done = Some(element),
                }
            }
            Event::Text(piece) => push_text(&mut open, &piece.xml10_content())?,
            Event::CData(piece) => push_text(&mut open, &piece.xml10_content())?,
            Event::GeneralRef(reference) => push_text(&mut open, &resolve(&reference)?)?,
            Event::DocType(_) => return Err(XmlError),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Empty(_) => return Err(XmlError),
            Event::Eof => break,
        }
    }
    done.filter(|element| open.is_empty() && element.name == root).ok_or(XmlError)
}

/// Adds text to the innermost open element; outside the root only white space may stand.
fn push_text(open: &mut [Element], text: &str) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty() => {}
        None => return Err(XmlError),
    }
    Ok(())
}

/// The five entities of XML and numeric references; nothing can be declared.
fn resolve(reference: &BytesRef) -> Result<String, XmlError> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| XmlError)? {
        return Ok(character.to_string());
    }
    quick_xml::escape::resolve_predefined_entity(reference).map(str::to_owned).ok_or(XmlError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::s3::documents::xml::writer::XmlWriter;

    #[test]
    fn namespaces_prefixes_and_order_do_not_matter() {
        let plain = "<Delete><Quiet>true</Quiet><Object><Key>a b</Key></Object></Delete>";
        let named = "<?xml version=\"1.0\"?><s:Delete xmlns:s=\"urn:x\">\n <s:Object><s:Key>a b</s:Key></s:Object>\
                     <s:Quiet>true</s:Quiet><!-- so --></s:Delete>\n";
        for text in [plain, named] {
            let root = parse(text.as_bytes(), "Delete").unwrap();
            assert_eq!(root.text_of("Quiet"), Some("true"));
            assert_eq!(root.child("Object").unwrap().text_of("Key"), Some("a b"));
        }
    }

    #[test]
    fn text_is_exact() {
        let key = |text: &str| parse(format!("<K>{text}</K>").as_bytes(), "K").map(|element| element.text);
        assert_eq!(key(" a&amp;b&#13;&#x1;<![CDATA[<&]]> "), Ok(" a&b\r\u{1}<& ".to_owned()));
        assert_eq!(key("\u{1}"), Ok("\u{1}".to_owned()));
        assert_eq!(key(""), Ok(String::new()));
        assert_eq!(key("&nbsp;"), Err(XmlError));
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = format!("{}{}", "<D>".repeat(17), "</D>".repeat(17));
        let many = format!("<D>{}</D>", "<x/>".repeat(ELEMENTS_MAX));
        let bomb = "<!DOCTYPE D [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><D>&b;</D>";
        let outside = "<!DOCTYPE D SYSTEM \"file:///etc/passwd\"><D/>";
        for text in [deep.as_str(), &many, bomb, outside, "", "x", "<D>", "<D></E>", "<D/><D/>", "<E/>", "<D/>x", "<D"]
        {
            assert_eq!(parse(text.as_bytes(), "D"), Err(XmlError), "{:.40}", text);
        }
        assert_eq!(parse(b"<D>\xff</D>", "D"), Err(XmlError));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "[^\0]{0,60}") {
            let mut writer = XmlWriter::document("R", 0);
            writer.text("Key", &text);
            let root = parse(writer.end("R").as_bytes(), "R").unwrap();
            prop_assert_eq!(root.text_of("Key"), Some(text.as_str()));
        }

        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, "D");
        }

        #[test]
        fn no_markup_makes_it_panic(text in "(<[/!?]?[a-z]{0,2}[ =\"/]{0,3}>?|&[#x0-9a-z]{0,4};?|\\]\\]>|a){0,20}") {
            let _ = parse(text.as_bytes(), "a");
        }
    }
}
