//! `PostObject`: a form sent by a browser, which carries its own policy and signature.

use http::Method;

use crate::s3::route::{Need, Row, refused_form};

/// The rows of this group. The name is that of Amazon's documentation; its model has none.
pub fn rows() -> Vec<Row> {
    let form = Need::HeaderStart("content-type", "multipart/form-data");
    vec![refused_form("PostObject", Method::POST, "s3:PutObject").need(form).open_to_all()]
}
