//! The content of an object as a body.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use futures::Stream;
use http_body::{Frame, SizeHint};

use crate::domain::{BucketId, UsageDelta};
use crate::objects::{ObjectReader, Objects, ObjectsError, OngoingRead};
use crate::s3::pipeline::request_id::RequestId;

/// Streams exactly `length` bytes. An error or an early end breaks the connection, so that no client takes a part for the
/// whole. What was really sent is metered when the stream is dropped.
pub fn content(content: ContentToSend, objects: Objects, bucket: BucketId, id: RequestId) -> Body {
    let ContentToSend { reader, length, ongoing_read } = content;
    Body::new(Content { reader, left: length, sent: 0, objects, bucket, id, _ongoing_read: ongoing_read })
}

/// The bytes of a response.
pub struct ContentToSend {
    /// Where they come from.
    pub reader: ObjectReader,
    /// How many they are.
    pub length: u64,
    /// What keeps them from being deleted until they are sent.
    pub ongoing_read: Option<OngoingRead>,
}

struct Content {
    reader: ObjectReader,
    left: u64,
    sent: u64,
    objects: Objects,
    bucket: BucketId,
    id: RequestId,
    _ongoing_read: Option<OngoingRead>,
}

impl Content {
    fn broken(&mut self, error: ObjectsError) -> ObjectsError {
        tracing::warn!(request = %self.id, sent = self.sent, left = self.left, %error, "a response was aborted after its head was sent");
        self.left = 0;
        error
    }
}

impl http_body::Body for Content {
    type Data = Bytes;
    type Error = ObjectsError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ObjectsError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let outcome = match ready!(Pin::new(&mut self.reader).poll_next(context)) {
            Some(Ok(bytes)) => match self.left.checked_sub(bytes.len() as u64) {
                Some(left) => {
                    self.left = left;
                    self.sent += bytes.len() as u64;
                    Ok(Frame::data(bytes))
                }
                None => Err(ObjectsError::Internal("an object has more bytes than the size of its version".to_owned())),
            },
            Some(Err(error)) => Err(error),
            None => Err(ObjectsError::Internal("an object has fewer bytes than the size of its version".to_owned())),
        };
        Poll::Ready(Some(outcome.map_err(|error| self.broken(error))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.objects.meter(self.bucket, UsageDelta { egress_bytes: self.sent, ..UsageDelta::default() });
    }
}
