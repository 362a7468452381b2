//! A wire between gateway and PostgreSQL that speaks its protocol, and can do anything to one step of it.
//!
//! A step is what the gateway sends before it waits for the server: a simple query, or messages that end with Sync. Messages:
//! <https://www.postgresql.org/docs/15/protocol-message-formats.html>.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Which step.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// The so-manieth from now on, counted from 1.
    Step(usize),
    /// The next that has this text.
    Text(&'static str),
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Instead of it the server raises an error with this SQLSTATE.
    Raised(&'static str),
    /// The server does it, and answers the gateway that it failed with this SQLSTATE.
    Replied(&'static str),
    /// The connection ends before it reaches the server.
    CutBefore,
    /// The server does it, and the connection ends before the reply arrives.
    CutAfter,
}

/// The wire.
pub(super) struct Wire {
    pub url: String,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    armed: Mutex<VecDeque<(At, Fault)>>,
    steps: AtomicUsize,
}

struct Message {
    kind: u8,
    /// With its length in front.
    body: Vec<u8>,
}

impl Wire {
    /// To the server of a URL, on a port of its own.
    pub async fn to(url: &str) -> Self {
        let (head, database) = url.rsplit_once('/').unwrap();
        let (credentials, server) = head.rsplit_once('@').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{credentials}@{}/{database}?sslmode=disable", listener.local_addr().unwrap());
        let faults = Arc::new(Faults::default());
        let (server, shared) = (server.to_owned(), faults.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let faults = shared.clone();
                // Either end may go at any moment.
                tokio::spawn(async move { carry(client, server, &faults).await });
            }
        });
        Self { url, faults }
    }

    /// What will happen, one after the other.
    pub fn arm(&self, faults: impl IntoIterator<Item = (At, Fault)>) {
        *self.faults.armed.lock().unwrap() = faults.into_iter().collect();
        self.faults.steps.store(0, Ordering::SeqCst);
    }

    /// Whether all of it has happened.
    pub fn is_done(&self) -> bool {
        self.faults.armed.lock().unwrap().is_empty()
    }
}

impl Faults {
    fn of(&self, step: &[Message]) -> Option<Fault> {
        let number = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        let mut armed = self.armed.lock().unwrap();
        let is_met = match armed.front()?.0 {
            At::Step(wanted) => wanted == number,
            At::Text(text) => step.iter().any(|message| has(&message.body, text.as_bytes())),
        };
        if is_met { armed.pop_front().map(|(_, fault)| fault) } else { None }
    }
}

fn has(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|window| window == text)
}

async fn carry(mut client: TcpStream, mut server: TcpStream, faults: &Faults) -> io::Result<()> {
    start(&mut client, &mut server).await?;
    loop {
        let step = read_step(&mut client).await?;
        match faults.of(&step) {
            None => {
                send(&mut server, &step).await?;
                if step.iter().any(|message| message.kind == b'X') {
                    return Ok(());
                }
                send(&mut client, &read_reply(&mut server).await?).await?;
            }
            Some(Fault::Raised(code)) => {
                let text = format!("DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '{code}'; END $$\0");
                send(&mut server, &[Message::new(b'Q', text.as_bytes())]).await?;
                send(&mut client, &read_reply(&mut server).await?).await?;
            }
            Some(Fault::Replied(code)) => {
                send(&mut server, &step).await?;
                let mut reply = read_reply(&mut server).await?;
                let error = format!("SERROR\0VERROR\0C{code}\0Minjected\0\0");
                let ready = reply.pop().expect("it ends with ReadyForQuery");
                send(&mut client, &[Message::new(b'E', error.as_bytes()), ready]).await?;
            }
            Some(Fault::CutBefore) => return Ok(()),
            Some(Fault::CutAfter) => {
                send(&mut server, &step).await?;
                read_reply(&mut server).await?;
                return Ok(());
            }
        }
    }
}

/// Carries the start of a session: the server says what it wants of the client, until it is ready.
async fn start(client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length).await?;
    let mut rest = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut rest).await?;
    server.write_all(&[&length[..], &rest].concat()).await?;
    loop {
        let message = Message::read(server).await?;
        // AuthenticationOk and the end of SASL want nothing.
        let wants_answer = message.kind == b'R' && !matches!(message.body[4..8], [0, 0, 0, 0 | 12]);
        let is_ready = message.kind == b'Z';
        send(client, &[message]).await?;
        if is_ready {
            return Ok(());
        }
        if wants_answer {
            send(server, &[Message::read(client).await?]).await?;
        }
    }
}

async fn read_step(client: &mut TcpStream) -> io::Result<Vec<Message>> {
    let mut step = Vec::new();
    loop {
        let message = Message::read(client).await?;
        let is_end = matches!(message.kind, b'Q' | b'S' | b'X');
        step.push(message);
        if is_end {
            return Ok(step);
        }
    }
}

async fn read_reply(server: &mut TcpStream) -> io::Result<Vec<Message>> {
    let mut reply = Vec::new();
    loop {
        let message = Message::read(server).await?;
        let is_end = message.kind == b'Z';
        reply.push(message);
        if is_end {
            return Ok(reply);
        }
    }
}

async fn send(to: &mut TcpStream, messages: &[Message]) -> io::Result<()> {
    let bytes = messages.iter().flat_map(|message| [&[message.kind][..], &message.body].concat());
    to.write_all(&bytes.collect::<Vec<_>>()).await
}

impl Message {
    fn new(kind: u8, content: &[u8]) -> Self {
        let length = u32::try_from(content.len() + 4).expect("it is short").to_be_bytes();
        Self { kind, body: [&length, content].concat() }
    }

    async fn read(from: &mut TcpStream) -> io::Result<Self> {
        let kind = from.read_u8().await?;
        let mut body = vec![0; 4];
        from.read_exact(&mut body).await?;
        let length = u32::from_be_bytes(body[..4].try_into().expect("four bytes")) as usize;
        body.resize(length, 0);
        from.read_exact(&mut body[4..]).await?;
        Ok(Self { kind, body })
    }
}
