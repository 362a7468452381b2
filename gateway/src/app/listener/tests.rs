//! Raw sockets against real listeners: who is served, who is cut, and when.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::TaskTracker;

use super::*;
use crate::config::TlsConfig;
use crate::tests::wait_until;

/// Answers by path; `/slow` answers when notified.
#[derive(Clone)]
struct Rehearsal(Arc<tokio::sync::Notify>);

impl tower::Service<Request<Body>> for Rehearsal {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let rehearsal = self.clone();
        Box::pin(async move { Ok(rehearsal.answer(request).await) })
    }
}

impl Rehearsal {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        match request.uri().path() {
            "/count" => match request.into_body().collect().await {
                Ok(body) => Response::new(Body::from(body.to_bytes().len().to_string())),
                Err(error) => Response::new(Body::from(format!("error: {error}"))),
            },
            "/slow" => {
                self.0.notified().await;
                Response::new(Body::from("at last"))
            }
            "/panic" => panic!("on purpose"),
            "/endless" => {
                let chunk = Bytes::from(vec![7; 64 << 10]);
                Response::new(Body::from_stream(futures::stream::repeat_with(move || {
                    Ok::<_, Infallible>(chunk.clone())
                })))
            }
            _ => Response::new(Body::from("hello")),
        }
    }
}

/// Short enough to wait for, long enough for a busy machine.
fn timeouts() -> Timeouts {
    Timeouts {
        connections: 100,
        requests: 100,
        connections_per_peer: 100,
        requests_per_peer: 100,
        loopback_is_a_peer: true,
        first_byte: Duration::from_millis(300),
        header: Duration::from_millis(300),
        handshake: Duration::from_millis(300),
        idle: Duration::from_millis(400),
        rest: Duration::from_millis(60),
        linger: Duration::from_secs(20),
        linger_pause: Duration::from_millis(500),
        write: Duration::from_millis(500),
        body_rate_min: 1_000,
        body_window: Duration::from_millis(400),
        sweep: Duration::from_millis(20),
    }
}

struct Stage {
    address: SocketAddr,
    monitor: Arc<ConnectionMonitor>,
    tasks: TaskTracker,
    go: Arc<tokio::sync::Notify>,
}

fn stage_with(timeouts: Timeouts, certificates: Option<Arc<Certificates>>) -> Stage {
    let monitor = ConnectionMonitor::new(timeouts);
    let go = Arc::new(tokio::sync::Notify::new());
    let socket = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener =
        Listener { socket, certificates, monitor: Arc::clone(&monitor), handler: Rehearsal(Arc::clone(&go)) };
    let address = listener.address().unwrap();
    let tasks = TaskTracker::new();
    tokio::spawn(listener.run(tasks.clone()));
    tokio::spawn(Arc::clone(&monitor).sweep_for_ever());
    Stage { address, monitor, tasks, go }
}

fn stage() -> Stage {
    stage_with(timeouts(), None)
}

async fn connect(stage: &Stage) -> TcpStream {
    TcpStream::connect(stage.address).await.unwrap()
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// Everything until the other side closes, or resets.
async fn rest<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut heard = Vec::new();
    drop(tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut heard)).await.expect("closed in time"));
    String::from_utf8_lossy(&heard).into_owned()
}

/// One response with a body of known length.
async fn response<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut heard = String::new();
    loop {
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).await.unwrap();
        heard.push(char::from(byte[0]));
        if let Some((head, body)) = heard.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() == length.parse::<usize>().unwrap() {
                return heard;
            }
        }
    }
}

async fn closed_after(stream: &mut TcpStream) -> (Duration, String) {
    let began = Instant::now();
    let heard = rest(stream).await;
    (began.elapsed(), heard)
}

const HELLO: &str = "GET /hello HTTP/1.1\r\nhost: h\r\n\r\n";

#[tokio::test]
async fn requests_are_answered_one_after_the_other() {
    let stage = stage();
    let mut stream = connect(&stage).await;
    for _ in 0..3 {
        say(&mut stream, HELLO).await;
        assert!(response(&mut stream).await.ends_with("hello"));
    }
    say(&mut stream, "PUT /count HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n12345").await;
    assert!(response(&mut stream).await.ends_with("\r\n\r\n5"));
    say(&mut stream, "PUT /count HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n").await;
    assert!(response(&mut stream).await.ends_with("\r\n\r\n0"));
}

#[tokio::test]
async fn a_connection_that_rested_goes_on() {
    let stage = stage_with(Timeouts { idle: Duration::from_secs(9), rest: Duration::ZERO, ..timeouts() }, None);
    let mut stream = connect(&stage).await;
    rest_between_requests(&mut stream).await;
    rests(&stage).await;
    stage.monitor.close();
    assert_eq!(rest(&mut stream).await, "", "a resting connection hears that it is over");
}

#[tokio::test]
async fn a_tls_connection_that_rested_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path(), "h.example");
    let certificates = Some(Arc::new(Certificates::load(&files).unwrap()));
    let stage = stage_with(Timeouts { idle: Duration::from_secs(9), rest: Duration::ZERO, ..timeouts() }, certificates);
    let mut stream = client(&files, &[]).connect(named("h.example"), connect(&stage).await).await.unwrap();
    rest_between_requests(&mut stream).await;
    rests(&stage).await;
    stage.monitor.close();
    let mut heard = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut heard)).await;
    assert!(end.expect("closed in time").is_ok(), "the end is announced: nothing was cut off");
    assert!(heard.is_empty());
}

/// Waits until nothing serves the only connection: the handler is held by the stage, the listener and what waits for bytes.
async fn rests(stage: &Stage) {
    wait_until("the connection rests", async || (Arc::strong_count(&stage.go) == 3).then_some(())).await;
}

/// Sends requests with pauses between them, some of which are long enough to rest.
async fn rest_between_requests<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    for round in 0..6_u64 {
        say(stream, "PUT /count HTTP/1.1\r\nhost: h\r\ncontent-length: 100000\r\n\r\n").await;
        say(stream, &"z".repeat(100_000)).await;
        assert!(response(stream).await.ends_with("100000"), "round {round}");
        // Now and then two at once, so that one is read ahead.
        say(stream, &HELLO.repeat(if round % 2 == 0 { 1 } else { 2 })).await;
        for _ in 0..=round % 2 {
            assert!(response(stream).await.ends_with("hello"), "round {round}");
        }
        tokio::time::sleep(Duration::from_millis(20 * round)).await;
    }
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let stage = stage();
    let (waited, heard) = closed_after(&mut connect(&stage).await).await;
    assert!(waited >= Duration::from_millis(250) && heard.is_empty(), "{waited:?} {heard}");
}

#[tokio::test]
async fn a_head_that_drips_is_closed() {
    let stage = stage();
    let (mut reader, mut writer) = connect(&stage).await.into_split();
    let began = Instant::now();
    let dripping = tokio::spawn(async move {
        for byte in HELLO.bytes().cycle() {
            if writer.write_all(&[if byte == b'\n' { b'x' } else { byte }]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    });
    let mut heard = Vec::new();
    drop(reader.read_to_end(&mut heard).await);
    assert!((250..3_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    dripping.abort();
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let stage = stage();
    let mut idle = connect(&stage).await;
    let mut busy = connect(&stage).await;
    say(&mut idle, HELLO).await;
    response(&mut idle).await;
    say(&mut busy, "GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let (waited, heard) = closed_after(&mut idle).await;
    assert!(waited >= Duration::from_millis(350) && heard.is_empty(), "{waited:?} {heard}");
    // Another one rests for as long again, while the busy one waits for its answer.
    let mut idle = connect(&stage).await;
    say(&mut idle, HELLO).await;
    response(&mut idle).await;
    closed_after(&mut idle).await;
    stage.go.notify_one();
    assert!(response(&mut busy).await.ends_with("at last"), "thinking is not idling");
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_and_one_that_flows_is_not() {
    let stage = stage();
    let put = "PUT /count HTTP/1.1\r\nhost: h\r\ncontent-length: 1000\r\n\r\n";
    let (mut slow, mut fast) = (connect(&stage).await, connect(&stage).await);
    say(&mut slow, put).await;
    say(&mut fast, put).await;
    let drip = async {
        for _ in 0..25 {
            if slow.write_all(b"x").await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        rest(&mut slow).await
    };
    let flow = async {
        for _ in 0..10 {
            say(&mut fast, &"y".repeat(100)).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        response(&mut fast).await
    };
    let (dripped, flowed) = tokio::join!(drip, flow);
    assert!(dripped.contains("error:") || dripped.is_empty(), "{dripped}");
    assert!(flowed.ends_with("1000"), "{flowed}");
}

#[tokio::test]
async fn a_response_nobody_takes_is_cut_and_a_slow_reader_is_not() {
    let stage = stage();
    let endless = "GET /endless HTTP/1.1\r\nhost: h\r\n\r\n";
    let (mut stuck, mut slow) = (connect(&stage).await, connect(&stage).await);
    say(&mut stuck, endless).await;
    say(&mut slow, endless).await;
    let mut buffer = vec![0; 1 << 20];
    for _ in 0..30 {
        assert!(slow.read(&mut buffer).await.unwrap() > 0, "a slow reader was cut");
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    drop(slow);
    // What the kernel holds can still be read, then it ends.
    let began = Instant::now();
    while let Ok(read) = stuck.read(&mut buffer).await {
        assert!(began.elapsed() < Duration::from_secs(5), "the response still flows");
        if read == 0 {
            break;
        }
    }
}

#[tokio::test]
async fn one_connection_too_many_hears_why() {
    let stage = stage_with(Timeouts { connections: 2, idle: Duration::from_secs(9), ..timeouts() }, None);
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&stage).await;
        say(&mut stream, HELLO).await;
        response(&mut stream).await;
        kept.push(stream);
    }
    let mut refused = connect(&stage).await;
    say(&mut refused, HELLO).await;
    let heard = rest(&mut refused).await;
    assert!(heard.starts_with("HTTP/1.1 503 ") && heard.contains("retry-after: 1"), "{heard}");
    assert!(heard.contains("<Code>SlowDown</Code>"), "{heard}");

    drop(kept.pop());
    wait_until("the place that was given back is taken again", async || {
        let mut stream = connect(&stage).await;
        stream.write_all(HELLO.as_bytes()).await.ok()?;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.ok()?;
        (&first == b"HTTP/1.1 200").then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_request_too_many_is_told_to_slow_down() {
    let stage = stage_with(Timeouts { requests: 1, ..timeouts() }, None);
    let (mut first, mut second) = (connect(&stage).await, connect(&stage).await);
    say(&mut first, "GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await;
    while stage.monitor.active() == 0 {
        tokio::task::yield_now().await;
    }
    say(&mut second, HELLO).await;
    let refused = response(&mut second).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("SlowDown"), "{refused}");
    stage.go.notify_one();
    assert!(response(&mut first).await.ends_with("at last"));
    say(&mut second, HELLO).await;
    assert!(response(&mut second).await.ends_with("hello"), "the connection itself is still good");
}

/// Sends 8 MiB that nobody reads, as clients do that look for a response only then, and hears the response.
async fn unwanted_upload<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> String {
    const BYTES: usize = 8 << 20;
    say(stream, &format!("PUT /hello HTTP/1.1\r\nhost: h\r\ncontent-length: {BYTES}\r\n\r\n")).await;
    stream.write_all(&vec![7; BYTES]).await.expect("the connection is not reset");
    stream.flush().await.unwrap();
    rest(stream).await
}

#[tokio::test]
async fn an_upload_that_is_not_wanted_hears_the_response() {
    let plain = stage();
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path(), "h.example");
    let sealed = stage_with(timeouts(), Some(Arc::new(Certificates::load(&files).unwrap())));
    for _ in 0..10 {
        let heard = unwanted_upload(&mut connect(&plain).await).await;
        assert!(heard.ends_with("hello"), "{heard}");
        let mut stream = client(&files, &[]).connect(named("h.example"), connect(&sealed).await).await.unwrap();
        let heard = unwanted_upload(&mut stream).await;
        assert!(heard.ends_with("hello"), "{heard}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_close_is_not_lingered_for_long() {
    let stage = stage();
    let mut stream = connect(&stage).await;
    say(&mut stream, "PUT /hello HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999\r\n\r\n").await;
    assert!(rest(&mut stream).await.ends_with("hello"), "the writing side is closed at once");
    assert_eq!(stage.monitor.open(), 1);
    wait_until("it is given up", async || (stage.monitor.open() == 0).then_some(())).await;
}

#[tokio::test]
async fn one_peer_has_its_share_of_connections_and_no_more() {
    let stage = stage_with(Timeouts { connections_per_peer: 1, idle: Duration::from_secs(9), ..timeouts() }, None);
    let mut kept = connect(&stage).await;
    say(&mut kept, HELLO).await;
    response(&mut kept).await;
    // Refused before it has sent anything.
    let mut refused = connect(&stage).await;
    let heard = rest(&mut refused).await;
    assert!(heard.starts_with("HTTP/1.1 503 ") && heard.contains("<Code>SlowDown</Code>"), "{heard}");
    // Another address of this machine is another peer.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(stage.address).await.unwrap();
    say(&mut other, HELLO).await;
    assert!(response(&mut other).await.ends_with("hello"));
    say(&mut kept, HELLO).await;
    assert!(response(&mut kept).await.ends_with("hello"));

    let lenient = Timeouts { loopback_is_a_peer: false, ..stage.monitor.timeouts() };
    stage.monitor.set_timeouts(lenient);
    let mut many = Vec::new();
    for _ in 0..10 {
        let mut stream = connect(&stage).await;
        say(&mut stream, HELLO).await;
        assert!(response(&mut stream).await.ends_with("hello"), "this machine has no share");
        many.push(stream);
    }
}

#[tokio::test]
async fn one_peer_has_its_share_of_requests_and_no_more() {
    let stage = stage_with(Timeouts { requests_per_peer: 1, ..timeouts() }, None);
    let (mut first, mut second) = (connect(&stage).await, connect(&stage).await);
    say(&mut first, "GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await;
    while stage.monitor.active() == 0 {
        tokio::task::yield_now().await;
    }
    say(&mut second, HELLO).await;
    let refused = response(&mut second).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("SlowDown"), "{refused}");
    stage.go.notify_one();
    assert!(response(&mut first).await.ends_with("at last"));
    say(&mut second, HELLO).await;
    assert!(response(&mut second).await.ends_with("hello"), "the connection itself is still good");
}

#[tokio::test]
async fn a_panic_is_an_answer() {
    let stage = stage();
    let mut stream = connect(&stage).await;
    say(&mut stream, "GET /panic HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let heard = rest(&mut stream).await;
    assert!(heard.starts_with("HTTP/1.1 500") && heard.contains("<Code>InternalError</Code>"), "{heard}");
    assert!(!heard.contains("on purpose"), "internals leaked: {heard}");
    assert_eq!(stage.monitor.active(), 0);
}

#[tokio::test]
async fn closing_lets_requests_finish_and_idle_connections_go() {
    let stage = stage_with(Timeouts { idle: Duration::from_secs(60), ..timeouts() }, None);
    let (mut idle, mut busy) = (connect(&stage).await, connect(&stage).await);
    say(&mut idle, HELLO).await;
    response(&mut idle).await;
    say(&mut busy, "GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await;
    while stage.monitor.active() == 0 {
        tokio::task::yield_now().await;
    }
    stage.monitor.close();
    stage.tasks.close();
    assert_eq!(rest(&mut idle).await, "");
    stage.go.notify_one();
    let heard = rest(&mut busy).await;
    assert!(heard.ends_with("at last") && heard.contains("connection: close"), "{heard}");
    tokio::time::timeout(Duration::from_secs(5), stage.tasks.wait()).await.expect("nothing is left");
    assert_eq!((stage.monitor.open(), stage.monitor.active()), (0, 0));
}

#[tokio::test]
async fn what_does_not_finish_is_cut() {
    let stage = stage();
    let mut busy = connect(&stage).await;
    say(&mut busy, "GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await;
    while stage.monitor.active() == 0 {
        tokio::task::yield_now().await;
    }
    stage.monitor.close();
    stage.monitor.cut();
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test]
async fn heads_that_are_too_long_are_refused() {
    let stage = stage();
    let mut stream = connect(&stage).await;
    let long = format!("GET /hello HTTP/1.1\r\nhost: h\r\nx-long: {}\r\n\r\n", "x".repeat(40 << 10));
    say(&mut stream, &long).await;
    let heard = rest(&mut stream).await;
    assert!(heard.starts_with("HTTP/1.1 431"), "{heard}");
}

/// Files of a certificate made for the occasion.
fn certificate(folder: &Path, name: &str) -> TlsConfig {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let files = TlsConfig { certificate: folder.join("certificate.pem"), key: folder.join("key.pem"), listen: None };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    files
}

/// A client that trusts the certificate as it is in the file now, and offers these protocols.
fn client(files: &TlsConfig, protocols: &[&[u8]]) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(client).into()
}

fn named(name: &str) -> rustls_pki_types::ServerName<'static> {
    name.to_owned().try_into().unwrap()
}

#[tokio::test]
async fn tls_works_and_certificates_are_replaced_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path(), "first.example");
    let first_client = client(&files, &[]);
    let certificates = Arc::new(Certificates::load(&files).unwrap());
    let stage = stage_with(timeouts(), Some(Arc::clone(&certificates)));
    let mut stream = first_client.connect(named("first.example"), connect(&stage).await).await.unwrap();
    say(&mut stream, HELLO).await;
    assert!(response(&mut stream).await.ends_with("hello"));

    let files = certificate(folder.path(), "second.example");
    let second_client = client(&files, &[]);
    certificates.reload(&files).unwrap();
    let mut second = second_client.connect(named("second.example"), connect(&stage).await).await.unwrap();
    say(&mut second, HELLO).await;
    assert!(response(&mut second).await.ends_with("hello"));
    say(&mut stream, HELLO).await;
    assert!(response(&mut stream).await.ends_with("hello"), "open connections are not disturbed");

    std::fs::write(&files.certificate, "no certificate").unwrap();
    let error = certificates.reload(&files).expect_err("not a certificate").to_string();
    assert!(error.contains("certificate.pem"), "{error}");
    assert!(second_client.connect(named("second.example"), connect(&stage).await).await.is_ok(), "the old one stays");
}

#[tokio::test]
async fn http2_is_spoken_to_those_who_want_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path(), "h2.example");
    let certificates = Arc::new(Certificates::load(&files).unwrap());
    let stage = stage_with(timeouts(), Some(certificates));
    let negotiated = async |offer: &[&[u8]]| {
        client(&files, offer).connect(named("h2.example"), connect(&stage).await).await.unwrap()
    };
    let both = negotiated(&[b"h2", b"http/1.1"]).await;
    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]), "large bodies move faster on it");

    let stream = negotiated(&[b"h2"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Body>(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().method("PUT").uri("https://h2.example/count").body(Body::from("1234567")).unwrap();
    let answer = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "7");
    let large = Body::from(vec![7; 8 << 20]);
    let request = Request::builder().method("PUT").uri("https://h2.example/hello").body(large).unwrap();
    let answer = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "hello", "although the body was not read");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path(), "h.example");
    let stage = stage_with(timeouts(), Some(Arc::new(Certificates::load(&files).unwrap())));
    let (waited, _) = closed_after(&mut connect(&stage).await).await;
    assert!(waited >= Duration::from_millis(250), "{waited:?}");
}
