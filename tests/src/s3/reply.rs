//! What the gateway answered.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::HeaderMap;

use super::xml;

/// A whole reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    pub(super) line: String,
}

/// One page of a listing.
pub struct ListedPage {
    /// Its keys, in the order they came.
    pub keys: Vec<String>,
    /// Its common prefixes, in the order they came.
    pub prefixes: Vec<String>,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
    /// The KeyCount it states.
    pub count: usize,
}

impl Reply {
    /// Itself, if its status says that all went well.
    ///
    /// # Errors
    /// It does not.
    pub fn ok(self) -> Result<Self> {
        ensure!((200..300).contains(&self.status), "{}", self.describe());
        Ok(self)
    }

    /// Nothing, if it is this refusal.
    ///
    /// # Errors
    /// It is another one, or none.
    pub fn refused(&self, status: u16, code: &str) -> Result<()> {
        let right = self.status == status && (self.body.is_empty() || self.code().as_deref() == Some(code));
        if right { Ok(()) } else { bail!("expected {status} {code}: {}", self.describe()) }
    }

    /// The error code in the body.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        xml::first(&self.text(), "Code")
    }

    /// A header, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The ETag with its quotes.
    #[must_use]
    pub fn etag(&self) -> String {
        self.header("etag").to_owned()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the first element of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn text_of(&self, element: &str) -> Result<String> {
        xml::first(&self.text(), element).with_context(|| format!("no <{element}> in {}", self.describe()))
    }

    /// The texts of all elements of that name.
    #[must_use]
    pub fn texts_of(&self, element: &str) -> Vec<String> {
        xml::all(&self.text(), &[element])
    }

    fn describe(&self) -> String {
        let text: String = self.text().chars().take(2_000).collect();
        format!("{} was answered {} {:?}\n{text}", self.line, self.status, self.headers)
    }
}

impl ListedPage {
    pub(super) fn read(reply: &Reply) -> Self {
        let text = reply.text();
        let in_each = |section: &str, element: &str| -> Vec<String> {
            let sections = text.split(section).skip(1).filter_map(|part| xml::first(part, element));
            sections.map(|name| xml::url_decoded(&name)).collect()
        };
        Self {
            keys: in_each("<Contents>", "Key"),
            prefixes: in_each("<CommonPrefixes>", "Prefix"),
            next: xml::first(&text, "NextContinuationToken"),
            count: xml::first(&text, "KeyCount").and_then(|count| count.parse().ok()).unwrap_or_default(),
        }
    }
}
