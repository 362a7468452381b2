//! A node that lies: something that has the node's key stands before it, passes requests on, and spoils what its behaviour says.

mod conduct;
mod request;
mod texts;
mod transport;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Result;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::server::TlsStream;

use self::request::Asked;
use self::texts::NodeKey;
use super::{StorageNode, slivers_below};

type ReplyBody = UnsyncBoxBody<Bytes, Infallible>;

/// What it does instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing else.
    Honest,
    /// Spoils what is read and what it proves, and signs it.
    ForgesBytes,
    /// Keeps a sliver, and signs that it has another one.
    ForgesRoots,
    /// Reads, and proves, another of its slivers.
    AnswersFromAnotherSliver,
    /// Signs that it has a sliver, and removes it.
    DeletesAfterTheReceipt,
    /// Has removed half of its slivers when this begins.
    DeletesHalf,
    /// Proves whatever it is asked to, and has no time for those who read; but for those who first ask how long a sliver is, which no
    /// client does.
    AnswersAuditsOnly,
    /// Answers a challenge with what it answered to an earlier one: by turns as it was signed then, and signed again.
    ReplaysAnswers,
    /// Sends all but the last byte of what is read and of proofs.
    StallsAtTheLastByte,
    /// Says that all the space in the world is free, and takes nothing.
    LiesAboutCapacity,
    /// Signs that it has what it never kept.
    SignsForNothing,
    /// Shows its heartbeat and takes new ones, and refuses all else, by turns in each way there is.
    RefusesAllButHeartbeats,
}

/// Such a node. It begins honest.
pub struct ByzantineNode {
    liar: Arc<Liar>,
    accepting: JoinHandle<()>,
}

/// What stands before the node.
struct Liar {
    key: NodeKey,
    node: SocketAddr,
    /// The node's data folder.
    data: PathBuf,
    mind: Mutex<Mind>,
}

struct Mind {
    behaviour: Behaviour,
    lies: u64,
    /// Slivers that somebody asked the length of.
    measured: BTreeSet<String>,
    /// What the node proved lately: the sliver, and the answer with its signature.
    answers: Vec<(String, Bytes)>,
}

/// A connection to the node itself.
type Behind = tokio::sync::Mutex<SendRequest<Full<Bytes>>>;

impl ByzantineNode {
    /// Stands before a node: gateways that are configured from now on reach this instead.
    ///
    /// # Errors
    /// The node has no key, or there is no free port.
    pub async fn before(node: &mut StorageNode) -> Result<Self> {
        let key = NodeKey::read(&node.data())?;
        let tls = transport::acceptor(&key.der)?;
        let mind =
            Mutex::new(Mind { behaviour: Behaviour::Honest, lies: 0, measured: BTreeSet::new(), answers: Vec::new() });
        let liar = Arc::new(Liar { key, node: node.address(), data: node.data(), mind });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        node.reach_at(listener.local_addr()?);
        let lying = Arc::clone(&liar);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, liar) = (tls.clone(), Arc::clone(&lying));
                tokio::spawn(async move {
                    if let Ok(stream) = tls.accept(stream).await {
                        liar.serve(stream).await;
                    }
                });
            }
        });
        Ok(Self { liar, accepting })
    }

    /// From now on it does this.
    ///
    /// # Errors
    /// It should remove slivers, and cannot.
    pub fn behave(&self, behaviour: Behaviour) -> Result<()> {
        let mut mind = self.liar.mind();
        (mind.behaviour, mind.lies) = (behaviour, 0);
        mind.measured.clear();
        if behaviour == Behaviour::DeletesHalf {
            for sliver in slivers_below(&self.liar.data)?.iter().step_by(2) {
                fs::remove_file(sliver)?;
                mind.lies += 1;
            }
        }
        Ok(())
    }

    /// How often it has done what it should not, since it behaves like this.
    #[must_use]
    pub fn lies(&self) -> u64 {
        self.liar.mind().lies
    }
}

impl Drop for ByzantineNode {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Liar {
    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().expect("nothing panics while it holds this")
    }

    async fn serve(&self, stream: TlsStream<TcpStream>) {
        let Ok(behind) = transport::connect(self.node).await else { return };
        let behind = Behind::new(behind);
        let answer = service_fn(async |request| self.answer(&behind, request).await);
        // A gateway that goes away ends it, and so does the node behind.
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    }

    async fn answer(&self, behind: &Behind, request: Request<Incoming>) -> Result<Response<ReplyBody>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let asked = Asked::read(&head, body)?;
        if let Some(lie) = self.instead(&asked)? {
            self.mind().lies += 1;
            return Ok(lie);
        }
        let (status, reply) = pass_on(behind, head, asked.body.clone()).await?;
        self.afterwards(&asked, status, reply)
    }
}

async fn pass_on(behind: &Behind, mut head: http::request::Parts, body: Bytes) -> Result<(StatusCode, Bytes)> {
    let mut headers = HeaderMap::new();
    for name in [AUTHORIZATION, HOST] {
        headers.extend(head.headers.get(&name).cloned().map(|value| (name, value)));
    }
    if !body.is_empty() {
        headers.insert(CONTENT_LENGTH, body.len().into());
    }
    head.headers = headers;
    let reply = behind.lock().await.send_request(Request::from_parts(head, Full::new(body))).await?;
    Ok((reply.status(), reply.into_body().collect().await?.to_bytes()))
}
