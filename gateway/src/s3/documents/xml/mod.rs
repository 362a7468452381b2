//! XML as S3 speaks it: a writer for replies and a bounded reader for requests.

mod children;
mod document;
mod escape;
mod writer;

pub use children::{only, optional, texts};
pub use document::{Element, parse};
pub use escape::push_escaped;
pub use writer::XmlWriter;
