//! Keep-alive for slow responses: white space is sent while the work is still running.
//!
//! Completing an upload or copying a large object can outlast the timeouts of clients and proxies. If it is not done
//! soon, a 200 goes out with the XML declaration, then a space now and then, and in the end the result, or an `<Error>`
//! in that same 200, as clients of Amazon expect of these operations.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::HeaderMap;

use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::S3Error;
use crate::s3::pipeline::request::RequestInfo;
use crate::s3::respond::{Response, XML, error, xml};

/// What the work produces: the document and the headers that go with it when there is still time for headers.
pub struct Document {
    /// The whole document, declaration included.
    pub xml: String,
    /// Headers.
    pub headers: HeaderMap,
}

type Work = Pin<Box<dyn Future<Output = Result<Document, S3Error>> + Send>>;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Answers when the work is done, or begins to answer after `keep_alive_after`.
///
/// # Errors
/// The work's own error, when it fails in time.
pub async fn when_ready<W>(work: W, keep_alive_after: Duration, request_info: RequestInfo) -> Result<Response, S3Error>
where
    W: Future<Output = Result<Document, S3Error>> + Send + 'static,
{
    let mut work: Work = Box::pin(work);
    if let Ok(done) = tokio::time::timeout(keep_alive_after, &mut work).await {
        let document = done?;
        let mut response = xml(document.xml);
        response.headers_mut().extend(document.headers);
        return Ok(response);
    }
    let rest = stream::unfold(Some((work, request_info)), move |state| async move {
        let (mut work, request_info) = state?;
        let (text, next) = match tokio::time::timeout(keep_alive_after, &mut work).await {
            Err(_still_working) => (" ".to_owned(), Some((work, request_info))),
            Ok(Ok(document)) => (document.xml.strip_prefix(DECLARATION).unwrap_or(&document.xml).to_owned(), None),
            Ok(Err(error)) => (late_error(&error, &request_info), None),
        };
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), next))
    });
    let first = stream::once(async { Ok(Bytes::from_static(DECLARATION.as_bytes())) });
    let mut response = Response::new(Body::from_stream(futures::StreamExt::chain(first, rest)));
    response.headers_mut().insert(http::header::CONTENT_TYPE, XML);
    Ok(response)
}

fn late_error(error: &S3Error, request_info: &RequestInfo) -> String {
    tracing::warn!(request = %request_info.id, %error, "request failed after the response had begun");
    let mut writer = XmlWriter::fragment();
    error::write(&mut writer, error, request_info);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::clock::SystemEntropy;
    use crate::s3::error::Code;
    use crate::s3::pipeline::request_id::RequestIds;

    const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(10);

    fn request_info() -> RequestInfo {
        let id = RequestIds::new(&SystemEntropy).next();
        RequestInfo { id, host: HeaderValue::from_static("host") }
    }

    async fn work(seconds: u64, outcome: Result<(), Code>) -> Result<Document, S3Error> {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        outcome?;
        let headers = [(http::header::ETAG, HeaderValue::from_static("\"e\""))].into_iter().collect();
        Ok(Document { xml: XmlWriter::document("Done", 0).end("Done"), headers })
    }

    async fn text(response: Response) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn quick_work_is_answered_as_a_whole() {
        let response = when_ready(work(9, Ok(())), KEEP_ALIVE_AFTER, request_info()).await.unwrap();
        assert_eq!(response.headers()["etag"], "\"e\"");
        assert!(text(response).await.starts_with(DECLARATION));
        let refused = when_ready(work(9, Err(Code::InvalidPart)), KEEP_ALIVE_AFTER, request_info()).await;
        assert_eq!(refused.unwrap_err().code, Code::InvalidPart);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_work_is_waited_for_with_white_space() {
        let response = when_ready(work(35, Ok(())), KEEP_ALIVE_AFTER, request_info()).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let text = text(response).await;
        let rest = text.strip_prefix(DECLARATION).unwrap();
        assert!(rest.starts_with("  <Done "), "one space for each further ten seconds: {rest:?}");
        assert_eq!(text.matches("<?xml").count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_work_that_fails_says_so_in_its_200() {
        let request_info = request_info();
        let response =
            when_ready(work(35, Err(Code::InternalError)), KEEP_ALIVE_AFTER, request_info.clone()).await.unwrap();
        let text = text(response).await;
        assert!(
            text.contains("<Error><Code>InternalError</Code>") && text.contains(&request_info.id.to_string()),
            "{text}"
        );
    }
}
