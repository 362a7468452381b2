//! The route table: every operation of S3 is a row, and a request belongs to exactly one.

mod find;
mod markdown;
mod row;
mod table;
#[cfg(test)]
mod tests;

pub use find::{RouteMatch, RouteQuery};
pub use markdown::operations_as_markdown;
pub use row::{Handler, Need, Row, on_bucket, on_new_bucket, on_object, on_resource, on_service, unsupported};
pub use table::TABLE;
