//! Lists that come in pages: `Marker`, `MaxItems`, `IsTruncated`.

use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::args::Args;
use crate::s3::iam::error::IamError;

/// The pagination parameters of a request.
#[derive(Debug)]
pub struct Page {
    /// After which entry; as the entries are sorted.
    pub after: String,
    /// How many.
    limit: usize,
}

impl Page {
    /// Reads the parameters.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn of(args: &Args) -> Result<Self, IamError> {
        let limit = args.number("MaxItems", 1, 1_000)?.unwrap_or(100);
        let after = args.text("Marker", 2_048)?.unwrap_or_default();
        Ok(Self { after, limit: usize::try_from(limit).unwrap_or(100) })
    }

    /// How many entries to fetch: one more than are shown detects another page.
    pub fn fetch_limit(&self) -> usize {
        self.limit + 1
    }

    /// Writes `<name><member>..</member>..</name>` and where the next page begins.
    pub fn write<T>(
        &self,
        name: &str,
        entries: &[T],
        marker: impl Fn(&T) -> String,
        write: impl Fn(&mut XmlWriter, &T),
    ) -> XmlWriter {
        let mut writer = XmlWriter::fragment();
        let shown = entries.get(..self.limit).unwrap_or(entries);
        writer.open(name);
        for entry in shown {
            writer.open("member");
            write(&mut writer, entry);
            writer.close("member");
        }
        writer.close(name);
        let truncated = shown.len() < entries.len();
        writer.plain("IsTruncated", truncated);
        if let Some(last) = shown.last().filter(|_| truncated) {
            writer.text("Marker", &marker(last));
        }
        writer
    }
}
