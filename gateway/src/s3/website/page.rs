//! Errors as pages that people read.

use axum::body::Body;
use http::{HeaderValue, header};

use crate::s3::documents::xml::push_escaped;
use crate::s3::error::S3Error;
use crate::s3::pipeline::request::RequestInfo;
use crate::s3::respond::Response;
use crate::s3::website::reply::name_error;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The page of an error; `second` is why the website's own error document could not be shown.
pub(super) fn show(error: &S3Error, second: Option<&S3Error>, request_info: &RequestInfo) -> Response {
    let status = error.status();
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let mut html = String::with_capacity(512);
    html.push_str("<html>\n<head><title>");
    push_escaped(&mut html, &title);
    html.push_str("</title></head>\n<body>\n<h1>");
    push_escaped(&mut html, &title);
    html.push_str("</h1>\n<ul>\n");
    write(error, &mut html);
    item(&mut html, "RequestId", &request_info.id.to_string());
    item(&mut html, "HostId", request_info.host.to_str().unwrap_or_default());
    html.push_str("</ul>\n");
    if let Some(second) = second {
        html.push_str("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n");
        write(second, &mut html);
        html.push_str("</ul>\n");
    }
    html.push_str("<hr/>\n</body>\n</html>\n");
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HTML);
    for (name, value) in &error.headers {
        response.headers_mut().append(name, value.clone());
    }
    name_error(error, &mut response);
    response
}

fn write(error: &S3Error, html: &mut String) {
    item(html, "Code", error.code.name());
    item(html, "Message", &error.message);
    for (name, value) in &error.fields {
        item(html, name, value);
    }
}

fn item(html: &mut String, name: &str, value: &str) {
    html.push_str("<li>");
    html.push_str(name);
    html.push_str(": ");
    push_escaped(html, value);
    html.push_str("</li>\n");
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::clock::SystemEntropy;
    use crate::s3::error::Code;
    use crate::s3::pipeline::request_id::RequestIds;

    #[tokio::test]
    async fn what_a_visitor_typed_is_shown_and_not_run() {
        let id = RequestIds::new(&SystemEntropy).next();
        let request_info = RequestInfo { id, host: HeaderValue::from_static("host") };
        let error = S3Error::new(Code::NoSuchKey).field("Key", "<script>alert(\"1\")</script>");
        let response = show(&error, Some(&Code::AccessDenied.into()), &request_info);
        assert_eq!(response.status().as_u16(), 404);
        assert_eq!(response.headers()["x-amz-error-code"], "NoSuchKey");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let html = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(html.contains("<h1>404 Not Found</h1>") && html.contains("<li>Code: AccessDenied</li>"), "{html}");
        assert!(html.contains("<li>Key: &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;</li>"), "{html}");
        assert!(html.contains(&format!("<li>RequestId: {id}</li>")), "{html}");
    }
}
