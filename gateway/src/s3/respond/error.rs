//! Errors as S3 shows them.

use axum::body::Body;
use http::{Method, StatusCode, header};

use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::S3Error;
use crate::s3::pipeline::request::RequestInfo;
use crate::s3::respond::{Response, XML};

/// The reply that reports the error to a client. HEAD gets the status alone, and so does a status that has no body.
#[must_use]
pub fn refuse(error: &S3Error, method: &Method, request_info: &RequestInfo) -> Response {
    let status = error.status();
    let body = if *method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
        Body::empty()
    } else {
        let mut writer = XmlWriter::declared(512);
        write(&mut writer, error, request_info);
        Body::from(writer.finish())
    };
    reply(error, body)
}

/// The reply that reports the error to a client of S3 Control, whose errors have a wrapping.
#[must_use]
pub fn refuse_control(error: &S3Error, request_info: &RequestInfo) -> Response {
    let mut writer = XmlWriter::declared(512);
    writer.open("ErrorResponse").open("Error");
    write_cause(&mut writer, error);
    writer.close("Error").plain("RequestId", request_info.id);
    writer.text("HostId", request_info.host.to_str().unwrap_or_default());
    reply(error, Body::from(writer.end("ErrorResponse")))
}

fn reply(error: &S3Error, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, XML);
    for (name, value) in &error.headers {
        headers.append(name, value.clone());
    }
    response
}

/// Writes the element of an error.
pub fn write(writer: &mut XmlWriter, error: &S3Error, request_info: &RequestInfo) {
    writer.open("Error");
    write_cause(writer, error);
    writer.plain("RequestId", request_info.id);
    writer.text("HostId", request_info.host.to_str().unwrap_or_default()).close("Error");
}

fn write_cause(writer: &mut XmlWriter, error: &S3Error) {
    writer.text("Code", error.code.name()).text("Message", &error.message);
    for (name, value) in &error.fields {
        writer.text(name, value);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::clock::SystemEntropy;
    use crate::s3::error::Code;
    use crate::s3::pipeline::request_id::RequestIds;

    fn request_info() -> RequestInfo {
        let id = RequestIds::new(&SystemEntropy).next();
        RequestInfo { id, host: HeaderValue::from_static("aG9zdA==") }
    }

    async fn text(response: Response) -> String {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_error_names_its_request() {
        let request_info = request_info();
        let error = S3Error::new(Code::NoSuchKey).field("Key", "<x>");
        let response = refuse(&error, &Method::GET, &request_info);
        assert_eq!(
            (response.status().as_u16(), response.headers()["content-type"].as_bytes()),
            (404, &b"application/xml"[..])
        );
        let expected = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does \
             not exist.</Message><Key>&lt;x&gt;</Key><RequestId>{}</RequestId><HostId>aG9zdA==</HostId></Error>",
            request_info.id
        );
        assert_eq!(text(response).await, expected);
    }

    #[tokio::test]
    async fn an_error_of_control_is_wrapped() {
        let request_info = request_info();
        let response = refuse_control(&S3Error::new(Code::NoSuchResource), &request_info);
        assert_eq!(response.status().as_u16(), 404);
        let expected = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ErrorResponse><Error><Code>NoSuchResource</Code><Message>The \
             specified resource doesn't exist.</Message></Error><RequestId>{}</RequestId><HostId>aG9zdA==</HostId>\
             </ErrorResponse>",
            request_info.id
        );
        assert_eq!(text(response).await, expected);
    }

    #[tokio::test]
    async fn head_gets_the_status_alone() {
        let response = refuse(&S3Error::new(Code::AccessDenied), &Method::HEAD, &request_info());
        assert_eq!(response.status().as_u16(), 403);
        assert_eq!(text(response).await, "");
    }

    #[tokio::test]
    async fn what_went_wrong_inside_stays_inside() {
        let error = S3Error::internal("secret place");
        assert!(!text(refuse(&error, &Method::GET, &request_info())).await.contains("secret"));
    }
}
