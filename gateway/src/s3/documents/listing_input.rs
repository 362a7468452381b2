//! What a listing is asked to list, and its page sizes.

use crate::s3::error::S3Error;
use crate::s3::uri::Query;

/// The most entries of a page, and the default.
pub const ENTRIES_MAX: usize = 1_000;

/// What a listing lists, as conditions of policies ask about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingInput {
    /// How keys begin.
    pub prefix: String,
    /// What parts keys into folders; may be empty.
    pub delimiter: String,
    /// The most entries of the page; none in a listing of uploads, which has another parameter.
    pub max_keys: Option<usize>,
}

impl ListingInput {
    /// Reads the parameters of a listing of objects or versions.
    ///
    /// # Errors
    /// `InvalidArgument` for a page size that is no number.
    pub fn read(query: &Query) -> Result<Self, S3Error> {
        Ok(Self { max_keys: Some(page_size(query, "max-keys")?), ..Self::of_uploads(query) })
    }

    /// Reads the parameters of a listing of uploads.
    #[must_use]
    pub fn of_uploads(query: &Query) -> Self {
        let text = |name| query.get(name).unwrap_or_default().to_owned();
        Self { prefix: text("prefix"), delimiter: text("delimiter"), max_keys: None }
    }
}

/// A page size of at most [`ENTRIES_MAX`], which is also the default.
///
/// # Errors
/// `InvalidArgument` for what is no number from 0.
pub fn page_size(query: &Query, parameter: &str) -> Result<usize, S3Error> {
    let asked = query.number(parameter)?.and_then(|asked| usize::try_from(asked).ok());
    Ok(asked.unwrap_or(ENTRIES_MAX).min(ENTRIES_MAX))
}
