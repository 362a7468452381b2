//! Writes the XML of replies into one string.

use std::fmt::{Display, Write as _};

use crate::s3::documents::xml::escape::push_escaped;

/// The namespace of S3's documents.
pub const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A document under construction. Elements are closed by the caller in reverse order.
#[derive(Debug)]
pub struct XmlWriter {
    out: String,
}

impl XmlWriter {
    /// Begins a document with the XML declaration and a root element in S3's namespace. `capacity` is the expected
    /// length in bytes.
    #[must_use]
    pub fn document(root: &str, capacity: usize) -> Self {
        let mut writer = Self::declared(capacity);
        let _ = write!(writer.out, "<{root} xmlns=\"{NAMESPACE}\">");
        writer
    }

    /// Begins a document without a root.
    #[must_use]
    pub fn declared(capacity: usize) -> Self {
        let mut out = String::with_capacity(capacity.max(256));
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self { out }
    }

    /// Begins a piece of a document whose declaration has gone out already.
    #[must_use]
    pub fn fragment() -> Self {
        Self { out: String::new() }
    }

    /// Begins an element.
    pub fn open(&mut self, name: &str) -> &mut Self {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
        self
    }

    /// Ends an element.
    pub fn close(&mut self, name: &str) -> &mut Self {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        self
    }

    /// An element that holds text.
    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.open(name);
        push_escaped(&mut self.out, text);
        self.close(name)
    }

    /// An element that holds a number or anything else whose text needs no escaping.
    pub fn plain(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.open(name);
        let _ = write!(self.out, "{value}");
        self.close(name)
    }

    /// An element whose text, which needs no escaping, is appended by a function.
    pub fn with(&mut self, name: &str, write: impl FnOnce(&mut String)) -> &mut Self {
        self.open(name);
        write(&mut self.out);
        self.close(name)
    }

    /// An entity tag, in its quotes.
    pub fn etag(&mut self, etag: crate::domain::ETag) -> &mut Self {
        let _ = write!(self.out, "<ETag>&quot;{etag}&quot;</ETag>");
        self
    }

    /// An element that is written only when there is a value.
    pub fn maybe(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.text(name, text);
        }
        self
    }

    /// Text directly inside the open element.
    pub fn content(&mut self, text: &str) -> &mut Self {
        push_escaped(&mut self.out, text);
        self
    }

    /// Markup written as it is.
    pub fn raw(&mut self, markup: &str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// The document, with its root closed.
    #[must_use]
    pub fn end(mut self, root: &str) -> String {
        self.close(root);
        self.out
    }

    /// The document, as far as it was written.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_written_as_s3_writes_it() {
        let mut writer = XmlWriter::document("R", 0);
        writer.open("A").text("Key", "a&b").plain("Size", 7).close("A").maybe("Gone", None);
        assert_eq!(
            writer.end("R"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <A><Key>a&amp;b</Key><Size>7</Size></A></R>"
        );
    }
}
