//! Connections that are kept: one request at a time each, any number of them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::stream;
use http::Response;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::reply::Reply;
use crate::Payload;

type WireBody = UnsyncBoxBody<Bytes, Infallible>;

const DEADLINE: Duration = Duration::from_secs(120);
const PIECE_BYTES: u64 = 64 << 10;

/// The body of a request.
pub enum Body {
    /// Held whole.
    Whole(Bytes),
    /// Made while it is sent.
    Streamed(Payload),
}

/// A reply whose body nobody has read yet.
pub struct OpenReply {
    connection: SendRequest<WireBody>,
    body: Incoming,
}

/// The idle connections to one gateway.
pub struct Pool {
    address: SocketAddr,
    idle: Mutex<Vec<SendRequest<WireBody>>>,
}

impl Body {
    /// How many bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Streamed(payload) => payload.len,
        }
    }

    fn onto_the_wire(self) -> WireBody {
        match self {
            Self::Whole(bytes) => Full::new(bytes).boxed_unsync(),
            Self::Streamed(payload) => StreamBody::new(stream::unfold(0, move |offset| {
                let piece = payload.range(offset..offset + PIECE_BYTES);
                let next = offset + piece.len() as u64;
                std::future::ready((!piece.is_empty()).then(|| (Ok(Frame::data(piece)), next)))
            }))
            .boxed_unsync(),
        }
    }
}

impl Pool {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, idle: Mutex::new(Vec::new()) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub async fn send(&self, request: http::Request<Body>) -> Result<Reply> {
        let line = format!("{} {}", request.method(), request.uri());
        let exchange = async {
            let (connection, response) = self.exchange(request).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.context("the reply broke off")?.to_bytes();
            self.keep(connection);
            anyhow::Ok(Reply { status: head.status.as_u16(), headers: head.headers, body, line: line.clone() })
        };
        tokio::time::timeout(DEADLINE, exchange).await.context("no reply in time")?.with_context(|| line.clone())
    }

    pub async fn expect_payload(&self, request: http::Request<Body>, payload: &Payload) -> Result<()> {
        self.read_payload(self.begin(request).await?, payload).await
    }

    /// Reads the head of a reply that must be a success, and nothing of its body.
    pub async fn begin(&self, request: http::Request<Body>) -> Result<OpenReply> {
        let (connection, response) = self.exchange(request).await?;
        ensure!(response.status().is_success(), "status {}", response.status());
        Ok(OpenReply { connection, body: response.into_body() })
    }

    /// Reads the body, which must be the payload.
    pub async fn read_payload(&self, reply: OpenReply, payload: &Payload) -> Result<()> {
        let OpenReply { connection, mut body } = reply;
        let mut offset = 0;
        while let Some(frame) = body.frame().await {
            let Ok(bytes) = frame.context("the reply broke off")?.into_data() else { continue };
            ensure!(payload.matches(offset, &bytes), "wrong bytes after offset {offset}");
            offset += bytes.len() as u64;
        }
        ensure!(offset == payload.len, "{offset} bytes of {}", payload.len);
        self.keep(connection);
        Ok(())
    }

    async fn exchange(&self, request: http::Request<Body>) -> Result<(SendRequest<WireBody>, Response<Incoming>)> {
        let (head, body) = request.into_parts();
        let mut connection = self.connection().await?;
        let response = connection.send_request(http::Request::from_parts(head, body.onto_the_wire())).await?;
        Ok((connection, response))
    }

    /// An idle connection that the gateway has not closed meanwhile, else a new one.
    async fn connection(&self) -> Result<SendRequest<WireBody>> {
        loop {
            let idle = self.idle.lock().unwrap().pop();
            let Some(mut connection) = idle else { break };
            if connection.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut connection, driver) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        connection.ready().await?;
        Ok(connection)
    }

    fn keep(&self, connection: SendRequest<WireBody>) {
        if !connection.is_closed() {
            self.idle.lock().unwrap().push(connection);
        }
    }
}
